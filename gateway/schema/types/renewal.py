"""What the renewal of a resource would cost."""

from datetime import date
from decimal import Decimal as Number
from typing import Annotated, Any, NamedTuple

import msgspec
import strawberry

from gateway.db.access.viewer import Viewer
from gateway.marketplace.billing import renewal_pricing
from gateway.marketplace.billing.metered_components import metered
from gateway.marketplace.eligibility import can_set_limits
from gateway.marketplace.problems import InvalidInput, InvalidMonths, NotPermitted
from gateway.schema.framework.arguments import Argument
from gateway.schema.framework.errors import MANY, BadInputError, checked
from gateway.schema.framework.publish import published
from gateway.schema.framework.scalars import JSON, Date, Decimal
from gateway.schema.types import problems  # noqa: F401 - it publishes what stands in the union
from gateway.schema.types.component import BillingType, Component, LimitPeriod


@published
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


@published
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


LONGEST_TYPE = 50


def _types_checked(limits: object, name: str) -> None:
    """Refuse limits that are too many, or whose types can't be any; their values come later."""
    types = [*limits] if isinstance(limits, dict) else []
    if len(types) > MANY:
        raise BadInputError(f"An object has at most {MANY} values.", name)
    for each in types:
        checked(each, name)
        if len(each) > LONGEST_TYPE:
            raise BadInputError(f"A component's type has at most {LONGEST_TYPE} characters.", name)


RENEWED_BY = Argument(
    "extensionMonths", int, "By how many months to renew: 1 to 600.", required=True
)
LIMITS = Argument(
    "limits",
    JSON,
    "What it may use from then on, by the component's type: what is left out has no limit then."
    " Without any, its limits stay.",
    check=_types_checked,
)


_KNOWN = Component.convert
"""What is published of the values that some columns have."""


_any = msgspec.json.Decoder(float_hook=Number).decode


class Asked(NamedTuple):
    """What is known when somebody asks what a renewal would cost."""

    months: int
    limits: Any
    viewer: Viewer
    project: int
    customer: int
    end: str | None
    today: date
    current: str
    offering_type: str
    components: str
    prices: str


def renewal_estimate(*given: Any) -> RenewalEstimateResult:
    """Give what a renewal would cost, or why it can't be had (domain.md §5.7)."""
    asked = Asked(*given)
    if not can_set_limits(asked.viewer, asked.project, asked.customer):
        return NotPermitted(message="You may not change what this resource may use, or renew it.")
    components = metered(asked.components, asked.prices, asked.offering_type)
    return (
        renewal_pricing.invalid_input(asked.months, asked.limits, components)
        or renewal_pricing.invalid_months(asked.months, components)
        or _estimate(asked, components)
    )


def _estimate(asked: Asked, components: tuple[renewal_pricing.Metered, ...]) -> RenewalEstimate:
    end = None if asked.end is None else _day(asked.end)
    days = renewal_pricing.days_left(end, asked.today)
    current = renewal_pricing.numbers(_any(asked.current))
    wanted = renewal_pricing.numbers(asked.limits) or current
    paid = renewal_pricing.subscriptions(components, current, wanted, asked.months)
    changed = renewal_pricing.limit_changes(components, current, wanted, days)
    return RenewalEstimate(
        components=[_cost(each) for each in (*paid, *changed)],
        subscription_total=_money(renewal_pricing.total(paid)),
        limit_change_total=_money(renewal_pricing.total(changed)),
        total=_money(renewal_pricing.total((*paid, *changed))),
        remaining_days=days,
        new_end_date=Date(
            renewal_pricing.end_of_renewal(end, asked.months, asked.today).isoformat()
        ),
    )


def _day(stored: str) -> date:
    """Read a day; PostgreSQL has days before and after all that Python knows."""
    try:
        return date.fromisoformat(stored)
    except ValueError:
        return date.min if stored.startswith("-") or stored.endswith("BC") else date.max


def _cost(cost: renewal_pricing.Cost) -> RenewalCost:
    component = cost.component
    return RenewalCost(
        component=component.type,
        name=component.name,
        measured_unit=component.unit,
        billing_type=_KNOWN["billing_type"].get(component.billing),
        billing_period=None if component.prepaid else _KNOWN["limit_period"].get(component.period),
        is_prepaid=component.prepaid,
        current_limit=_plain(cost.current),
        new_limit=_plain(cost.new),
        unit_price=_money(component.price),
        description=cost.description,
        total=_money(cost.total),
    )


def _money(amount: Number) -> Decimal:
    """Write an amount to ten places, as prices are stored."""
    return Decimal(f"{amount:.10f}")


def _plain(number: Number) -> Decimal:
    """Write a number without what says nothing."""
    written = f"{number:f}"
    return Decimal(written.rstrip("0").rstrip(".") if "." in written else written)
