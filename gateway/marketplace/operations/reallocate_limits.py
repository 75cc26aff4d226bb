"""Moving limits from a resource to others of its offering, by orders (domain.md §5.17)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from gateway.db import tables
from gateway.exact_json import ExactNumber
from gateway.marketplace.billing.limits import check_limits
from gateway.marketplace.billing.renewal_pricing import parse_limit, parse_limits
from gateway.marketplace.operation_rules import OPERATION_PRECONDITIONS, ResourceOperation
from gateway.marketplace.operations.update_limits import build_limit_order
from gateway.marketplace.orders.place import place_order
from gateway.marketplace.preconditions import find_first_problem
from gateway.marketplace.problems import (
    ChangeRefusedError,
    InvalidField,
    InvalidInput,
    build_invalid_field,
    build_invalid_input,
    combine_invalid_fields,
    describe_value,
    raise_problem,
)
from gateway.marketplace.resource_facts import ResourceFacts, load_resource_facts
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.table_row import JsonObject
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

MAX_TARGETS = 20
"""Maximum number of resources that get limits."""
_HIDDEN_MESSAGE = "must be the uuid of a resource that exists and that the viewer can see."
Amounts = Mapping[str, Decimal]
"""Amounts of limits by component type."""


@dataclass(frozen=True, kw_only=True)
class ReallocationRequest:
    """Client's request to move limits."""

    uuid: str
    limits: Any
    """Amounts that are taken from the resource, as JSON by component type."""
    targets: Sequence[Mapping[str, Any]]
    """The resources that get them, each with `resource` and `limits`."""
    if_modified: str | None = None


class LimitChange(NamedTuple):
    """New limits of one resource; `path` leads to what they follow from in the input."""

    facts: ResourceFacts
    resource: ResourceRow
    limits: JsonObject
    path: tuple[str, ...]


async def order_reallocation(
    unit_of_work: UnitOfWork, reallocation_request: ReallocationRequest
) -> ChangeResult:
    """Place an order for the resource that gives limits, and one for each that gets some."""
    target_ids = await _lock_resources(unit_of_work, reallocation_request)
    facts = await unit_of_work.lock_resource(
        reallocation_request.uuid,
        ResourceOperation.REALLOCATE_RESOURCE_LIMITS,
        reallocation_request.if_modified,
    )
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    taken, allocations = _parse_amounts(reallocation_request, parse_limits(resource.limits))
    limits = _add_amounts(resource.limits, {name: -each for name, each in taken.items()})
    changes = [LimitChange(facts, resource, limits, ())]
    for index, target_id in enumerate(target_ids):
        path = ("targets", str(index))
        changes.append(
            await _plan_target(unit_of_work, changes, target_id, allocations[index], path)
        )
    for each in changes:
        raise_problem(await _check_change(unit_of_work, each))
    order_id, *target_order_ids = [await _order_change(unit_of_work, each) for each in changes]
    return ChangeResult(facts.id, order_id, target_order_ids)


async def _lock_resources(
    unit_of_work: UnitOfWork, reallocation_request: ReallocationRequest
) -> list[int | None]:
    """Lock the visible resources at once, in their order; return the keys of the targets.

    The key of a target is None if the viewer can't see it.
    """
    source_id = await unit_of_work.find_visible_id(tables.resource, reallocation_request.uuid)
    target_ids: list[int | None] = []
    for each in reallocation_request.targets[:MAX_TARGETS]:
        try:
            target_ids.append(await unit_of_work.find_visible_id(tables.resource, each["resource"]))
        except ChangeRefusedError:
            target_ids.append(None)
    visible_ids = {source_id, *(each for each in target_ids if each is not None)}
    await unit_of_work.writer.lock_rows(tables.resource, *sorted(visible_ids))
    return target_ids


def _parse_amounts(
    reallocation_request: ReallocationRequest, available: Amounts
) -> tuple[Amounts, list[Amounts]]:
    """Return the amounts that are taken, and those that each target gets.

    Raises ChangeRefusedError if amounts are missing or not positive, if more is taken than there
    is, or if the targets get more or less than is taken.
    """
    targets = reallocation_request.targets
    if not 1 <= len(targets) <= MAX_TARGETS:
        message = f"must have 1 to {MAX_TARGETS} items, got {len(targets)}."
        raise_problem(build_invalid_input("targets", message=message))
    fields = [
        *_find_amount_errors(reallocation_request.limits, "limits"),
        *(
            error
            for index, each in enumerate(targets)
            for error in _find_amount_errors(each["limits"], "targets", str(index), "limits")
        ),
    ]
    if fields:
        raise_problem(combine_invalid_fields(*fields))
    taken = parse_limits(reallocation_request.limits)
    allocations: list[Amounts] = [parse_limits(each["limits"]) for each in targets]
    fields = [*_find_total_errors(taken, available, allocations)]
    if fields:
        raise_problem(combine_invalid_fields(*fields))
    return taken, allocations


