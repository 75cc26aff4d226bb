"""The declaration of mutations of many objects at once, derived from those of one.

`declare_many(MoveResourceInput, ResourceMoved, move_to_project)` declares `moveResources`:

    input MoveResourcesInput    as MoveResourceInput, with `uuids` in place of `uuid`
    type MoveResourcesItem      one uuid, and a MoveResourceResult
"""

import re
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from typing import Annotated, Any, get_type_hints

import strawberry
from strawberry.types import get_object_definition

from gateway.marketplace.change_batch import ChangeOutcome
from gateway.marketplace.idempotency import find_key_problem
from gateway.marketplace.operation_call import Operation, check_operation
from gateway.marketplace.problems import InvalidInput, Problem, build_invalid_input
from gateway.resolvers.mutations.mutation_field import (
    INPUT_SUFFIX,
    KEY_NAME,
    OrderInput,
    ResourceInput,
    ResourceOrderInput,
    build_call,
    build_result_type,
    find_invalid_field,
    load_payload,
)
from gateway.schema.framework.context import Info
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import UUID, DateTime

MAX_BATCH_SIZE = 100
"""Maximum number of objects that one mutation changes."""
_UUIDS_NAME, _UUID_NAME = "uuids", "uuid"
_PRIVATE: Any = strawberry.Private


@input_type
class ResourcesInput:
    """Input of a mutation of many resources."""

    uuids: list[UUID]
    """UUIDs of the resources, at most 100.

    A resource that is listed twice is changed once, and has the same result in both places.
    """
    if_modified: DateTime | None = None
    """Optimistic lock: the latest `modified` of the resources as last read by the client.

    A resource that was changed later has the result `Conflict`. Times are compared at the precision
    of this one, so `modified` may be cut to milliseconds. Null disables the check.
    Over a real Waldur it locks nothing: a change just before Waldur makes its own is not noticed.
    """


@input_type
class OrdersInput:
    """Input of a mutation of many orders."""

    uuids: list[UUID]
    """UUIDs of the orders, at most 100.

    An order that is listed twice is changed once, and has the same result in both places.
    """
    if_modified: DateTime | None = None
    """Optimistic lock: the latest `modified` of the orders as last read by the client.

    An order that was changed later has the result `Conflict`. Times are compared at the precision
    of this one, so `modified` may be cut to milliseconds. Null disables the check.
    Over a real Waldur it locks nothing: a change just before Waldur makes its own is not noticed.
    """


@input_type
class ResourceOrdersInput(ResourcesInput):
    """Input of a mutation that places orders for many resources."""

    idempotency_key: str | None = None
    """Idempotency key chosen by the client, of 1 to 255 characters.

    It applies to each resource: within 24 hours, a repeated mutation of the same user with the same
    key and input returns the first one's order of the resource instead of placing another; with
    other input it returns `Conflict`. So a request that was interrupted can be repeated as it is.
    """


_MANY_INPUTS: dict[type, type] = {
    ResourceOrderInput: ResourceOrdersInput,
    ResourceInput: ResourcesInput,
    OrderInput: OrdersInput,
}


def declare_many(
    input_class: type, payload_type: type, operation: Operation, *problem_types: type
) -> Any:
    """Declare the field of a mutation that runs an operation for many objects.

    The arguments are those of `declare_mutation` for the mutation of one object. The resolver runs
    the operation for each uuid (see `change_batch`) and returns an item for each, in order. An item
    has what the mutation of one object would return, or the error that it would raise.
    """
    many_input_class = _derive_input(input_class)
    name = many_input_class.__name__.removesuffix(INPUT_SUFFIX)
    result_type = build_result_type(input_class, payload_type, problem_types)
    item_type = _build_item_type(name, payload_type, result_type)
    check_operation(operation, {each.name for each in fields(input_class)} - {KEY_NAME})

    async def resolve(info: Info, input: Any) -> list[Any]:  # noqa: A002 - argument name of Relay
        problem = _find_invalid_size(input.uuids) or find_invalid_field(input)
        key = getattr(input, KEY_NAME, None)
        if problem is None and key is not None:
            problem = find_key_problem(key)
        if problem is not None:
            return [item_type(uuid=each, outcome=problem) for each in input.uuids]
        outcomes = await _run_operations(info, operation, input)
        info.context.reset_loader()
        return [item_type(uuid=each, outcome=outcomes[each]) for each in input.uuids]

    input_argument = strawberry.argument(description="Input of the mutation.")
    resolve.__annotations__["input"] = Annotated[many_input_class, input_argument]
    resolve.__annotations__["return"] = list[item_type]  # type: ignore[valid-type]
    return strawberry.mutation(resolver=resolve)


