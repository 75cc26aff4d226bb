"""The declaration of mutation fields, and the inputs that they share."""

from asyncio import gather
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any

import strawberry

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, QuerySpec
from gateway.db.sql.row_types import Row
from gateway.marketplace.operation_call import Operation, OperationCall, check_operation
from gateway.marketplace.problems import (
    InvalidField,
    InvalidInput,
    Problem,
    combine_invalid_fields,
)
from gateway.marketplace.unit_of_work import ChangeResult
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import BadInputError, validate_input
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.relations import build_rows, list_row_columns
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.problems import CommonProblem

INPUT_SUFFIX = "Input"
KEY_NAME = "idempotency_key"


@input_type
class ResourceInput:
    """Input of a mutation of one resource."""

    uuid: UUID
    """UUID of the resource."""
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the resource as last read by the client.

    If the resource was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    Over a real Waldur it locks nothing: a change just before Waldur makes its own is not noticed.
    """


@input_type
class OrderInput:
    """Input of a mutation of one order."""

    uuid: UUID
    """UUID of the order."""
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the order as last read by the client.

    If the order was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    Over a real Waldur it locks nothing: a change just before Waldur makes its own is not noticed.
    """


@input_type
class ResourceOrderInput(ResourceInput):
    """Input of a mutation that places an order for a resource."""

    idempotency_key: str | None = None
    """Idempotency key chosen by the client, of 1 to 255 characters.

    Within 24 hours, a repeated mutation of the same user with the same key and input returns the
    first one's order instead of placing another; with other input it returns `Conflict`, and so
    does another mutation. Over a real Waldur it returns `Unavailable` while it is not known what
    came of the first one, and `Conflict` if that is not certain.
    """


def declare_mutation(
    input_class: type, payload_type: type, operation: Operation, *problem_types: type
) -> Any:
    """Declare the field of a mutation.

    Its resolver validates the input, has the operation carried out on the viewer's behalf, and
    returns the payload with the changed resource and order, loaded again, or the problem that
    the operation met. `problem_types` are those that it may meet in addition to the common ones.
    The input class of the mutation `renewResource` is called `RenewResourceInput`, its result
    `RenewResourceResult`. Raises TypeError, when the program starts, if the operation does not
    take the input's fields.
    """
    check_operation(operation, {each.name for each in fields(input_class)} - {KEY_NAME})

    async def resolve(info: Info, input: Any) -> Any:  # noqa: A002 - argument name of Relay
        problem = find_invalid_field(input)
        if problem is not None:
            return problem
        context, call = info.context, build_call(operation, input)
        result = await context.change_service.run_operation(context.requester, call)
        if isinstance(result, Problem):
            return result
        info.context.reset_loader()
        return await load_payload(info, payload_type, result)

    input_argument = strawberry.argument(description="Input of the mutation.")
    resolve.__annotations__["input"] = Annotated[input_class, input_argument]
    resolve.__annotations__["return"] = build_result_type(input_class, payload_type, problem_types)
    return strawberry.mutation(resolver=resolve)


def build_call(operation: Operation, input_value: Any) -> OperationCall:
    """Return the call of an operation with the given fields of an input."""
    arguments = get_given_fields(input_value)
    key = arguments.pop(KEY_NAME, None)
    return OperationCall(operation, type(input_value).__name__, arguments, key)


async def load_payload(info: Info, payload_type: type, result: ChangeResult) -> Any:
    """Return the payload of a change, with the resource and the order as the viewer sees them."""
    values: dict[str, Any] = {
        "resource": await _load_row(info, tables.resource, result.resource_id),
        "order": await _load_row(info, tables.order, result.order_id),
    }
    if result.target_order_ids is not None:
        loads = [_load_row(info, tables.order, each) for each in result.target_order_ids]
        values["target_orders"] = await gather(*loads)
    return payload_type(**values)


@cache
def build_result_type(
    input_class: type, payload_type: type, problem_types: tuple[type, ...]
) -> Any:
    """Return the union of the results of a mutation, the same one for the same types."""
    name = input_class.__name__.removesuffix(INPUT_SUFFIX)
    members = reduce(or_, problem_types, payload_type | CommonProblem)
    description = (
        f"The result of `{name[0].lower()}{name[1:]}`: `{payload_type.__name__}`, or a problem."
    )
    return Annotated[members, strawberry.union(f"{name}Result", description=description)]


def get_given_fields(input_value: Any, spell_name: Callable[[str], str] = str) -> dict[str, Any]:
    """Return the fields of an input by name, without those that were left out.

    Input objects inside it become dicts of their fields, too.
    """
    values = {
        spell_name(each.name): getattr(input_value, each.name) for each in fields(input_value)
    }
    return {
        name: _convert_inputs(value, spell_name)
        for name, value in values.items()
        if value is not strawberry.UNSET
    }


def _convert_inputs(value: Any, spell_name: Callable[[str], str]) -> Any:
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return [_convert_inputs(each, spell_name) for each in value]
    return get_given_fields(value, spell_name) if is_dataclass(value) else value


@cache
def _build_row_query(table: Any) -> QuerySpec:
    return QuerySpec(table, list_row_columns(table), key_column=ColumnRef(table.c.id))


async def _load_row(info: Info, table: Any, row_id: int | None) -> Row | None:
    if row_id is None:
        return None
    rows = await info.context.loader.load_rows(_build_row_query(table), row_id)
    return build_rows(info, table, rows)[0] if rows else None


def find_invalid_field(input_value: Any) -> InvalidInput | None:
    """Return the problem of the first value that the database cannot store; None without one."""
    for name, value in get_given_fields(input_value, _to_camel_case).items():
        try:
            validate_input(value, name, bounded=False)
        except BadInputError as error:
            path = [str(name) for name in (error.extensions or {})["argument"]]
            return combine_invalid_fields(InvalidField(path=path, message=error.message))
    return None


def _to_camel_case(python_name: str) -> str:
    first_word, *other_words = python_name.split("_")
    return first_word + "".join(each.capitalize() for each in other_words)
