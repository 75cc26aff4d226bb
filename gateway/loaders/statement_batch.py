"""Statement batches: concurrent changes in one transaction share their statements.

The coroutines of the changes run concurrently. What they ask for in the same turn is run as one
statement for each shape (`dispatch` has the cycle), so the number of statements depends on what
the changes do, not on how many they are:

    select_rows, SELECT statements   the statement, repeated for each set of parameters
    lock_rows                        SELECT … FOR UPDATE of all rows, ordered by key
    insert_row                       INSERT … SELECT … FROM unnest(…)
    update_rows                      UPDATE … FROM unnest(…)
    ReadLoader                       the rows of all keys

Other statements, such as DELETE, are run one by one.

The paths of the changes differ where one does more than another. `ProgramOrderDispatcher` lets
those that are ahead wait for the others, so that statements behind a branch are shared, too.

A row that one change has locked can't be locked by another one: as a lock would make it wait in a
transaction of its own, it raises RowLockedError, and has to run after the first one has ended.
Rows that are locked by `lock_shared_rows` are the exception.
"""

import inspect
from collections.abc import Awaitable, Collection, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table

from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Rows, StatementRequest
from gateway.db.driver.encoding import encode_text
from gateway.db.driver.repeated_statement import repeat_statement
from gateway.db.driver.row_access import RowAccess, encode_columns, encode_insertion
from gateway.db.driver.row_statements import (
    KEY_PARAMETER,
    compile_insertion_of_many,
    compile_locking,
    compile_update_of_many,
)
from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import Transaction
from gateway.db.sql.compiler import StatementCompiler
from gateway.loaders.dispatch import BatchDispatcher, KeyBatch, KeyLoader, StatementRunner
from gateway.loaders.read_loader import ReadLoader

T = TypeVar("T")
EncodedValues = tuple[str | None, ...]


class RowLockedError(Exception):
    """Another change of the batch has locked a row."""


class ProgramOrderDispatcher(BatchDispatcher):
    """Dispatcher of changes that all run the same function: it runs one shape at a time.

    The next one is that of the change that is furthest behind in the program. Where a change is
    stands in the line numbers of its coroutines, from the function to the statement: of two
    changes at different lines of one function, that at the lower line is behind. For example:

        36  await log_event(…)                  change 1, erred: (36, 60), its second statement
        37  if is_erred:
        38      await clear_error(…)
        39  await save_version(…)               changes 2 and 3: (39, 110)

    Change 1 runs until it reaches line 39, or waits for the same statement as the others. It
    decides the number of statements only: if the order of lines is not that of the program, as
    when a loop starts over, there may be more.
    """

    def __init__(self, database: StatementRunner) -> None:
        super().__init__(database)
        self._positions: dict[KeyLoader, tuple[int, ...]] = {}

    def add_loader(self, loader: KeyLoader) -> None:
        """Register a loader with the position of the change that queues a key."""
        position = _find_position()
        self._positions[loader] = min(position, self._positions.get(loader, position))
        super().add_loader(loader)

    def take_loaders(self) -> Collection[KeyLoader]:
        """Return the loader of the change that is furthest behind."""
        loader = min(self._pending_loaders, key=self._positions.__getitem__)
        del self._pending_loaders[loader], self._positions[loader]
        return [loader]


def _find_position() -> tuple[int, ...]:
    """Return the line numbers of the running change's coroutines; none in work that is shared."""
    lines: list[int] = []
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not _CHANGE_CODE:
        lines.append(frame.f_lineno)
        frame = frame.f_back
    return () if frame is None else tuple(reversed(lines))


