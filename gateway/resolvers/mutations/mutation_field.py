"""The declaration of mutation fields."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from functools import cache
from typing import Annotated, Any

import strawberry

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, QuerySpec
from gateway.db.sql.row_types import Row
from gateway.marketplace.problems import (
    InvalidField,
    InvalidInput,
    Problem,
    combine_invalid_fields,
)
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import BadInputError, validate_input
from gateway.schema.framework.relations import build_rows, list_row_columns

MutationOperation = Callable[[UnitOfWork, Any], Awaitable[ChangeResult]]


def declare_mutation(input_type: type, payload_type: type, operation: MutationOperation) -> Any:
    """Declare the field of a mutation.

    Its resolver validates the input, runs the operation in one transaction on the viewer's behalf,
    and returns the payload with the changed resource and order, loaded again, or the problem that
    the operation met.
    """

    async def resolve(info: Info, input: Any) -> Any:  # noqa: A002 - argument name of Relay
        problem = _find_invalid_field(input)
        if problem is not None:
            return problem
        context = info.context
        result = await context.change_service.run_change(
            context.viewer, lambda unit_of_work: operation(unit_of_work, input)
        )
        if isinstance(result, Problem):
            return result
        context.reset_loader()
        return payload_type(
            resource=await _load_row(info, tables.resource, result.resource_id),
            order=await _load_row(info, tables.order, result.order_id),
        )

    input_argument = strawberry.argument(description="Input of the mutation.")
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
    """Return the problem of the first value that the database cannot store; None without one."""
    for field in fields(input_value):
        try:
            validate_input(
                getattr(input_value, field.name), _to_camel_case(field.name), bounded=False
            )
        except BadInputError as error:
            path = [str(name) for name in (error.extensions or {})["argument"]]
            return combine_invalid_fields(InvalidField(path=path, message=error.message))
    return None


def _to_camel_case(python_name: str) -> str:
    first_word, *other_words = python_name.split("_")
    return first_word + "".join(each.capitalize() for each in other_words)
