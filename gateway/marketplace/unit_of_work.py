"""Unit of work: a change of the marketplace as one transaction on a viewer's behalf."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, ParamSpec, TypeVar
from uuid import uuid4

from sqlalchemy import Table

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import UnwritableError
from gateway.db.driver.date_spelling import parse_stored_timestamp
from gateway.db.driver.encoding import hyphenate_uuid
from gateway.db.driver.errors import InvalidDataError
from gateway.db.driver.row_access import RowAccess
from gateway.db.driver.transactions import Transaction, TransactionPool
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import Access, ColumnRef, QuerySpec
from gateway.db.sql.compiler import StatementCompiler
from gateway.loaders.read_loader import ReadLoader
from gateway.marketplace.operation_rules import (
    OPERATION_PRECONDITIONS,
    ResourceOperation,
)
from gateway.marketplace.preconditions import CurrentRules, Precondition, find_first_problem
from gateway.marketplace.problems import (
    ChangeRefusedError,
    Conflict,
    NotFound,
    NotPermitted,
    Problem,
    Unavailable,
    raise_problem,
)
from gateway.marketplace.resource_facts import ResourceFacts, load_resource_facts
from gateway.marketplace.rows import OrderRow
from gateway.marketplace.shared_work import SharedWork
from gateway.marketplace.table_row import ColumnValues, TableRow, as_row_class

log = logging.getLogger(__name__)
T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R", bound=TableRow)
ANONYMOUS_REFUSAL = NotPermitted(message="Changes need authentication: send the token of a user.")


class ChangeResult(NamedTuple):
    """Keys of the changed resource and of the order, if one was placed or changed."""

    resource_id: int | None
    order_id: int | None = None
    target_order_ids: Sequence[int | None] | None = None
    """Keys of the orders of other resources, of a change that places those, too.

    A key is None if the order is hidden from the viewer.
    """


@dataclass
class UnitOfWork:
    """One transaction, with the viewer for whom it runs and the time at which it started.

    An operation first locks the rows that it depends on, then checks its preconditions, then
    writes. A problem is raised as ChangeRefusedError, which rolls everything back. To avoid
    deadlocks, operations lock the resource first, then its order, component or organisation,
    then invoices.
    """

    viewer: Viewer
    writer: RowAccess
    statement_compiler: StatementCompiler
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    shared_work: SharedWork = field(default_factory=SharedWork)
    uses_rest_api: bool = False
    """Whether it is a dry run, after which Waldur's REST API carries the operation out."""
    locked_resource: ResourceFacts | None = field(default=None, init=False)
    """The resource that the operation has locked by `lock_resource`; None before that."""
    locked_order: OrderRow | None = field(default=None, init=False)
    """The order that the operation has locked; None before that."""

    @property
    def installation(self) -> Installation:
        """The installation whose database is changed."""
        return self.statement_compiler.installation

    @property
    def today(self) -> date:
        """The current date in UTC."""
        return self.now.date()

    @property
    def current_rules(self) -> CurrentRules:
        """The date and the version rules by which operations are checked."""
        return CurrentRules(self.today, self.installation.version_rules, self.uses_rest_api)

    @property
    def now_text(self) -> str:
        """The time at which the transaction started, as columns hold it."""
        return self.now.isoformat()

    @property
    def actor_id(self) -> int | None:
        """The viewer's user id; None for the marketplace itself."""
        return self.viewer.user_id

    @property
    def requester_id(self) -> int:
        """The viewer's user id, for columns that must name a user."""
        assert self.viewer.user_id is not None
        return self.viewer.user_id

    @property
    def loader(self) -> ReadLoader:
        """A loader of rows that the viewer can see, inside the transaction."""
        return ReadLoader(self.writer, self.statement_compiler, self.viewer)

    @property
    def unrestricted_loader(self) -> ReadLoader:
        """A loader without row-level predicates, for checks by the marketplace itself."""
        return ReadLoader(self.writer, self.statement_compiler, Viewer(is_staff=True))

    async def lock_resource(
        self,
        uuid: str,
        operation: ResourceOperation,
        if_modified: str | None = None,
        preconditions: Sequence[Precondition] | None = None,
    ) -> ResourceFacts:
        """Lock a resource until the end of the transaction and return its facts.

        `preconditions` replace those of the operation. Raises ChangeRefusedError if the viewer
        can't see the resource, if it was changed after `if_modified`, or if a precondition fails.
        """
        key: int | str = uuid
        if self.writer.takes_locks:
            key = await self.find_visible_id(tables.resource, uuid)
            await self.writer.lock_rows(tables.resource, key)
        facts = await load_resource_facts(self.loader, key)
        if facts is None:
            raise ChangeRefusedError(build_not_found("resource"))
        required_preconditions = (
            OPERATION_PRECONDITIONS[operation] if preconditions is None else preconditions
        )
        problem = find_first_problem(required_preconditions, self.viewer, facts, self.current_rules)
        if not isinstance(problem, NotPermitted):
            check_unmodified(facts.modified, if_modified)
        raise_problem(problem)
        self.locked_resource = facts
        return facts

    async def find_visible_id(self, table: Table[Any], uuid: str) -> int:
        """Return the key of a row.

        Raises ChangeRefusedError if the viewer can't see the row.
        """
        (key,) = table.primary_key
        query_spec = QuerySpec(table, (ColumnRef(key),), Access.ROW_FILTER, ColumnRef(table.c.uuid))
        rows = await self.loader.load_rows(query_spec, hyphenate_uuid(uuid))
        if not rows:
            raise ChangeRefusedError(build_not_found(table.name.rpartition("_")[2]))
        return int(rows[0][1])

    async def load_row(self, row_type: type[R], id_: int) -> R:
        """Return the current row of a key; raises InvalidDataError if there is none."""
        rows = await self._select_rows(row_type, {"id": id_})
        if not rows:
            raise InvalidDataError(f"{row_type.table.name} has no row {id_}.")
        return rows[0]

    async def load_rows(
        self, row_type: Callable[P, R], /, *_args: P.args, **conditions: P.kwargs
    ) -> list[R]:
        """Return the rows whose columns equal the conditions; see also `any_of`."""
        return await self._select_rows(as_row_class(row_type), conditions)

    async def _select_rows(self, row_type: type[R], conditions: Mapping[str, Any]) -> list[R]:
        rows = await self.writer.select_rows(row_type.table, row_type.columns, conditions)
        return [row_type.from_values(values) for values in rows]

    async def update_rows(
        self, row_type: Callable[P, R], id_: int | list[int], /, *_args: P.args, **values: P.kwargs
    ) -> None:
        """Update one or more rows and set their `modified`, if the table has it."""
        await self.update_columns(id_, ColumnValues(row_type, *_args, **values))

    async def update_columns(self, id_: int | list[int], values: ColumnValues[R]) -> None:
        """Update one or more rows like `update_rows`, with prepared values."""
        table = values.row_type.table
        timestamps = {"modified": self.now} if "modified" in table.c else {}
        await self.writer.update_rows(table, id_, **{**values.by_column, **timestamps})

    async def insert_row(
        self, row_type: Callable[P, R], /, *_args: P.args, **values: P.kwargs
    ) -> int:
        """Insert a row and return its key; `uuid`, `created` and `modified` are filled in."""
        table = as_row_class(row_type).table
        timestamps = {name: self.now for name in ("created", "modified") if name in table.c}
        identity = {"uuid": uuid4()} if "uuid" in table.c else {}
        return await self.writer.insert_row(table, **{**identity, **timestamps, **values})