class StatementBatch:
    """The statements of concurrent changes in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._dispatcher = ProgramOrderDispatcher(transaction)
        self._read_loaders: dict[Viewer, ReadLoader] = {}
        self._loaders: dict[Hashable, KeyLoader] = {}
        self._lock_holders: dict[tuple[Table[Any], int], BatchedTransaction] = {}

    def create_loader(self, statement_compiler: StatementCompiler, viewer: Viewer) -> ReadLoader:
        """Return the loader that all changes share."""
        if viewer not in self._read_loaders:
            self._read_loaders[viewer] = ReadLoader(
                self.transaction, statement_compiler, viewer, self._dispatcher
            )
        return self._read_loaders[viewer]

    async def run_change(self, change: Awaitable[T]) -> T:
        """Run a change. Its coroutines are those below this one."""
        return await change

    async def load_rows(self, batch: KeyBatch, shape: Hashable, key: Hashable) -> Rows:
        """Run the statement of a shape for a key, together with those for other keys."""
        loader = self._loaders.get(shape)
        if loader is None:
            loader = KeyLoader(self._dispatcher, batch, has_cache=False)
            self._loaders[shape] = loader
        rows: Rows = await loader.load(key)
        return rows

    def claim_rows(
        self, change: "BatchedTransaction", table: Table[Any], ids: Sequence[int]
    ) -> None:
        """Reserve rows for a change. Raises RowLockedError if another one has locked any."""
        rows = [(table, each) for each in ids]
        if any(self._lock_holders.get(each, change) is not change for each in rows):
            raise RowLockedError
        self._lock_holders.update(dict.fromkeys(rows, change))

    def release_rows(self) -> None:
        """Release all rows for other changes: those that locked them have ended."""
        self._lock_holders.clear()

    async def close(self) -> None:
        """Run nothing more; the rollback must not meet a statement that is being cancelled."""
        await self._dispatcher.close()


_CHANGE_CODE = StatementBatch.run_change.__code__


class BatchedTransaction(RowAccess):
    """A transaction as one change of a batch sees it."""

    def __init__(self, batch: StatementBatch) -> None:
        self._batch = batch
        self.has_written = False
        """Whether the change has written anything, so that it can't be left out any longer."""

    async def fetch_outcomes(self, requests: Sequence[StatementRequest]) -> Sequence[Rows]:
        """Run the statements of a loader that this change has for itself."""
        return await self._batch.transaction.fetch_outcomes(requests)

    async def execute_statement(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        """Run a statement together with the same one of other changes, if it can be repeated."""
        repeated_statement = repeat_statement(statement)
        if repeated_statement is None:
            self.has_written = True
            return await self._batch.transaction.execute_statement(statement, values)
        key = tuple([encode_text(values[name]) for name in statement.parameter_names])
        return await self._batch.load_rows(_Repetition(repeated_statement), statement, key)

    async def lock_rows(self, table: Table[Any], *ids: int) -> bool:
        """Lock rows that no other change of the batch has locked."""
        self._batch.claim_rows(self, table, ids)
        return await self.lock_shared_rows(table, *ids)

    async def lock_shared_rows(self, table: Table[Any], *ids: int) -> bool:
        """Lock rows that other changes of the batch may hold, too."""
        rows = await self._batch.load_rows(_Locking(table), (_Locking, table), ids)
        return len(rows) == len(set(ids))

    async def insert_row(self, table: Table[Any], **values: Any) -> int:
        """Insert a row and return its key."""
        self.has_written = True
        encoded_values = encode_insertion(table, values)
        insertion = _Insertion(table, tuple(encoded_values))
        ((new_key,),) = await self._batch.load_rows(
            insertion, (_Insertion, table, insertion.names), _encode_values(encoded_values)
        )
        return int(new_key)

    async def update_rows(self, table: Table[Any], id_: int | list[int], **values: Any) -> None:
        """Update columns of one or more rows to the same values."""
        ids = tuple(id_) if isinstance(id_, list) else (id_,)
        if not ids:
            return
        self.has_written = True
        update = _Update(table, tuple(values))
        await self._batch.load_rows(
            update,
            (_Update, table, update.names),
            (ids, _encode_values(encode_columns(table, values))),
        )


def _encode_values(values: Mapping[str, Any]) -> EncodedValues:
    return tuple([encode_text(each) for each in values.values()])


def _encode_arrays(rows: Sequence[EncodedValues]) -> EncodedValues:
    """Return the columns of rows as arrays."""
    return tuple([encode_text(column) for column in zip(*rows, strict=True)])


class _Repetition:
    """The runs of one SELECT with several sets of parameters."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement

    async def build_request(self, keys: Sequence[EncodedValues]) -> StatementRequest:
        return self._statement, _encode_arrays([*dict.fromkeys(keys)])

    def group_rows(self, keys: Sequence[EncodedValues], rows: Rows) -> list[Rows]:
        rows_by_key: dict[EncodedValues, Rows] = {key: [] for key in keys}
        groups = [*rows_by_key.values()]
        for ordinal, _row_number, *columns in rows:
            groups[ordinal - 1].append(tuple(columns))
        return [rows_by_key[key] for key in keys]


class _Locking:
    """The locks of rows of one table; a key is a tuple of primary keys."""

    def __init__(self, table: Table[Any]) -> None:
        self._statement = compile_locking(table)

    async def build_request(self, keys: Sequence[tuple[int, ...]]) -> StatementRequest | None:
        ids = sorted({id_ for key in keys for id_ in key})
        return (self._statement, (encode_text(ids),)) if ids else None

    def group_rows(self, keys: Sequence[tuple[int, ...]], rows: Rows) -> list[Rows]:
        existing_ids = {row[0] for row in rows}
        return [[(id_,) for id_ in set(key) & existing_ids] for key in keys]


class _Insertion:
    """New rows of one table; a key is a tuple of their values."""

    def __init__(self, table: Table[Any], names: tuple[str, ...]) -> None:
        self.names, self._statement = names, compile_insertion_of_many(table, names)

    async def build_request(self, keys: Sequence[EncodedValues]) -> StatementRequest:
        return self._statement, _encode_arrays(keys)

    def group_rows(self, _keys: Sequence[EncodedValues], rows: Rows) -> list[Rows]:
        return [[row] for row in sorted(rows)]


class _Update:
    """Updates of the same columns of one table; a key has primary keys, and the values."""

    def __init__(self, table: Table[Any], names: tuple[str, ...]) -> None:
        self.names, self._statement = names, compile_update_of_many(table, names)

    async def build_request(
        self, keys: Sequence[tuple[tuple[int, ...], EncodedValues]]
    ) -> StatementRequest:
        """Return the statement; of a row that is updated twice, the last values."""
        values_by_id = {id_: values for ids, values in keys for id_ in ids}
        rows = [(str(id_), *values) for id_, values in values_by_id.items()]
        arrays = dict(zip((KEY_PARAMETER, *self.names), _encode_arrays(rows), strict=True))
        return self._statement, tuple([arrays[name] for name in self._statement.parameter_names])

    def group_rows(self, keys: Sequence[Any], _rows: Rows) -> list[Rows]:
        return [[] for _ in keys]