def _find_amount_errors(amounts: Any, *path: str) -> Iterator[InvalidField]:
    if not isinstance(amounts, dict) or not amounts:
        description = "an empty object" if amounts == {} else describe_value(amounts)
        message = f"must be an object of numbers by component type, got {description}."
        yield build_invalid_field(*path, message=message)
        return
    for name, value in amounts.items():
        amount = parse_limit(value)
        if amount is None or amount <= 0:
            message = f"must be a number greater than 0, got {describe_value(value)}."
            yield build_invalid_field(*path, name, message=message)


def _find_total_errors(
    taken: Amounts, available: Amounts, allocations: Sequence[Amounts]
) -> Iterator[InvalidField]:
    """Yield the amounts that the resource does not have, or that don't add up."""
    for name, amount in taken.items():
        if name not in available:
            yield build_invalid_field("limits", name, message="is not a limit of the resource.")
        elif amount > available[name]:
            message = f"must be at most {available[name]}, the resource's limit, got {amount}."
            yield build_invalid_field("limits", name, message=message)
    for name in dict.fromkeys((*taken, *(each for amounts in allocations for each in amounts))):
        total = sum((each.get(name, Decimal()) for each in allocations), Decimal())
        if total != taken.get(name, Decimal()):
            message = f"must equal the sum of the targets, {total}."
            yield build_invalid_field("limits", name, message=message)


def _add_amounts(limits: JsonObject, amounts: Amounts) -> JsonObject:
    """Return limits with amounts added to them, as JSON numbers."""
    totals = parse_limits(limits)
    return limits | {name: _build_number(totals[name] + each) for name, each in amounts.items()}


def _build_number(amount: Decimal) -> int | ExactNumber:
    return int(amount) if amount == int(amount) else ExactNumber(f"{amount.normalize():f}")


async def _plan_target(
    unit_of_work: UnitOfWork,
    earlier_changes: Sequence[LimitChange],
    target_id: int | None,
    amounts: Amounts,
    path: tuple[str, ...],
) -> LimitChange:
    """Return the new limits of a target; the first of the earlier changes is the source's.

    Raises ChangeRefusedError if the viewer can't see it, or if it can't get limits of the source.
    """
    facts = target_id and await load_resource_facts(unit_of_work.loader, target_id)
    if not facts:
        raise ChangeRefusedError(build_invalid_input(*path, "resource", message=_HIDDEN_MESSAGE))
    target = await unit_of_work.load_row(ResourceRow, facts.id)
    message = _find_target_error(unit_of_work, earlier_changes, facts, target)
    if message is not None:
        raise_problem(build_invalid_input(*path, "resource", message=message))
    return LimitChange(facts, target, _add_amounts(target.limits, amounts), path)


def _find_target_error(
    unit_of_work: UnitOfWork,
    earlier_changes: Sequence[LimitChange],
    facts: ResourceFacts,
    target: ResourceRow,
) -> str | None:
    """Return why a resource can't get limits of the source; None if it can."""
    source, *_ = earlier_changes
    if facts.id in {each.facts.id for each in earlier_changes}:
        return "must be neither the resource that gives limits nor an earlier target."
    preconditions = OPERATION_PRECONDITIONS[ResourceOperation.UPDATE_RESOURCE_LIMITS]
    problem = find_first_problem(
        preconditions, unit_of_work.viewer, facts, unit_of_work.current_rules
    )
    if problem is not None:
        return f"is of a resource whose limits can't be changed: {problem.message}"
    if facts.offering_id != source.facts.offering_id:
        return "must be of a resource of the same offering."
    if parse_limits(target.limits).keys() != parse_limits(source.resource.limits).keys():
        return "must be of a resource with limits for the same components."
    return None


async def _check_change(unit_of_work: UnitOfWork, change: LimitChange) -> InvalidInput | None:
    """Return the problem of a resource's new limits, with the paths of the input."""
    problem = await check_limits(unit_of_work, change.facts, change.limits)
    if problem is None:
        return None
    return combine_invalid_fields(
        *(
            InvalidField(
                path=[*change.path, *each.path],
                message=each.message.replace("`", f"`{'.'.join((*change.path, ''))}", 1),
            )
            for each in problem.fields
        )
    )


async def _order_change(unit_of_work: UnitOfWork, change: LimitChange) -> int:
    order_request = await build_limit_order(unit_of_work, change.resource, change.limits)
    return await place_order(unit_of_work, change.facts, change.resource, order_request)
