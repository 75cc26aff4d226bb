"""What the renewal of a resource would cost."""

from datetime import date
from decimal import Decimal as Number
from typing import Annotated, Any, NamedTuple

import msgspec
import strawberry

from gateway.db.access.viewer import Viewer
from gateway.marketplace.billing import renewal_pricing
from gateway.marketplace.billing.metered_components import decode_priced_components
from gateway.marketplace.eligibility import can_set_limits
from gateway.marketplace.problems import InvalidInput, InvalidMonths, NotPermitted
from gateway.schema.framework.arguments import FieldArgument
from gateway.schema.framework.errors import MAX_COLLECTION_SIZE, BadInputError, validate_input
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import JSON, Date, Decimal
from gateway.schema.types import problems  # noqa: F401 - it publishes what stands in the union
from gateway.schema.types.component import BillingType, Component, LimitPeriod


@object_type
class RenewalCost:
    """What a component costs in a renewal."""

    component: str
    """The component's type."""
    name: str
    """What people call the component."""
    measured_unit: str
    """The unit that amounts are given in, such as GB."""
    billing_type: BillingType | None
    """How the component is billed."""
    billing_period: LimitPeriod | None
    """After what time its limit starts anew; null for what is paid in advance."""
    is_prepaid: bool
    """Whether it is paid in advance, for the months of the renewal; else its limit grows."""
    current_limit: Decimal
    """Its limit now, as `Resource.limits` has it; 0 without one."""
    new_limit: Decimal
    """Its limit from then on."""
    unit_price: Decimal
    """What one unit costs under the resource's plan; 0 without a plan."""
    description: str
    """What is paid for: `6 months`, or days of a period, such as `12d / 30d (mo)`."""
    total: Decimal
    """What is to be paid for it."""


@object_type
class RenewalEstimate:
    """What the renewal of a resource would cost."""

    components: list[RenewalCost]
    """What is paid for: what is paid in advance, then limits that grow."""
    subscription_total: Decimal
    """What is paid in advance for the months of the renewal."""
    limit_change_total: Decimal
    """What is paid because limits grow, for the days up to the resource's present last day."""
    total: Decimal
    """Both together."""
    remaining_days: int
    """How many days there are to the resource's present last day; 0 without one."""
    new_end_date: Date
    """The last day of the resource once it is renewed."""


RenewalEstimateResult = Annotated[
    RenewalEstimate | NotPermitted | InvalidInput | InvalidMonths,
    strawberry.union(
        "RenewalEstimateResult",
        description="What a renewal would cost, or why it can't be had.",
    ),
]


MAX_COMPONENT_TYPE_CHARACTERS = 50


def _check_component_types(limits: object, name: str) -> None:
    """Refuse limits that are too many, or whose types can't be any; their values come later."""
    component_types = [*limits] if isinstance(limits, dict) else []
    if len(component_types) > MAX_COLLECTION_SIZE:
        raise BadInputError(f"An object has at most {MAX_COLLECTION_SIZE} values.", name)
    for component_type in component_types:
        validate_input(component_type, name)
        if len(component_type) > MAX_COMPONENT_TYPE_CHARACTERS:
            raise BadInputError(
                f"A component's type has at most {MAX_COMPONENT_TYPE_CHARACTERS} characters.", name
            )


EXTENSION_MONTHS_ARGUMENT = FieldArgument(
    "extensionMonths", int, "By how many months to renew: 1 to 600.", required=True
)
LIMITS_ARGUMENT = FieldArgument(
    "limits",
    JSON,
    "What it may use from then on, by the component's type: what is left out has no limit then."
    " Without any, its limits stay.",
    validate=_check_component_types,
)


_COLUMN_ENUMS = Component.value_maps
"""What is published of the values that some columns have."""


_decode_numbers = msgspec.json.Decoder(float_hook=Number).decode


class EstimateInputs(NamedTuple):
    """What is known when somebody asks what a renewal would cost."""

    months: int
    limits: Any
    viewer: Viewer
    project_id: int
    customer_id: int
    end_date: str | None
    today: date
    current_limits_json: str
    offering_type: str
    components_json: str
    prices_json: str


def estimate_renewal(*values: Any) -> RenewalEstimateResult:
    """Give what a renewal would cost, or why it can't be had (domain.md §5.7)."""
    inputs = EstimateInputs(*values)
    if not can_set_limits(inputs.viewer, inputs.project_id, inputs.customer_id):
        return NotPermitted(message="You may not change what this resource may use, or renew it.")
    components = decode_priced_components(
        inputs.components_json, inputs.prices_json, inputs.offering_type
    )
    return (
        renewal_pricing.check_renewal_input(inputs.months, inputs.limits, components)
        or renewal_pricing.check_renewal_months(inputs.months, components)
        or _price_renewal(inputs, components)
    )


def _price_renewal(
    inputs: EstimateInputs, components: tuple[renewal_pricing.PricedComponent, ...]
) -> RenewalEstimate:
    end_date = None if inputs.end_date is None else _parse_stored_date(inputs.end_date)
    remaining_days = renewal_pricing.count_remaining_days(end_date, inputs.today)
    current_limits = renewal_pricing.parse_limits(_decode_numbers(inputs.current_limits_json))
    new_limits = renewal_pricing.parse_limits(inputs.limits) or current_limits
    subscriptions = renewal_pricing.compute_subscription_costs(
        components, current_limits, new_limits, inputs.months
    )
    limit_changes = renewal_pricing.compute_limit_change_costs(
        components, current_limits, new_limits, remaining_days
    )
    return RenewalEstimate(
        components=[_publish_cost(each) for each in (*subscriptions, *limit_changes)],
        subscription_total=_format_amount(renewal_pricing.sum_costs(subscriptions)),
        limit_change_total=_format_amount(renewal_pricing.sum_costs(limit_changes)),
        total=_format_amount(renewal_pricing.sum_costs((*subscriptions, *limit_changes))),
        remaining_days=remaining_days,
        new_end_date=Date(
            renewal_pricing.compute_renewal_end(end_date, inputs.months, inputs.today).isoformat()
        ),
    )


def _parse_stored_date(stored_date: str) -> date:
    """Read a day; PostgreSQL has days before and after all that Python knows."""
    try:
        return date.fromisoformat(stored_date)
    except ValueError:
        return date.min if stored_date.startswith("-") or stored_date.endswith("BC") else date.max


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
        unit_price=_format_amount(component.price),
        description=cost.description,
        total=_format_amount(cost.total),
    )


def _format_amount(amount: Number) -> Decimal:
    """Write an amount to ten places, as prices are stored."""
    return Decimal(f"{amount:.10f}")


def _format_number(number: Number) -> Decimal:
    """Write a number without what says nothing."""
    formatted = f"{number:f}"
    return Decimal(formatted.rstrip("0").rstrip(".") if "." in formatted else formatted)
