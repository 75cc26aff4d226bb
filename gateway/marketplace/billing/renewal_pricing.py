"""By what a resource can be renewed, until when, and what that costs (domain.md §5.6, §5.7, §5.14).

All amounts are exact; only what a component costs is rounded, to the ten places
of a price, so that a total is what its parts sum up to.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date
from decimal import Decimal
from fractions import Fraction

from gateway.marketplace.problems import (
    MAX_INVALID_FIELDS,
    InvalidField,
    InvalidInput,
    InvalidMonths,
    RenewalRule,
)

MAX_RENEWAL_MONTHS = 600
LIMIT_UPPER_BOUND = 10**18
"""A limit has at most 18 digits, and two places, where the marketplace keeps it."""
PERIOD_LENGTHS = {"month": (30, "mo"), "quarterly": (91, "qtr"), "annual": (365, "yr")}
"""How many days a limit's period is taken to have, and what it is called for short."""
MONTHS_PER_YEAR = 12
_PRICE_SCALE = 10**10
LimitAmounts = Mapping[str, Decimal]


@dataclass(frozen=True)
class PricedComponent:
    """A component of a resource's offering, with its price under the resource's plan."""

    type: str
    name: str
    measured_unit: str
    billing_type: str
    period: str | None
    """After what time its limit starts anew."""
    prepaid: bool
    price: Decimal
    backend_factor: int
    """How many backend units, in which limits are, make one that is priced."""
    min_months: int | None = None
    max_months: int | None = None
    month_step: int | None = None


@dataclass(frozen=True)
class ComponentCost:
    """What is paid for a component."""

    component: PricedComponent
    current_limit: Decimal
    """Its limit now."""
    new_limit: Decimal
    """Its limit from then on."""
    description: str
    total: Decimal


def check_renewal_input(
    months: int, limits: object, components: Sequence[PricedComponent]
) -> InvalidInput | None:
    """Say what of the input makes no sense; `limits` are as the client sent them."""
    fields = [
        *_check_month_count(months),
        *_check_limit_values(limits, {each.type for each in components}),
    ]
    if not fields:
        return None
    message = "Some values can't be taken." if len(fields) > 1 else fields[0].message
    return InvalidInput(message=message, fields=fields[:MAX_INVALID_FIELDS])


def _check_month_count(months: int) -> list[InvalidField]:
    if 1 <= months <= MAX_RENEWAL_MONTHS:
        return []
    message = f"Give a number of months from 1 to {MAX_RENEWAL_MONTHS}."
    return [InvalidField(path=["extensionMonths"], message=message)]


def _check_limit_values(limits: object, component_types: set[str]) -> list[InvalidField]:
    if limits is None:
        return []
    if not isinstance(limits, dict):
        message = "Give an object: for the types of components a number each."
        return [InvalidField(path=["limits"], message=message)]
    limit_errors = [
        (component_type, _find_limit_error(component_type, value, component_types))
        for component_type, value in limits.items()
    ]
    return [
        InvalidField(path=["limits", component_type], message=each)
        for component_type, each in limit_errors
        if each
    ]


def _find_limit_error(component_type: str, value: object, component_types: set[str]) -> str | None:
    """Say what is wrong with a limit; the types with limits are `known` (§5.14)."""
    if component_type not in component_types:
        return f"The offering has no component `{component_type}` with a limit."
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "Give a number."
    if not 0 <= value < LIMIT_UPPER_BOUND:
        return "Give 0 or more." if value < 0 else "The number is too large."
    return None if round(value, 2) == value else "Give a number with at most two places."


def check_renewal_months(
    months: int, components: Iterable[PricedComponent]
) -> InvalidMonths | None:
    """Say which rules of components that are paid for in advance are broken by the months."""
    broken_rules = [
        _build_renewal_rule(each)
        for each in components
        if each.prepaid and not _is_allowed_duration(months, each)
    ]
    if not broken_rules:
        return None
    return InvalidMonths(message=" ".join(map(_describe_rule, broken_rules)), rules=broken_rules)


def _is_allowed_duration(months: int, component: PricedComponent) -> bool:
    min_months, max_months = component.min_months or 0, component.max_months
    if months < min_months or (max_months is not None and months > max_months):
        return False
    return (months - min_months) % (component.month_step or 1) == 0


