"""What mutations have in common: their inputs, what they give, and how they are carried out."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, TypeVar

import strawberry

from gateway.db import tables
from gateway.db.query_spec import At, Read
from gateway.db.sql.row_types import Row
from gateway.marketplace.problems import InvalidField, InvalidInput, Problem
from gateway.marketplace.unit_of_work import Change, Changed
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import BadInputError, checked
from gateway.schema.framework.publish import published
from gateway.schema.framework.relations import made, whole

T = TypeVar("T", bound=type)
Work = Callable[[Change, Any], Awaitable[Changed]]


def accepted(cls: T) -> T:
    """Make `cls` a GraphQL type of what a mutation gives, described by its docstring."""
    return published(cls)


def mutation(asked: type, gives: type, work: Work) -> Any:
    """Declare a field that does `work` in one transaction, as its input `asked`.

    It `gives` what was accepted, or else the problem that is in the way.
    """

    async def resolve(info: Info, input: Any) -> Any:  # noqa: A002 - Relay's word
        problem = _unreadable(input)
        if problem is not None:
            return problem
        context = info.context
        done = await context.changes.make(context.viewer, lambda change: work(change, input))
        if isinstance(done, Problem):
            return done
        context.forget()
        return gives(
            resource=await _row(info, tables.resource, done.resource),
            order=await _row(info, tables.order, done.order),
        )

    told = strawberry.argument(description="What is to be done.")
    resolve.__annotations__["input"] = Annotated[asked, told]
    del resolve.__annotations__["return"]
    return strawberry.mutation(resolver=resolve)


@cache
def _read(table: Any) -> Read:
    return Read(table, whole(table), match=At(table.c.id))


async def _row(info: Info, table: Any, key: int | None) -> Row | None:
    if key is None:
        return None
    found = await info.context.loads.rows(_read(table), key)
    return made(info, table, found)[0] if found else None


def _unreadable(given: Any) -> InvalidInput | None:
    """Give the problem of values that no database can hold."""
    for each in fields(given):
        try:
            checked(getattr(given, each.name), _public(each.name), bounded=False)
        except BadInputError as error:
            path = [str(name) for name in (error.extensions or {})["argument"]]
            return InvalidInput(
                message=f"{'.'.join(path)}: {error.message}",
                fields=[InvalidField(path=path, message=error.message)],
            )
    return None


def _public(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
