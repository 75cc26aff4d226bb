"""A change of the marketplace: one transaction on a viewer's behalf, all of it or nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import msgspec
from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.driver.encoding import hyphenate_uuid
from gateway.db.driver.transactions import Transaction, TransactionPool
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import Access, ColumnRef, QuerySpec
from gateway.db.sql.compiler import StatementCompiler
from gateway.loaders.read_loader import ReadLoader
from gateway.marketplace.preconditions import (
    OPERATION_PRECONDITIONS,
    Precondition,
    ResourceOperation,
    find_first_problem,
)
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

T = TypeVar("T")
_decode_json = msgspec.json.decode


class ChangeResult(NamedTuple):
    """What a change changed: the keys of a resource and, if one was placed, of an order."""

    resource_id: int
    order_id: int | None = None


@dataclass
class UnitOfWork:
    """What the rules of the marketplace have at hand when something changes."""

    viewer: Viewer
    writer: Transaction
    statement_compiler: StatementCompiler
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def installation(self) -> Installation:
        """The marketplace that changes."""
        return self.statement_compiler.installation

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.now.date()

    @property
    def actor_id(self) -> int | None:
        """The key of the user who changes things; None for the marketplace itself."""
        return self.viewer.user_id

    @property
    def loader(self) -> ReadLoader:
        """Loaders of what the viewer sees by now, in the transaction."""
        return ReadLoader(self.writer, self.statement_compiler, self.viewer)

    @property
    def unrestricted_loader(self) -> ReadLoader:
        """Loaders that see everything, for what the marketplace itself has to know."""
        return ReadLoader(self.writer, self.statement_compiler, Viewer(is_staff=True))

    async def lock_resource(
        self,
        uuid: str,
        operation: ResourceOperation,
        if_modified: str | None = None,
        preconditions: Sequence[Precondition] | None = None,
    ) -> ResourceFacts:
        """Give the facts of a resource, which nobody else changes from now on.

        RefusedError if the viewer does not see it, if it was changed since it
        was `modified`, or if something is in the way of the operation.
        """
        resource_id = await self.find_visible_id(tables.resource, uuid)
        await self.writer.lock_rows(tables.resource, resource_id)
        facts = await load_resource_facts(self.loader, resource_id)
        if facts is None:
            raise ChangeRefusedError(build_not_found("resource"))
        required_preconditions = (
            OPERATION_PRECONDITIONS[operation] if preconditions is None else preconditions
        )
        problem = find_first_problem(required_preconditions, self.viewer, facts, self.today)
        if not isinstance(problem, NotPermitted):
            check_unmodified(facts.modified, if_modified)
        raise_problem(problem)
        return facts

    async def find_visible_id(self, table: Table[Any], uuid: str) -> int:
        """Give the key of a row; RefusedError if the viewer does not see it."""
        (key,) = table.primary_key
        query_spec = QuerySpec(table, (ColumnRef(key),), Access.ROW_FILTER, ColumnRef(table.c.uuid))
        rows = await self.loader.load_rows(query_spec, hyphenate_uuid(uuid))
        if not rows:
            raise ChangeRefusedError(build_not_found(table.name.rpartition("_")[2]))
        return int(rows[0][1])

    async def load_row(self, table: Table[Any], id_: int) -> Any:
        """Give a row as it is now, with attributes for its columns; JSON is decoded."""
        (row,) = await self.load_rows(table, id=id_)
        return row

    async def load_rows(self, table: Table[Any], **conditions: Any) -> list[Any]:
        """Give the rows of a table whose columns hold such values, or one of a list of them."""
        columns = [each for each in table.c if not each.system]
        rows = await self.writer.select_rows(table, columns, conditions)
        return [_build_row(columns, values) for values in rows]

    async def update_rows(self, table: Table[Any], id_: int | list[int], **values: Any) -> None:
        """Change a row, or several at once, and note when."""
        await self.writer.update_rows(table, id_, **values, modified=self.now)

    async def insert_row(self, table: Table[Any], **values: Any) -> int:
        """Add a row with a uuid and the moments that its table has."""
        timestamps = {name: self.now for name in ("created", "modified") if name in table.c}
        identity = {"uuid": uuid4()} if "uuid" in table.c else {}
        return await self.writer.insert_row(table, **identity, **timestamps, **values)


class ChangeService:
    """Where changes are made, or why none are."""

    def __init__(
        self,
        transaction_pool: TransactionPool | None = None,
        statement_compiler: StatementCompiler | None = None,
        disabled_reason: str = "",
    ) -> None:
        """Write by `writing`; without it, tell everybody the `reason`."""
        self._transaction_pool, self._statement_compiler, self._disabled_reason = (
            transaction_pool,
            statement_compiler,
            disabled_reason,
        )

    @property
    def is_enabled(self) -> bool:
        """Whether changes can be made at all."""
        return self._transaction_pool is not None

    @property
    def can_store_attachments(self) -> bool:
        """Whether the files that come with orders are kept here."""
        return self._transaction_pool is not None

    async def run_change(
        self, viewer: Viewer, work: Callable[[UnitOfWork], Awaitable[T]]
    ) -> T | Problem:
        """Do `work` on a viewer's behalf; give what it gives, or the problem that stopped it.

        UnavailableError or TimedOutError if the database does not do it.
        """
        if viewer.user_id is None:
            return NotPermitted(message="Send the token of a user: the anonymous change nothing.")
        statement_compiler = self._statement_compiler
        if self._transaction_pool is None or statement_compiler is None:
            return Unavailable(message=self._disabled_reason, retryable=False)
        try:
            return await self._transaction_pool.run_transaction(
                lambda writer: work(UnitOfWork(viewer, writer, statement_compiler))
            )
        except ChangeRefusedError as error:
            return error.problem


def build_not_found(noun: str) -> NotFound:
    """Give the problem of a thing that is not there, or hidden."""
    return NotFound(message=f"There is no such {noun}.")


def check_unmodified(modified: str, if_modified: str | None) -> None:
    """Raise RefusedError if a thing was changed since it was as the client knows it."""
    if if_modified is None or datetime.fromisoformat(modified) <= datetime.fromisoformat(
        if_modified
    ):
        return
    message = "It was changed since then: look at it again, and decide anew."
    raise ChangeRefusedError(Conflict(message=message))


def _build_row(columns: Sequence[Column[Any]], values: Sequence[Any]) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            each.key: _decode_json(value)
            if value is not None and isinstance(each.type, JSONB)
            else value
            for each, value in zip(columns, values, strict=True)
        }
    )
