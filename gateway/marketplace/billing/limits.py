"""Validation of a resource's limits against its components (domain.md §5.14)."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from gateway.db import tables
from gateway.db.driver.statement import Statement
from gateway.db.queries.marketplace_checks import SELECT_LIMIT_SUM, SELECT_OTHER_LIMITS_SUM
from gateway.db.tables.codes import BillingType, LimitPeriod
from gateway.marketplace.billing.limit_periods import MONTHS_PER_QUARTER
from gateway.marketplace.billing.renewal_pricing import parse_limit
from gateway.marketplace.problems import (
    InvalidField,
    InvalidInput,
    build_invalid_field,
    combine_invalid_fields,
    describe_value,
)
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import ComponentRow
from gateway.marketplace.unit_of_work import UnitOfWork


async def check_limits(
    unit_of_work: UnitOfWork, facts: ResourceFacts, limits: Mapping[str, object]
) -> InvalidInput | None:
    """Return the problem of limits that the resource can't have; None if all are valid.

    Components whose limits are shared with other resources are locked until the end of the
    transaction, so that concurrent orders can't exceed the shared total.
    """
    components = await unit_of_work.load_rows(ComponentRow, offering_id=facts.offering_id)
    limited_components = {each.type: each for each in components if _can_have_limit(each)}
    shared_component_ids = [
        each.id
        for each in limited_components.values()
        if _has_shared_limit(each) and each.type in limits
    ]
    if shared_component_ids:
        await unit_of_work.writer.lock_rows(tables.component, *shared_component_ids)
    fields: list[InvalidField] = []
    for component_type, limit in limits.items():
        messages = await _find_limit_errors(
            unit_of_work, facts, limited_components.get(component_type), limit
        )
        fields += [build_invalid_field("limits", component_type, message=each) for each in messages]
    return combine_invalid_fields(*fields) if fields else None


def _can_have_limit(component: ComponentRow) -> bool:
    """Return whether a component can have a limit: it is billed by limit or prepaid."""
    is_prepaid = component.is_prepaid and component.billing_type == BillingType.ONE
    return is_prepaid or component.billing_type == BillingType.LIMIT


def _has_shared_limit(component: ComponentRow) -> bool:
    return component.limit_amount is not None or component.max_available_limit is not None


async def _find_limit_errors(
    unit_of_work: UnitOfWork, facts: ResourceFacts, component: ComponentRow | None, value: object
) -> list[str]:
    if component is None:
        return ["is not a component of the offering that can have a limit."]
    limit = parse_limit(value)
    if limit is None:
        return [f"must be a number, got {describe_value(value)}."]
    messages = [*_check_bounds(component, limit)]
    if component.limit_amount is not None:
        used_total = await _load_sum(
            unit_of_work,
            SELECT_LIMIT_SUM,
            component_id=component.id,
            since=_get_period_start(component.limit_period, unit_of_work.today),
        )
        messages += _check_shared_limit(used_total, limit, component.limit_amount, "all resources")
    if component.max_available_limit is not None:
        used_total = await _load_sum(
            unit_of_work,
            SELECT_OTHER_LIMITS_SUM,
            offering_id=facts.offering_id,
            component_type=component.type,
            resource_id=facts.id,
        )
        max_total = component.max_available_limit - 1
        messages += _check_shared_limit(
            used_total, limit, max_total, "all resources of the offering"
        )
    return messages


async def _load_sum(unit_of_work: UnitOfWork, statement: Statement, **parameters: Any) -> Decimal:
    ((total,),) = await unit_of_work.writer.execute_statement(statement, parameters)
    return Decimal(total)


def _check_shared_limit(
    used_total: Decimal, limit: Decimal, max_total: int, holders: str
) -> list[str]:
    if used_total + limit <= max_total:
        return []
    remaining = max(max_total - used_total, Decimal())
    return [f"must be at most {remaining}, got {limit}: {holders} share a total of {max_total}."]


def _check_bounds(component: ComponentRow, limit: Decimal) -> Iterator[str]:
    if component.max_value and limit > component.max_value:
        yield f"must be at most {component.max_value}, got {limit}."
    if component.min_value and limit < component.min_value:
        yield f"must be at least {component.min_value}, got {limit}."


def _get_period_start(period: str | None, today: date) -> date | None:
    """Return the first day of the current period; None for the period `total`."""
    if period == LimitPeriod.ANNUAL:
        return date(today.year, 1, 1)
    if period == LimitPeriod.QUARTERLY:
        return date(today.year, (today.month - 1) // MONTHS_PER_QUARTER * MONTHS_PER_QUARTER + 1, 1)
    return None if period == LimitPeriod.TOTAL else today.replace(day=1)
