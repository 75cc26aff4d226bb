"""Cache of the UUIDs of projects, organisations, offerings and resources that filters name."""

from collections.abc import Iterable, Mapping
from itertools import islice

from gateway.db.driver.database import Database
from gateway.db.driver.encoding import encode_key_array
from gateway.db.driver.statement import Statement

MAX_CACHED_SCOPES = 50_000
"""Maximum number of cached ids of each column.

Entries never become stale: UUIDs do not change, and projects stay with their customers.
"""
_STATEMENTS: Mapping[str, Statement] = {
    "project_id": Statement.from_named_sql("""
select p.id, p.uuid, c.uuid from structure_project p
join structure_customer c on c.id = p.customer_id where p.id = any(cast(:ids as integer[]))
"""),
    "offering_id": Statement.from_named_sql("""
select id, uuid from marketplace_offering where id = any(cast(:ids as integer[]))
"""),
    "resource_id": Statement.from_named_sql("""
select id, uuid from marketplace_resource where id = any(cast(:ids as integer[]))
"""),
}
"""Statements that select the UUIDs of scopes, by the recorded column that refers to them."""


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
        self._uuids: dict[str, dict[int, frozenset[str]]] = {each: {} for each in _STATEMENTS}

    def clear_cache(self) -> None:
        """Forget all UUIDs, as ids may mean others in an exchanged database."""
        for cache in self._uuids.values():
            cache.clear()

    async def load_scope_uuids(self, column: str, ids: Iterable[int]) -> None:
        """Load the UUIDs of values of a column that are not cached.

        Raises UnavailableError if the database can't be reached.
        """
        cache = self._uuids[column]
        missing_ids = [each for each in ids if not _touch_cached(cache, each)]
        if not missing_ids:
            return
        (rows,) = await self._database.fetch_rows(
            [(_STATEMENTS[column], (encode_key_array(missing_ids),))]
        )
        for id_, *uuids in rows:
            cache[id_] = frozenset(each.replace("-", "") for each in uuids)
        for oldest in [*islice(cache, max(0, len(cache) - MAX_CACHED_SCOPES))]:
            del cache[oldest]

    def get_scope_uuids(self, column: str, id_: int | None) -> frozenset[str]:
        """Return the UUIDs of a column's value in hex; empty if not cached.

        Of a project they are its own and its organisation's.
        """
        return self._uuids[column].get(id_ or 0, frozenset())
