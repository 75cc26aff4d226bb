"""Cache of the UUIDs of projects, organisations and offerings, by which events are filtered."""

from collections.abc import Iterable
from itertools import islice

from gateway.db.driver.database import Database
from gateway.db.driver.encoding import encode_key_array
from gateway.db.driver.statement import Statement

MAX_CACHED_SCOPES = 50_000
"""Maximum number of cached projects, and of offerings.

Entries never become stale: UUIDs do not change, and projects stay with their customers.
"""
_PROJECTS_SQL = """
select p.id, p.uuid, c.uuid from structure_project p
join structure_customer c on c.id = p.customer_id where p.id = any(cast(:ids as integer[]))
"""
_OFFERINGS_SQL = """
select id, uuid from marketplace_offering where id = any(cast(:ids as integer[]))
"""
_PROJECTS_STATEMENT = Statement.from_named_sql(_PROJECTS_SQL)
_OFFERINGS_STATEMENT = Statement.from_named_sql(_OFFERINGS_SQL)


def _touch_cached(cache: dict[int, frozenset[str]], id_: int) -> bool:
    """Return whether an id is cached; if so, make it the most recently used."""
    uuids = cache.pop(id_, None)
    if uuids is not None:
        cache[id_] = uuids
    return uuids is not None


class ScopeUuidCache:
    """Cache of UUIDs by id, read without access rules: only for comparisons, never for output."""

    def __init__(self, database: Database) -> None:
        """Load UUIDs from `database`."""
        self._database = database
        self._project_uuids: dict[int, frozenset[str]] = {}
        self._offering_uuids: dict[int, frozenset[str]] = {}

    def clear_cache(self) -> None:
        """Forget all UUIDs, as ids may mean others in an exchanged database."""
        self._project_uuids.clear()
        self._offering_uuids.clear()

    async def load_scope_uuids(
        self, project_ids: Iterable[int], offering_ids: Iterable[int]
    ) -> None:
        """Load the UUIDs of ids that are not cached.

        Raises UnavailableError if the database can't be reached.
        """
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
        """Return the UUIDs of a project and its organisation in hex; empty if not cached."""
        return self._project_uuids.get(id_ or 0, frozenset())

    def get_offering_uuids(self, id_: int | None) -> frozenset[str]:
        """Return the UUID of an offering in hex; empty if not cached."""
        return self._offering_uuids.get(id_ or 0, frozenset())