def _build_renewal_rule(component: PricedComponent) -> RenewalRule:
    return RenewalRule(
        component=component.type,
        min=component.min_months,
        max=component.max_months,
        step=component.month_step,
    )


_SPAN_TEMPLATES = {
    (False, False): "{} to {} months",
    (False, True): "at least {} months",
    (True, False): "at most {1} months",
    (True, True): "any number of months",
}
"""The months that go, by whether there is no least and no most."""


def _describe_rule(rule: RenewalRule) -> str:
    span = _SPAN_TEMPLATES[rule.min is None, rule.max is None].format(rule.min, rule.max)
    steps = f", in steps of {rule.step}" if (rule.step or 1) > 1 else ""
    return f"`{rule.component}` can be renewed by {span}{steps}."


def compute_renewal_end(end_date: date | None, months: int, today: date) -> date:
    """Give the last day after a renewal; what has ended by `today` goes on from today."""
    return add_months(max(end_date or today, today), months)


def add_months(day: date, months: int) -> date:
    """Give the same day some months later, or the last of a month that is too short for it."""
    year, month = divmod(day.year * MONTHS_PER_YEAR + day.month - 1 + months, MONTHS_PER_YEAR)
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def count_remaining_days(end_date: date | None, today: date) -> int:
    """Give how many days there are to a resource's last day; none without one."""
    return 0 if end_date is None else max((end_date - today).days, 0)


def parse_limits(limits: object) -> dict[str, Decimal]:
    """Give the limits among what is stored, or was found to be in order by `invalid_input`."""
    items = limits.items() if isinstance(limits, dict) else ()
    return {
        component_type: Decimal(str(value)) or Decimal()
        for component_type, value in items
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    }


def compute_subscription_costs(
    components: Iterable[PricedComponent],
    current_limits: LimitAmounts,
    new_limits: LimitAmounts,
    months: int,
) -> list[ComponentCost]:
    """Give what is paid in advance for some months."""
    description = "1 month" if months == 1 else f"{months} months"
    return [
        _build_component_cost(
            each,
            current_limits,
            new_limits,
            description,
            _get_limit(new_limits, each) * Fraction(months, each.backend_factor),
        )
        for each in components
        if each.prepaid
    ]


def compute_limit_change_costs(
    components: Iterable[PricedComponent],
    current_limits: LimitAmounts,
    new_limits: LimitAmounts,
    days: int,
) -> list[ComponentCost]:
    """Give what is paid, for the days that are left, for limits that grow.

    Those that shrink earn nothing; what is paid in advance is in `subscriptions`.
    """
    costs = []
    for component in components:
        increase = _get_limit(new_limits, component) - _get_limit(current_limits, component)
        if (
            component.billing_type == "limit"
            and not component.prepaid
            and component.period in PERIOD_LENGTHS
            and increase > 0
        ):
            period_days, period_label = PERIOD_LENGTHS[component.period]
            description = f"{days}d / {period_days}d ({period_label})"
            costs.append(
                _build_component_cost(
                    component,
                    current_limits,
                    new_limits,
                    description,
                    increase * Fraction(days, period_days),
                )
            )
    return costs


def _get_limit(limits: LimitAmounts, component: PricedComponent) -> Fraction:
    return Fraction(limits.get(component.type, 0))


def _build_component_cost(
    component: PricedComponent,
    current_limits: LimitAmounts,
    new_limits: LimitAmounts,
    description: str,
    quantity: Fraction,
) -> ComponentCost:
    return ComponentCost(
        component=component,
        current_limit=current_limits.get(component.type, Decimal()),
        new_limit=new_limits.get(component.type, Decimal()),
        description=description,
        total=round_price(Fraction(component.price) * quantity),
    )


def sum_costs(costs: Iterable[ComponentCost]) -> Decimal:
    """Give what some components cost together."""
    return round_price(sum((Fraction(each.total) for each in costs), Fraction()))


def round_price(amount: Fraction) -> Decimal:
    """Round to ten places, half of the last one to even, however many digits stand before them."""
    return Decimal(f"{round(amount * _PRICE_SCALE)}e-10")
