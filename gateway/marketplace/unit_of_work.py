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
from gateway.db.driver.encoding import hyphened
from gateway.db.driver.transactions import Writer, Writing
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import At, Door, Read
from gateway.db.sql.compiler import Statements
from gateway.loaders.read_loader import Loads
from gateway.marketplace.preconditions import CHECKS, Check, ResourceOperation, first
from gateway.marketplace.problems import (
    Conflict,
    NotFound,
    NotPermitted,
    Problem,
    RefusedError,
    Unavailable,
    refuse,
)
from gateway.marketplace.resource_facts import Facts, facts

T = TypeVar("T")
decode = msgspec.json.decode


class Changed(NamedTuple):
    """What a change changed: the keys of a resource and, if one was placed, of an order."""

    resource: int
    order: int | None = None


@dataclass
class Change:
    """What the rules of the marketplace have at hand when something changes."""

    viewer: Viewer
    writer: Writer
    statements: Statements
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def installation(self) -> Installation:
        """The marketplace that changes."""
        return self.statements.installation

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.now.date()

    @property
    def actor(self) -> int | None:
        """The key of the user who changes things; None for the marketplace itself."""
        return self.viewer.user_id

    @property
    def loads(self) -> Loads:
        """Loaders of what the viewer sees by now, in the transaction."""
        return Loads(self.writer, self.statements, self.viewer)

    @property
    def trusted(self) -> Loads:
        """Loaders that see everything, for what the marketplace itself has to know."""
        return Loads(self.writer, self.statements, Viewer(staff=True))

    async def resource(
        self,
        uuid: str,
        operation: ResourceOperation,
        modified: str | None = None,
        checks: Sequence[Check] | None = None,
    ) -> Facts:
        """Give the facts of a resource, which nobody else changes from now on.

        RefusedError if the viewer does not see it, if it was changed since it
        was `modified`, or if something is in the way of the operation.
        """
        id_ = await self.seen(tables.resource, uuid)
        await self.writer.lock(tables.resource, id_)
        found = await facts(self.loads, id_)
        if found is None:
            raise RefusedError(missing("resource"))
        chosen = CHECKS[operation] if checks is None else checks
        problem = first(chosen, self.viewer, found, self.today)
        if not isinstance(problem, NotPermitted):
            unchanged(found.modified, modified)
        refuse(problem)
        return found

    async def seen(self, table: Table[Any], uuid: str) -> int:
        """Give the key of a row; RefusedError if the viewer does not see it."""
        (key,) = table.primary_key
        read = Read(table, (At(key),), Door.VISIBLE, At(table.c.uuid))
        rows = await self.loads.rows(read, hyphened(uuid))
        if not rows:
            raise RefusedError(missing(table.name.rpartition("_")[2]))
        return int(rows[0][1])

    async def row(self, table: Table[Any], id_: int) -> Any:
        """Give a row as it is now, with attributes for its columns; JSON is decoded."""
        (found,) = await self.rows(table, id=id_)
        return found

    async def rows(self, table: Table[Any], **given: Any) -> list[Any]:
        """Give the rows of a table whose columns hold such values, or one of a list of them."""
        columns = [each for each in table.c if not each.system]
        found = await self.writer.rows(table, columns, given)
        return [_record(columns, values) for values in found]

    async def save(self, table: Table[Any], id_: int | list[int], **values: Any) -> None:
        """Change a row, or several at once, and note when."""
        await self.writer.update(table, id_, **values, modified=self.now)

    async def add(self, table: Table[Any], **values: Any) -> int:
        """Add a row with a uuid and the moments that its table has."""
        stamps = {name: self.now for name in ("created", "modified") if name in table.c}
        named = {"uuid": uuid4()} if "uuid" in table.c else {}
        return await self.writer.insert(table, **named, **stamps, **values)


class Changes:
    """Where changes are made, or why none are."""

    def __init__(
        self, writing: Writing | None = None, statements: Statements | None = None, reason: str = ""
    ) -> None:
        """Write by `writing`; without it, tell everybody the `reason`."""
        self._writing, self._statements, self._reason = writing, statements, reason

    @property
    def made(self) -> bool:
        """Whether changes can be made at all."""
        return self._writing is not None

    @property
    def keeps(self) -> bool:
        """Whether the files that come with orders are kept here."""
        return self._writing is not None

    async def make(self, viewer: Viewer, work: Callable[[Change], Awaitable[T]]) -> T | Problem:
        """Do `work` on a viewer's behalf; give what it gives, or the problem that stopped it.

        UnavailableError or TimedOutError if the database does not do it.
        """
        if viewer.user_id is None:
            return NotPermitted(message="Send the token of a user: the anonymous change nothing.")
        statements = self._statements
        if self._writing is None or statements is None:
            return Unavailable(message=self._reason, retryable=False)
        try:
            return await self._writing.change(
                lambda writer: work(Change(viewer, writer, statements))
            )
        except RefusedError as refused:
            return refused.problem


def missing(what: str) -> NotFound:
    """Give the problem of a thing that is not there, or hidden."""
    return NotFound(message=f"There is no such {what}.")


def unchanged(modified: str, expected: str | None) -> None:
    """Raise RefusedError if a thing was changed since it was as the client knows it."""
    if expected is None or datetime.fromisoformat(modified) <= datetime.fromisoformat(expected):
        return
    message = "It was changed since then: look at it again, and decide anew."
    raise RefusedError(Conflict(message=message))


def _record(columns: Sequence[Column[Any]], values: Sequence[Any]) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            each.key: decode(value) if value is not None and isinstance(each.type, JSONB) else value
            for each, value in zip(columns, values, strict=True)
        }
    )
