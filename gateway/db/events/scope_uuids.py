"""Which project, organisation and offering ids stand for: what events are filtered by."""

from collections.abc import Iterable
from itertools import islice

from gateway.db.driver.database import Database
from gateway.db.driver.encoding import encode_key_array
from gateway.db.driver.statement import Statement

MAX_CACHED_SCOPES = 50_000
"""So many places are remembered; uuids never change, and projects stay with their customers."""
_PROJECTS_SQL = """
select p.id, p.uuid, c.uuid from structure_project p
join structure_customer c on c.id = p.customer_id where p.id = any(cast(:ids as integer[]))
"""
_OFFERINGS_SQL = """
select id, uuid from marketplace_offering where id = any(cast(:ids as integer[]))
"""


_PROJECTS_STATEMENT, _OFFERINGS_STATEMENT = (
    Statement.from_named_sql(_PROJECTS_SQL),
    Statement.from_named_sql(_OFFERINGS_SQL),
)


def _touch_cached(cache: dict[int, frozenset[str]], id_: int) -> bool:
    """Say whether a place is known, and keep it longer if so."""
    uuids = cache.pop(id_, None)
    if uuids is not None:
        cache[id_] = uuids
    return uuids is not None


class ScopeUuidCache:
    """Tells the uuids of places; for comparing only, as nobody is shown them from here."""

    def __init__(self, database: Database) -> None:
        """Read them from `database`."""
        self._database = database
        self._project_uuids: dict[int, frozenset[str]] = {}
        self._offering_uuids: dict[int, frozenset[str]] = {}

    async def load_scope_uuids(
        self, project_ids: Iterable[int], offering_ids: Iterable[int]
    ) -> None:
        """Get to know some places; UnavailableError if the database can't be reached."""
        for cache, ids, statement in (
            (self._project_uuids, project_ids, _PROJECTS_STATEMENT),
            (self._offering_uuids, offering_ids, _OFFERINGS_STATEMENT),
        ):
            missing_ids = [each for each in ids if not _touch_cached(cache, each)]
            if not missing_ids:
                continue
            (rows,) = await self._database.fetch_rows(
                [(statement, (encode_key_array(missing_ids),))]
            )
            for id_, *uuids in rows:
                cache[id_] = frozenset(each.replace("-", "") for each in uuids)
            for oldest in [*islice(cache, max(0, len(cache) - MAX_CACHED_SCOPES))]:
                del cache[oldest]

    def get_project_uuids(self, id_: int | None) -> frozenset[str]:
        """Give the uuids of a project and its organisation, as 32 hex digits."""
        return self._project_uuids.get(id_ or 0, frozenset())

    def get_offering_uuids(self, id_: int | None) -> frozenset[str]:
        """Give the uuid of an offering."""
        return self._offering_uuids.get(id_ or 0, frozenset())