class TransactionRunner:
    """Runs units of work in transactions of a marketplace of our own."""

    def __init__(
        self, transaction_pool: TransactionPool, statement_compiler: StatementCompiler
    ) -> None:
        """Run transactions of a pool; all fail with `read_only_reason` while that is not empty."""
        self._transaction_pool = transaction_pool
        self.statement_compiler = statement_compiler
        self.read_only_reason = ""

    async def run_change(
        self, viewer: Viewer, work: Callable[[UnitOfWork], Awaitable[T]]
    ) -> T | Problem:
        """Run `work` in a transaction and return its result, or the problem that refused it.

        Raises UnavailableError or TimedOutError if the database can't complete the transaction.
        """

        async def run_work(writer: Transaction, statement_compiler: StatementCompiler) -> T:
            unit_of_work = UnitOfWork(viewer, writer, statement_compiler)
            result = await work(unit_of_work)
            for final_work in unit_of_work.shared_work.take_final_works():
                await final_work()
            return result

        return await self.run_transaction(viewer, run_work)

    async def run_transaction(
        self, viewer: Viewer, work: Callable[[Transaction, StatementCompiler], Awaitable[T]]
    ) -> T | Problem:
        """Run `work` on a viewer's behalf, like `run_change`."""
        if viewer.user_id is None:
            return ANONYMOUS_REFUSAL
        statement_compiler = self.statement_compiler
        if self.read_only_reason:
            return Unavailable(message=self.read_only_reason, retryable=False)
        try:
            return await self._transaction_pool.run_transaction(
                lambda writer: work(writer, statement_compiler)
            )
        except ChangeRefusedError as error:
            return error.problem
        except UnwritableError as error:
            log.warning("The database refuses changes: %s", error)
            return _describe_unwritable(error)


def _describe_unwritable(error: UnwritableError) -> Unavailable:
    message = (
        "The database is read-only at present."
        if error.is_temporary
        else "The gateway's database role has not all privileges that changes need."
    )
    return Unavailable(message=message, retryable=error.is_temporary)


def build_not_found(noun: str) -> NotFound:
    """Return the problem of an object that does not exist or is hidden from the viewer."""
    return NotFound(message=f"The {noun} does not exist, or the viewer can't see it.")


def check_unmodified(modified: str, if_modified: str | None) -> None:
    """Raise ChangeRefusedError if `modified` is later than the client's `if_modified`.

    They are compared at the precision of `if_modified`: clients whose times have milliseconds, such
    as JavaScript's Date, cut off the rest of what they read.
    """
    if if_modified is None:
        return
    fraction = if_modified.partition("+")[0].partition(".")[2]
    unit = 10 ** (6 - len(fraction))
    moment = parse_stored_timestamp(modified)
    cut_moment = moment.replace(microsecond=moment.microsecond // unit * unit)
    if cut_moment > datetime.fromisoformat(if_modified):
        message = f"It was modified at {modified}, after `ifModified`: load it again."
        raise ChangeRefusedError(Conflict(message=message))
