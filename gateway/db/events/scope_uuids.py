"""Cache of the UUIDs of projects, organisations, offerings and resources that filters name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from time import monotonic
from typing import NamedTuple, Protocol

from gateway.db.driver.database import Database
from gateway.db.driver.encoding import encode_key_array
from gateway.db.driver.statement import Statement
from gateway.db.events.feed import EventPosition, FeedEvent

MAX_CACHED_SCOPES = 50_000
"""Maximum number of cached ids of each column."""
MAX_AGE_SECONDS = 10
"""Seconds after which UUIDs are loaded again: Waldur moves projects to other organisations."""
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
_TRACKED_SCOPES = {"resource_id": "resource"}
"""Types of objects whose deletions are events, by the recorded column that refers to them."""


class CachedScope(NamedTuple):
    """The UUIDs of a scope, and when they were loaded."""

    uuids: frozenset[str]
    loaded_at: float


class DeletionReader(Protocol):
    """What knows deleted objects: the change feed."""

    async def load_deleted_uuids(
        self, object_type: str, ids: Sequence[int], position: EventPosition, /
    ) -> Mapping[int, str]:
        """Return the uuids of objects that were deleted after `position` or with it, by id."""


class ScopeUuidCache:
    """Cache of UUIDs by id, read without access rules: only for comparisons, never for output.

    The row may be gone when an event is delivered: an order may be deleted together with its
    resource, or a client read what it missed. Then the UUIDs are those that were loaded before, or
    those in the event of the deletion.
    """

    def __init__(
        self,
        database: Database,
        deletion_reader: DeletionReader,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Load UUIDs from `database`, those of deleted objects by `deletion_reader`."""
        self._database, self._deletion_reader, self._clock = database, deletion_reader, clock
        self._scopes: dict[str, dict[int, CachedScope]] = {each: {} for each in _STATEMENTS}

    def clear_cache(self) -> None:
        """Forget all UUIDs, as ids may mean others in an exchanged database."""
        for cache in self._scopes.values():
            cache.clear()

    async def load_scope_uuids(self, column: str, events: Sequence[FeedEvent]) -> None:
        """Load the UUIDs of a column's values in events, before and after them, if necessary.

        Raises UnavailableError if the database can't be reached.
        """
        ids = {id_ for each in events for id_ in each.list_values(column) if id_ is not None}
        due_ids = [each for each in ids if not self._touch_cached(column, each)]
        if not due_ids:
            return
        (rows,) = await self._database.fetch_rows(
            [(_STATEMENTS[column], (encode_key_array(due_ids),))]
        )
        self._store_uuids(column, ((id_, uuids) for id_, *uuids in rows))
        gone_ids = [each for each in due_ids if each not in self._scopes[column]]
        if gone_ids and column in _TRACKED_SCOPES:
            deleted_uuids = await self._deletion_reader.load_deleted_uuids(
                _TRACKED_SCOPES[column], gone_ids, min(each.position for each in events)
            )
            self._store_uuids(column, ((id_, [uuid]) for id_, uuid in deleted_uuids.items()))

    def get_scope_uuids(self, column: str, id_: int | None) -> frozenset[str]:
        """Return the UUIDs of a column's value in hex; empty if not cached.

        Of a project they are its own and its organisation's.
        """
        scope = self._scopes[column].get(id_ or 0)
        return frozenset() if scope is None else scope.uuids

    def _touch_cached(self, column: str, id_: int) -> bool:
        """Return whether an id is cached and recent; make it the most recently used if cached."""
        cache = self._scopes[column]
        scope = cache.pop(id_, None)
        if scope is None:
            return False
        cache[id_] = scope
        return self._clock() - scope.loaded_at < MAX_AGE_SECONDS

    def _store_uuids(self, column: str, rows: Iterable[tuple[int, Iterable[str]]]) -> None:
        """Store the UUIDs of ids, and remove those used least recently if they are too many."""
        cache, loaded_at = self._scopes[column], self._clock()
        for id_, uuids in rows:
            hex_uuids = frozenset(each.replace("-", "") for each in uuids)
            cache[id_] = CachedScope(hex_uuids, loaded_at)
        for oldest in [*islice(cache, max(0, len(cache) - MAX_CACHED_SCOPES))]:
            del cache[oldest]
