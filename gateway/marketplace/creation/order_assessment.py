"""Assessment of an order for a new resource: what it would become, and what speaks against it."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from unicodedata import normalize

from gateway.db.tables.codes import OrderState, OrderType, ResourceState
from gateway.marketplace.cost_policies import load_creation_problem
from gateway.marketplace.creation.creation_cost import CreationCost, estimate_creation_cost
from gateway.marketplace.creation.creation_input import find_invalid_values
from gateway.marketplace.creation.creation_rules import find_broken_rules
from gateway.marketplace.creation.creation_terms import CreationTerms, find_creation_terms
from gateway.marketplace.creation.order_draft import OrderDraft
from gateway.marketplace.option_form import check_answers_size, check_option_form, list_questions
from gateway.marketplace.orders.approval import forecast_order
from gateway.marketplace.problems import (
    InvalidField,
    Problem,
    build_invalid_field,
    combine_invalid_fields,
)
from gateway.marketplace.rows import OrderRow, ResourceRow
from gateway.marketplace.table_row import ColumnValues, JsonObject
from gateway.marketplace.unique_answers import build_order_scope, check_unique_answers
from gateway.marketplace.unit_of_work import UnitOfWork

_ATTRIBUTES_PATH = ("attributes",)

_MAX_SLUG_LENGTH = 50
COST_UPPER_BOUND = 10**12
"""A cost that a column of prices can't hold; all smaller ones can be stored."""


class OrderAssessment(NamedTuple):
    """What an order would become; some of it makes no sense if there are problems."""

    problems: tuple[Problem, ...]
    """All reasons for refusing the order, broken rules first; empty if it would be accepted."""
    terms: CreationTerms
    resource: ColumnValues[ResourceRow]
    """The columns of the resource."""
    cost: CreationCost | None
    """None without a plan, and if a price is not a number."""


async def assess_order(unit_of_work: UnitOfWork, draft: OrderDraft) -> OrderAssessment:
    """Return the assessment of an order; nothing is written."""
    terms = find_creation_terms(draft, _find_first_day(unit_of_work, draft), unit_of_work.today)
    attributes, form_fields = await _check_form(unit_of_work, draft)
    cost = await estimate_creation_cost(unit_of_work, draft, terms.months)
    problems = [each async for each in find_broken_rules(unit_of_work, draft)]
    policy_problem = await find_policy_problem(unit_of_work, draft, cost)
    problems += [policy_problem] if policy_problem else []
    value_fields = await find_invalid_values(unit_of_work, draft)
    cost_fields = _check_cost(cost)
    invalid_fields = [*value_fields, *form_fields, *terms.invalid_fields, *cost_fields]
    if invalid_fields:
        problems.append(combine_invalid_fields(*invalid_fields))
    resource = _build_resource(draft, attributes, terms, cost)
    return OrderAssessment(tuple(problems), terms, resource, cost)


def _check_cost(cost: CreationCost | None) -> Iterator[InvalidField]:
    if cost is not None and cost.order_cost >= COST_UPPER_BOUND:
        message = f"must cost less than {COST_UPPER_BOUND}, cost {cost.order_cost}."
        yield build_invalid_field("limits", message=message)


def _find_first_day(unit_of_work: UnitOfWork, draft: OrderDraft) -> date:
    """Return the day from which terms count: the start date, if there is one, or today."""
    start_date = draft.request.start_date
    return unit_of_work.today if start_date is None else date.fromisoformat(start_date)


async def _check_form(
    unit_of_work: UnitOfWork, draft: OrderDraft
) -> tuple[JsonObject, list[InvalidField]]:
    """Return the answers to the order form, and what is invalid in them."""
    form = check_option_form(draft.offering.options, draft.attributes, path=_ATTRIBUTES_PATH)
    unique_fields = await check_unique_answers(
        unit_of_work, draft.offering.options, form.answers, build_order_scope(draft.offering.id)
    )
    size_fields = check_answers_size(form.answers, _ATTRIBUTES_PATH)
    return form.answers, [*form.invalid_fields, *unique_fields, *size_fields]


def _build_resource(
    draft: OrderDraft, attributes: JsonObject, terms: CreationTerms, cost: CreationCost | None
) -> ColumnValues[ResourceRow]:
    questions = list_questions(draft.offering.resource_options)
    return ColumnValues(
        ResourceRow,
        name=attributes["name"],
        slug=build_slug(attributes["name"]),
        description=str(attributes.get("description") or ""),
        state=ResourceState.CREATING,
        offering_id=draft.offering.id,
        plan_id=draft.plan.id if draft.plan else None,
        project_id=draft.project.id,
        attributes=attributes,
        limits=draft.limits,
        cost=None if cost is None else str(cost.resource_cost),
        end_date=terms.end_date.isoformat() if terms.end_date else None,
        options={name: value for name, value in attributes.items() if name in questions},
    )


def build_slug(name: str) -> str:
    """Return a name's slug: its ASCII letters and digits in lower case, joined by hyphens."""
    ascii_name = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9_]+", ascii_name))[:_MAX_SLUG_LENGTH]


async def find_policy_problem(
    unit_of_work: UnitOfWork, draft: OrderDraft, cost: CreationCost | None
) -> Problem | None:
    """Return the problem of a cost policy that now forbids the resource; None without one."""
    return await load_creation_problem(
        unit_of_work.unrestricted_loader,
        unit_of_work.installation.version_rules,
        project_id=draft.project.id,
        offering_id=draft.offering.id,
        cost=cost.period_cost if cost else Decimal(),
    )


class OrderForecast(NamedTuple):
    """How an order would go on after it was placed."""

    state: OrderState
    review_states: list[OrderState]
    """States in which it would wait for a review."""


async def forecast_reviews(
    unit_of_work: UnitOfWork, draft: OrderDraft, assessment: OrderAssessment
) -> OrderForecast:
    """Return the state that the order would have at first, and the reviews that it needs."""
    cost = assessment.cost
    values = ColumnValues(
        OrderRow,
        state=OrderState.PENDING_CONSUMER,
        type=OrderType.CREATE,
        project_id=draft.project.id,
        offering_id=draft.offering.id,
        plan_id=draft.plan.id if draft.plan else None,
        limits=draft.limits,
        cost=str(cost.order_cost) if cost else None,
        created_by_id=unit_of_work.requester_id,
        attachment=None if draft.request.attachment is None else "attached",
        start_date=draft.request.start_date,
    )
    order = values.apply_to(OrderRow.build_empty())
    resource = assessment.resource.apply_to(ResourceRow.build_empty())
    return OrderForecast(*await forecast_order(unit_of_work, draft.facts, resource, order))
