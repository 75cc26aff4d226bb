"""The root field `orderPreview`."""

from typing import Annotated, Any

import strawberry

from gateway.marketplace.creation.creation_request import CreationRequest
from gateway.marketplace.operations.create_order import OrderPreviewValues, preview_order
from gateway.marketplace.problems import Problem
from gateway.marketplace.rows import PlanRow
from gateway.resolvers.mutations.mutation_field import find_invalid_field, get_given_fields
from gateway.schema.enums import PlanUnit
from gateway.schema.framework.context import Info
from gateway.schema.framework.root_computed import UnplannedField
from gateway.schema.framework.scalars import Date
from gateway.schema.types.order_preview import CreateOrderInput, OrderPreview
from gateway.schema.types.renewal import format_amount

InputArgument = Annotated[
    CreateOrderInput,
    strawberry.argument(description="Input of `createOrder`, with the same meaning."),
]


async def _resolve_order_preview(info: Info, input: InputArgument) -> Any:  # noqa: A002 - as in mutations
    problem = find_invalid_field(input)
    if problem is not None:
        return OrderPreview(problems=[problem])
    given_fields = get_given_fields(input)
    given_fields.pop("idempotency_key", None)
    context, request = info.context, CreationRequest(**given_fields)
    preview = await context.change_service.run_check(
        context.requester, lambda unit_of_work: preview_order(unit_of_work, request)
    )
    if isinstance(preview, Problem):
        return OrderPreview(problems=[preview])
    return _build_preview(preview)


def _build_preview(preview: OrderPreviewValues) -> OrderPreview:
    draft, assessment, forecast = preview.draft, preview.assessment, preview.forecast
    problems = [*preview.problems]
    if draft is None or assessment is None or forecast is None:
        return OrderPreview(problems=problems)
    terms, cost, plan = assessment.terms, assessment.cost, draft.plan
    return OrderPreview(
        problems=problems,
        cost=format_amount(cost.order_cost) if cost else None,
        period_cost=format_amount(cost.period_cost) if cost else None,
        plan_unit=_find_unit(plan),
        end_date=Date(terms.end_date.isoformat()) if terms.end_date else None,
        prepaid_months=terms.months or None,
        state=forecast.state,
        review_states=forecast.review_states,
    )


def _find_unit(plan: PlanRow | None) -> PlanUnit | None:
    """Return the unit of a plan; None without one, or if this version does not know it."""
    return next((each for each in PlanUnit if plan and each.value == plan.unit), None)


ORDER_PREVIEW_FIELD = UnplannedField(_resolve_order_preview)
"""Declaration of the root field `orderPreview`."""
