"""Validation of limits against the components of their offering (domain.md §5.14, rules.md §0)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from gateway.db import tables
from gateway.db.driver.statement import Statement
from gateway.db.queries.marketplace_checks import (
    SELECT_LIMIT_PRECISIONS,
    SELECT_LIMIT_SUM,
    SELECT_OTHER_LIMITS_SUM,
)
from gateway.db.tables.codes import LimitPeriod
from gateway.marketplace.billing.limit_periods import MONTHS_PER_QUARTER
from gateway.marketplace.billing.renewal_pricing import (
    MAX_LIMIT_PLACES,
    allows_limit,
    find_amount_error,
    parse_limit,
)
from gateway.marketplace.problems import (
    InvalidField,
    InvalidInput,
    build_invalid_field,
    build_invalid_input,
    combine_invalid_fields,
    describe_value,
)
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import ComponentRow
from gateway.marketplace.unit_of_work import UnitOfWork

_BOUNDED_PERIODS = frozenset(LimitPeriod)
_NEW_RESOURCE_ID = 0
"""A key that no resource has."""


class LimitedOffering(NamedTuple):
    """An offering, and the resource whose limits are checked."""

    id: int
    resource_id: int = _NEW_RESOURCE_ID
    """Without it the limits are those of a new resource."""


async def check_limits(
    unit_of_work: UnitOfWork, facts: ResourceFacts, limits: object
) -> InvalidInput | None:
    """Return the problem of limits that a resource can't have; see `check_offering_limits`."""
    offering = LimitedOffering(facts.offering_id, facts.id)
    return await check_offering_limits(unit_of_work, offering, limits)


async def check_offering_limits(
    unit_of_work: UnitOfWork, offering: LimitedOffering, limits: object
) -> InvalidInput | None:
    """Return the problem of limits that an offering's resource can't have; None if all are valid.

    Components whose limits are shared with other resources are locked until the end of the
    transaction, so that concurrent orders can't exceed the shared total.
    """
    if not isinstance(limits, dict):
        message = f"must be an object of numbers by component type, got {describe_value(limits)}."
        return build_invalid_input("limits", message=message)
    components = await _lock_limited_components(unit_of_work, offering, limits)
    places_by_type = await _load_precisions(unit_of_work, offering)
    fields: list[InvalidField] = []
    for component_type, value in limits.items():
        component = components.get(component_type)
        messages = _find_value_errors(component, value, places_by_type.get(component_type, 0))
        if component is not None and not messages:
            limit = parse_limit(value) or Decimal()
            messages = await _find_total_errors(unit_of_work, offering, component, limit)
        fields += [build_invalid_field("limits", component_type, message=each) for each in messages]
    return combine_invalid_fields(*fields) if fields else None


async def _lock_limited_components(
    unit_of_work: UnitOfWork, offering: LimitedOffering, limits: Mapping[str, object]
) -> dict[str, ComponentRow]:
    """Return the components that can have a limit, and lock those whose limit is shared."""
    rows = await unit_of_work.load_rows(ComponentRow, offering_id=offering.id)
    components = {
        each.type: each
        for each in rows
        if allows_limit(each.billing_type, is_prepaid=each.is_prepaid)
    }
    shared_ids = [
        each.id for each in components.values() if each.type in limits and _has_shared_limit(each)
    ]
    if shared_ids:
        await unit_of_work.writer.lock_rows(tables.component, *shared_ids)
    return components


def _has_shared_limit(component: ComponentRow) -> bool:
    return _has_period_amount(component) or bool(component.max_available_limit)


def _has_period_amount(component: ComponentRow) -> bool:
    """Return whether the limits of a period are bounded: a bound of 0 and no period don't count."""
    return bool(component.limit_amount) and component.limit_period in _BOUNDED_PERIODS


async def _load_precisions(unit_of_work: UnitOfWork, offering: LimitedOffering) -> dict[str, int]:
    """Return the decimal places that limits may have, by component type."""
    if not unit_of_work.installation.version_rules.has_limit_precision:
        return {}
    rows = await unit_of_work.writer.execute_statement(
        SELECT_LIMIT_PRECISIONS, {"offering_id": offering.id}
    )
    return {type_: min(max(places, 0), MAX_LIMIT_PLACES) for type_, places in rows}


def _find_value_errors(
    component: ComponentRow | None, value: object, max_places: int
) -> Sequence[str]:
    if component is None:
        return ["is not a component of the offering that can have a limit."]
    error = find_amount_error(value, max_places)
    return [error] if error else [*_check_bounds(component, parse_limit(value) or Decimal())]


def _check_bounds(component: ComponentRow, limit: Decimal) -> Iterator[str]:
    """Yield the bounds that a limit breaks; a bound of 0 is none."""
    if component.max_value and limit > component.max_value:
        yield f"must be at most {component.max_value}, got {limit}."
    if component.min_value and limit < component.min_value:
        yield f"must be at least {component.min_value}, got {limit}."


async def _find_total_errors(
    unit_of_work: UnitOfWork, offering: LimitedOffering, component: ComponentRow, limit: Decimal
) -> Sequence[str]:
    """Return the errors of a limit that exceeds what is left for all resources together."""
    messages: list[str] = []
    if component.limit_amount and _has_period_amount(component):
        used_total = await _load_sum(
            unit_of_work,
            SELECT_LIMIT_SUM,
            component_id=component.id,
            since=_get_period_start(component.limit_period, unit_of_work.today),
        )
        messages += _check_period_amount(used_total, limit, component.limit_amount)
    if component.max_available_limit:
        used_total = await _load_sum(
            unit_of_work,
            SELECT_OTHER_LIMITS_SUM,
            offering_id=offering.id,
            component_type=component.type,
            resource_id=offering.resource_id,
        )
        messages += _check_available_limit(used_total, limit, component.max_available_limit)
    return messages


def _check_period_amount(used_total: Decimal, limit: Decimal, max_total: int) -> Iterator[str]:
    if used_total + limit > max_total:
        remaining = _describe_rest(max_total, used_total)
        yield (
            f"must be at most {remaining}, got {limit}: all resources share a total of {max_total}."
        )


def _check_available_limit(used_total: Decimal, limit: Decimal, available: int) -> Iterator[str]:
    """Yield an error unless the total is less than the available limit, as Waldur requires."""
    if used_total + limit >= available:
        remaining = _describe_rest(available, used_total)
        yield (
            f"must be less than {remaining}, got {limit}: all resources of the offering share"
            f" a total of less than {available}."
        )


def _describe_rest(total: int, used_total: Decimal) -> str:
    return f"{max(total - used_total, Decimal()).normalize():f}"


async def _load_sum(unit_of_work: UnitOfWork, statement: Statement, **parameters: Any) -> Decimal:
    ((total,),) = await unit_of_work.writer.execute_statement(statement, parameters)
    return Decimal(total)


def _get_period_start(period: str | None, today: date) -> date | None:
    """Return the first day of the current period; None for the period `total`."""
    if period == LimitPeriod.ANNUAL:
        return date(today.year, 1, 1)
    if period == LimitPeriod.QUARTERLY:
        return date(today.year, (today.month - 1) // MONTHS_PER_QUARTER * MONTHS_PER_QUARTER + 1, 1)
    return None if period == LimitPeriod.TOTAL else today.replace(day=1)
