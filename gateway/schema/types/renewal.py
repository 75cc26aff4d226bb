"""Cost estimates of renewals of prepaid resources (domain.md §5.7)."""

from datetime import date
from decimal import Decimal as Number
from typing import Annotated, Any, NamedTuple, TypeAlias

import strawberry

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.installation.version_rules import VersionRules
from gateway.db.queries.aggregates import (
    COMPONENT_PRICES_BY_PLAN,
    RENEWAL_COMPONENTS_BY_OFFERING,
)
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.tables.codes import USABLE_RESOURCE_STATES, ResourceState
from gateway.exact_json import decode_json_or_none
from gateway.marketplace.billing import renewal_pricing
from gateway.marketplace.billing.metered_components import decode_priced_components
from gateway.marketplace.eligibility import can_set_limits
from gateway.marketplace.problems import (
    InvalidInput,
    InvalidMonths,
    NotPermitted,
    WrongState,
)
from gateway.marketplace.states import check_state
from gateway.schema.enums import BillingType, LimitPeriod
from gateway.schema.framework.arguments import FieldArgument
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.errors import MAX_COLLECTION_SIZE, BadInputError, validate_input
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import JSON, Date, Decimal
from gateway.schema.types import problems  # noqa: F401 - publishes the problem types of the union
from gateway.schema.types.component import Component


@object_type
class RenewalCost:
    """The cost of one component in a renewal."""

    component: str
    """Type of the component: its key in `limits`."""
    name: str
    """Display name of the component."""
    measured_unit: str
    """Unit that `unitPrice` refers to, such as `GB`; may be empty."""
    billing_type: BillingType | None
    """How the component is billed; null if this version of the API does not know the value."""
    billing_period: LimitPeriod | None
    """The period that `unitPrice` refers to: the component's `limitPeriod`.

    Null for a prepaid component, whose price is per month.
    """
    is_prepaid: bool
    """Whether the component is prepaid.

    If so, it is billed for the months of the renewal; if not, for the increase of its limit in the
    remaining days.
    """
    current_limit: Decimal
    """The current limit; 0 without one.

    For a prepaid component it is in `measuredUnit`: the limit in `Resource.limits`, divided by
    `Component.factor`. For others it is in the unit of `Resource.limits`.
    """
    new_limit: Decimal
    """The limit after the renewal, in the unit of `currentLimit`; 0 without one."""
    unit_price: Decimal
    """Price of one measured unit in the resource's plan.

    It is per month for a prepaid component, otherwise per `billingPeriod`.
    """
    description: str
    """The billed time: `6 months`, or days of a period such as `12d / 30d (mo)`."""
    total: Decimal
    """Total price of the component.

    For a prepaid component: `unitPrice` times `newLimit`, times the months. For others: `unitPrice`
    times the increase of the limit, times `remainingDays`, divided by the days of the period (30,
    91 or 365).
    """


@object_type
class RenewalEstimate:
    """The estimated cost of renewing a resource."""

    components: list[RenewalCost]
    """The cost by component: the prepaid components, then those with an increased limit.

    Components that the resource's plan does not price are not listed, so there are none without a
    plan; `total` is 0 then. Decreased limits are not listed and not refunded.
    """
    subscription_total: Decimal
    """Price of the prepaid components for all months of the renewal."""
    limit_change_total: Decimal
    """Price of the increased limits for the remaining days."""
    total: Decimal
    """Total price: `subscriptionTotal` and `limitChangeTotal`."""
    remaining_days: int
    """Number of days from today (UTC) until `newEndDate`.

    Increased limits are billed for these days.
    """
    new_end_date: Date
    """The resource's end date after the renewal.

    The months are added to the current end date, or to today if that is later or there is none.
    """


EstimateProblem: TypeAlias = NotPermitted | WrongState | InvalidInput | InvalidMonths
RenewalEstimateResult = Annotated[
    RenewalEstimate | EstimateProblem,
    strawberry.union(
        "RenewalEstimateResult",
        description="The estimated cost of a renewal, or the problem that prevents it.\n\n"
        "`InvalidMonths` is returned under the rules of Waldur 8.1.3; those of earlier versions"
        " test the months only when the order is placed.",
    ),
]


MAX_COMPONENT_TYPE_CHARACTERS = 50


def _check_component_types(limits: object, name: str) -> None:
    """Raise BadInputError for too many limits, or for component types that cannot exist.

    The values are checked later, against the components of the offering.
    """
    component_types = [*limits] if isinstance(limits, dict) else []
    count = len(component_types)
    if count > MAX_COLLECTION_SIZE:
        raise BadInputError(
            f"`{name}` must have at most {MAX_COLLECTION_SIZE} entries, got {count}.", name
        )
    for component_type in component_types:
        validate_input(component_type, name)
        if len(component_type) > MAX_COMPONENT_TYPE_CHARACTERS:
            raise BadInputError(
                f"A component type in `{name}` must have at most {MAX_COMPONENT_TYPE_CHARACTERS}"
                f" characters, got {len(component_type)}.",
                name,
            )