async def _run_operations(
    info: Info, operation: Operation, input_value: Any
) -> dict[str, ChangeOutcome]:
    """Run an operation for each uuid of an input; return the outcomes by uuid."""
    call, context = build_call(operation, input_value), info.context
    arguments = dict(call.arguments)
    uuids = [*dict.fromkeys(arguments.pop(_UUIDS_NAME))]
    calls = [replace(call, arguments={_UUID_NAME: each, **arguments}) for each in uuids]
    outcomes = await context.change_service.run_operations(
        context.requester, calls, context.give_up_at
    )
    return dict(zip(uuids, outcomes, strict=True))


def _find_invalid_size(uuids: Sequence[str]) -> InvalidInput | None:
    if len(uuids) <= MAX_BATCH_SIZE:
        return None
    message = f"must have at most {MAX_BATCH_SIZE} items, got {len(uuids)}."
    return build_invalid_input(_UUIDS_NAME, message=message)


def _derive_input(input_class: type) -> Any:
    """Return the input of many objects: that of one, with `uuids` in place of `uuid`."""
    many_class = next(many for one, many in _MANY_INPUTS.items() if issubclass(input_class, one))
    base_names = {_UUID_NAME, *[each.name for each in fields(many_class)]}
    own_fields = [each for each in fields(input_class) if each.name not in base_names]
    hints = get_type_hints(input_class, include_extras=True)
    members: dict[str, Any] = {
        "__module__": input_class.__module__,
        "__annotations__": {each.name: hints[each.name] for each in own_fields},
        **{each.name: each.default for each in own_fields if each.default is not MISSING},
    }
    name = _pluralize(input_class.__name__)
    description = f"Input of `{_lower_first(name.removesuffix(INPUT_SUFFIX))}`."
    derived_class = strawberry.input(type(name, (many_class,), members), description=description)
    descriptions = _list_descriptions(input_class) | _list_descriptions(many_class)
    for field in get_object_definition(derived_class, strict=True).fields:
        field.description = descriptions[field.python_name]
    return derived_class


def _list_descriptions(published_class: type) -> dict[str, str | None]:
    """Return the descriptions of a type's fields by name."""
    definition = get_object_definition(published_class, strict=True)
    return {each.python_name: each.description for each in definition.fields}


def _build_item_type(name: str, payload_type: Any, result_type: Any) -> Any:
    """Return the type of one uuid and its result."""

    async def load_result(self: Any, info: Info) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if isinstance(self.outcome, Problem):
            return self.outcome
        return await load_payload(info, payload_type, self.outcome)

    load_result.__annotations__["return"] = result_type | None
    members: dict[str, Any] = {
        "__module__": __name__,
        "__annotations__": {_UUID_NAME: UUID, "outcome": _PRIVATE[ChangeOutcome]},
        _UUID_NAME: strawberry.field(description="The uuid, as in the input."),
        "result": strawberry.field(
            resolver=load_result,
            description="What the mutation of one object returns for it.\n\n"
            "Null if it failed by an error, whose path leads here.",
        ),
    }
    description = f"The result of `{_lower_first(name)}` for one of its objects."
    return strawberry.type(type(f"{name}Item", (), members), description=description)


def _lower_first(name: str) -> str:
    return name[0].lower() + name[1:]


def _pluralize(name: str) -> str:
    """Return the name of a mutation, or of a type of it, for many objects."""
    return re.sub("Resource|Order", r"\g<0>s", name, count=1)
