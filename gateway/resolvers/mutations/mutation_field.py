"""What mutations have in common: their inputs, what they give, and how they are carried out."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, TypeVar

import strawberry

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, QuerySpec
from gateway.db.sql.row_types import Row
from gateway.marketplace.problems import InvalidField, InvalidInput, Problem
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import BadInputError, validate_input
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.relations import build_rows, list_row_columns

T = TypeVar("T", bound=type)
MutationOperation = Callable[[UnitOfWork, Any], Awaitable[ChangeResult]]


def mutation_payload(cls: T) -> T:
    """Make `cls` a GraphQL type of what a mutation gives, described by its docstring."""
    return object_type(cls)


def declare_mutation(input_type: type, payload_type: type, operation: MutationOperation) -> Any:
    """Declare a field that does `work` in one transaction, as its input `asked`.

    It `gives` what was accepted, or else the problem that is in the way.
    """

    async def resolve(info: Info, input: Any) -> Any:  # noqa: A002 - Relay's word
        problem = _find_invalid_field(input)
        if problem is not None:
            return problem
        context = info.context
        result = await context.change_service.run_change(
            context.viewer, lambda change: operation(change, input)
        )
        if isinstance(result, Problem):
            return result
        context.reset_loader()
        return payload_type(
            resource=await _load_row(info, tables.resource, result.resource_id),
            order=await _load_row(info, tables.order, result.order_id),
        )

    input_argument = strawberry.argument(description="What is to be done.")
    resolve.__annotations__["input"] = Annotated[input_type, input_argument]
    del resolve.__annotations__["return"]
    return strawberry.mutation(resolver=resolve)


@cache
def _build_row_query(table: Any) -> QuerySpec:
    return QuerySpec(table, list_row_columns(table), key_column=ColumnRef(table.c.id))


async def _load_row(info: Info, table: Any, row_id: int | None) -> Row | None:
    if row_id is None:
        return None
    rows = await info.context.loader.load_rows(_build_row_query(table), row_id)
    return build_rows(info, table, rows)[0] if rows else None


def _find_invalid_field(input_value: Any) -> InvalidInput | None:
    """Give the problem of values that no database can hold."""
    for field in fields(input_value):
        try:
            validate_input(
                getattr(input_value, field.name), _to_camel_case(field.name), bounded=False
            )
        except BadInputError as error:
            path = [str(name) for name in (error.extensions or {})["argument"]]
            return InvalidInput(
                message=f"{'.'.join(path)}: {error.message}",
                fields=[InvalidField(path=path, message=error.message)],
            )
    return None


def _to_camel_case(python_name: str) -> str:
    first_word, *other_words = python_name.split("_")
    return first_word + "".join(each.capitalize() for each in other_words)