EXTENSION_MONTHS_ARGUMENT = FieldArgument(
    "extensionMonths", int, "Number of months to renew by, from 1 to 600.", required=True
)
LIMITS_ARGUMENT = FieldArgument(
    "limits",
    JSON,
    "All limits after the renewal, as an object from `Component.type` to number, such as"
    ' `{"cores": 4}`. Components that are left out lose their limit. Null or an empty object keeps'
    " the current limits.",
    validate=_check_component_types,
)


_COLUMN_ENUMS = Component.value_maps
"""Published enum values of component columns, by column and stored value."""


class EstimateInputs(NamedTuple):
    """The arguments, context facts and columns that an estimate is computed from."""

    months: int
    limits: Any
    viewer: Viewer
    version_rules: VersionRules
    today: date
    state: int
    project_id: int
    customer_id: int
    end_date: str | None
    current_limits_json: str
    offering_type: str
    components_json: str
    prices_json: str


_resource = tables.resource.c
ESTIMATE_SOURCES = (
    EXTENSION_MONTHS_ARGUMENT,
    LIMITS_ARGUMENT,
    ContextFact.VIEWER,
    ContextFact.VERSION_RULES,
    ContextFact.TODAY,
    _resource.state,
    _resource.project_id,
    ColumnRef(tables.project.c.customer_id, (_resource.project_id,)),
    _resource.end_date,
    _resource.limits,
    ColumnRef(tables.offering.c.type, (_resource.offering_id,)),
    AggregateValue(RENEWAL_COMPONENTS_BY_OFFERING, "all", _resource.offering_id, "[]"),
    AggregateValue(COMPONENT_PRICES_BY_PLAN, "all", _resource.plan_id, "{}"),
)
"""Sources of the inputs of an estimate."""


def estimate_renewal(*values: Any) -> RenewalEstimateResult | None:
    """Return the cost of a renewal, or the problem that prevents it (domain.md §5.7).

    None if a price is not a number.
    """
    inputs = EstimateInputs(*values)
    components = decode_priced_components(
        inputs.components_json, inputs.prices_json, inputs.offering_type
    )
    if (problem := _find_problem(inputs, components)) is not None:
        return problem
    try:
        return _price_renewal(inputs, components)
    except renewal_pricing.UnpricedComponentError:
        return None


def _find_problem(
    inputs: EstimateInputs, components: tuple[renewal_pricing.PricedComponent, ...]
) -> EstimateProblem | None:
    """Return the first problem of an estimate: permission, state, input, months."""
    if not can_set_limits(inputs.viewer, inputs.project_id, inputs.customer_id):
        message = "This operation needs a role with RESOURCE.SET_LIMITS on the project or customer."
        return NotPermitted(message=message)
    problem = check_state(
        ResourceState, inputs.state, USABLE_RESOURCE_STATES, "resource"
    ) or renewal_pricing.check_renewal_input(inputs.months, inputs.limits, components)
    if problem is None and inputs.version_rules.checks_estimated_months:
        return renewal_pricing.check_renewal_months(inputs.months, components)
    return problem


def _price_renewal(
    inputs: EstimateInputs, components: tuple[renewal_pricing.PricedComponent, ...]
) -> RenewalEstimate:
    end_date = None if inputs.end_date is None else parse_stored_date(inputs.end_date)
    new_end_date = renewal_pricing.compute_renewal_end(end_date, inputs.months, inputs.today)
    remaining_days = (new_end_date - inputs.today).days
    current_limits = renewal_pricing.parse_limits(decode_json_or_none(inputs.current_limits_json))
    new_limits = renewal_pricing.parse_limits(inputs.limits) or current_limits
    subscriptions = renewal_pricing.compute_subscription_costs(
        components, current_limits, new_limits, inputs.months
    )
    limit_changes = renewal_pricing.compute_limit_change_costs(
        components, current_limits, new_limits, remaining_days
    )
    return RenewalEstimate(
        components=[_publish_cost(each) for each in (*subscriptions, *limit_changes)],
        subscription_total=format_amount(renewal_pricing.sum_costs(subscriptions)),
        limit_change_total=format_amount(renewal_pricing.sum_costs(limit_changes)),
        total=format_amount(renewal_pricing.sum_costs((*subscriptions, *limit_changes))),
        remaining_days=remaining_days,
        new_end_date=Date(new_end_date.isoformat()),
    )


def _publish_cost(cost: renewal_pricing.ComponentCost) -> RenewalCost:
    component = cost.component
    return RenewalCost(
        component=component.type,
        name=component.name,
        measured_unit=component.measured_unit,
        billing_type=_COLUMN_ENUMS["billing_type"].get(component.billing_type),
        billing_period=None
        if component.prepaid
        else _COLUMN_ENUMS["limit_period"].get(component.period),
        is_prepaid=component.prepaid,
        current_limit=_format_number(cost.current_limit),
        new_limit=_format_number(cost.new_limit),
        unit_price=format_amount(component.price),
        description=cost.description,
        total=format_amount(cost.total),
    )


def format_amount(amount: Number) -> Decimal:
    """Format an amount with the ten decimal places of prices."""
    return Decimal(f"{amount:.10f}")


def _format_number(number: Number) -> Decimal:
    """Format a number without trailing zeros."""
    formatted = f"{number:f}"
    return Decimal(formatted.rstrip("0").rstrip(".") if "." in formatted else formatted)
