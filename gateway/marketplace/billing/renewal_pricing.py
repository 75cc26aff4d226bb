"""Renewals: allowed months, new end date and cost (domain.md §5.6, §5.7, §5.14).

Amounts are exact fractions. Only the cost of each component is rounded, to the ten decimal
places of a price, so that the total equals the sum of its parts.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date
from decimal import Decimal
from fractions import Fraction

from gateway.db.queries.marketplace_checks import LIMIT_UPPER_BOUND
from gateway.db.tables.codes import BillingType, LimitPeriod
from gateway.marketplace.billing.limit_periods import MONTHS_PER_YEAR
from gateway.marketplace.problems import (
    MAX_INVALID_FIELDS,
    InvalidField,
    InvalidInput,
    InvalidMonths,
    RenewalRule,
    build_invalid_field,
    describe_value,
)

MAX_RENEWAL_MONTHS = 600
PERIOD_LENGTHS: dict[str, tuple[int, str]] = {
    LimitPeriod.MONTH: (30, "mo"),
    LimitPeriod.QUARTERLY: (91, "qtr"),
    LimitPeriod.ANNUAL: (365, "yr"),
}
"""Days that a limit period is billed as, and its abbreviation."""
_PRICE_SCALE = 10**10
_PRECISION_RULES = (
    "be a whole number",
    "have at most 1 decimal place",
    "have at most 2 decimal places",
)
"""Requirements of a number by its maximum number of decimal places."""
MAX_LIMIT_PLACES = len(_PRECISION_RULES) - 1
"""Maximum number of decimal places of limits, as Waldur stores them."""
LimitAmounts = Mapping[str, Decimal]


@dataclass(frozen=True)
class PricedComponent:
    """Component of a resource's offering, with its price under the resource's plan."""

    type: str
    name: str
    measured_unit: str
    billing_type: str
    period: str | None
    """Limit period, such as `month`; None without a period."""
    prepaid: bool
    price: Decimal
    backend_factor: int
    """Backend units, in which limits are stored, for each unit that is priced."""
    min_months: int | None = None
    max_months: int | None = None
    month_step: int | None = None
    is_priced: bool = True
    """Whether the plan has a price for it; without one, the price is 0."""

    @property
    def can_have_limit(self) -> bool:
        """Whether a resource can have a limit for it."""
        return allows_limit(self.billing_type, is_prepaid=self.prepaid)


def allows_limit(billing_type: str, *, is_prepaid: bool) -> bool:
    """Return whether a component can have a limit: it is billed by limit, or once and prepaid."""
    is_prepaid_once = is_prepaid and billing_type == BillingType.ONE
    return is_prepaid_once or billing_type == BillingType.LIMIT


@dataclass(frozen=True)
class ComponentCost:
    """Cost of one component of a renewal."""

    component: PricedComponent
    current_limit: Decimal
    """Limit before the renewal, in the unit that is priced if the component is prepaid."""
    new_limit: Decimal
    """Limit after the renewal, in the same unit."""
    description: str
    total: Decimal


class UnpricedComponentError(Exception):
    """The price of a component or plan is not a number, so no cost can be computed."""


def check_renewal_input(
    months: int, limits: object, components: Sequence[PricedComponent]
) -> InvalidInput | None:
    """Return the problem of invalid months or limits; None if both are valid.

    `limits` is the client's JSON value, or None without limits.
    """
    fields = [
        *_check_month_count(months),
        *_check_limit_values(limits, {each.type for each in components}),
    ]
    if not fields:
        return None
    message = f"{len(fields)} values are invalid." if len(fields) > 1 else fields[0].message
    return InvalidInput(message=message, fields=fields[:MAX_INVALID_FIELDS])


def _check_month_count(months: int) -> list[InvalidField]:
    if 1 <= months <= MAX_RENEWAL_MONTHS:
        return []
    message = f"must be between 1 and {MAX_RENEWAL_MONTHS}, got {months}."
    return [build_invalid_field("extensionMonths", message=message)]


def _check_limit_values(limits: object, component_types: set[str]) -> list[InvalidField]:
    if limits is None:
        return []
    if not isinstance(limits, dict):
        message = f"must be an object of numbers by component type, got {describe_value(limits)}."
        return [build_invalid_field("limits", message=message)]
    limit_errors = [
        (component_type, _find_limit_error(component_type, value, component_types))
        for component_type, value in limits.items()
    ]
    return [
        build_invalid_field("limits", component_type, message=each)
        for component_type, each in limit_errors
        if each
    ]


def _find_limit_error(component_type: str, value: object, component_types: set[str]) -> str | None:
    """Return what a limit must be, or None if it is valid (domain.md §5.14).

    `component_types` are the types that can have a limit.
    """
    if component_type not in component_types:
        return "is not a component of the offering that can have a limit."
    return find_amount_error(value, MAX_LIMIT_PLACES)


def find_amount_error(value: object, max_places: int) -> str | None:
    """Return what a limit must be, or None if it is an amount with so many decimal places."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"must be a number, got {describe_value(value)}."
    limit = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    if not 0 <= limit < LIMIT_UPPER_BOUND:
        requirement = "at least 0" if limit < 0 else f"less than {LIMIT_UPPER_BOUND}"
        return f"must be {requirement}, got {describe_value(value)}."
    if round(limit, max_places) != limit:
        return f"must {_PRECISION_RULES[max_places]}, got {describe_value(value)}."
    return None


def check_renewal_months(
    months: int, components: Iterable[PricedComponent]
) -> InvalidMonths | None:
    """Return the problem of renewal rules that the months break; None if all are met."""
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
"""Texts for the allowed months, by whether there is no minimum and no maximum."""


def _describe_rule(rule: RenewalRule) -> str:
    span = _SPAN_TEMPLATES[rule.min is None, rule.max is None].format(rule.min, rule.max)
    steps = f", in steps of {rule.step}" if (rule.step or 1) > 1 else ""
    return f"`{rule.component}` can be renewed by {span}{steps}."


def compute_renewal_end(end_date: date | None, months: int, today: date) -> date:
    """Return the end date after a renewal; it counts from today if the old one is over."""
    return add_months(max(end_date or today, today), months)


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, or the month's last day if the month is too short."""
    year, month = divmod(day.year * MONTHS_PER_YEAR + day.month - 1 + months, MONTHS_PER_YEAR)
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def count_started_months(start: date, end: date) -> int:
    """Return the number of months from one day to another; a month that has begun counts."""
    months = (end.year - start.year) * MONTHS_PER_YEAR + end.month - start.month
    return max(months + (add_months(start, months) < end), 0)


def parse_limits(limits: object) -> dict[str, Decimal]:
    """Return the numbers of a limits object by component type.

    Values that can't be limits are ignored: other types, and numbers that are out of range.
    """
    items = limits.items() if isinstance(limits, dict) else ()
    amounts = {component_type: parse_limit(value) for component_type, value in items}
    return {name: amount for name, amount in amounts.items() if amount is not None}


def parse_limit(value: object) -> Decimal | None:
    """Return a limit as an exact number; None if it is not a number, or out of range."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    is_in_range = number.is_finite() and -LIMIT_UPPER_BOUND < number < LIMIT_UPPER_BOUND
    return (number or Decimal()) if is_in_range else None


def compute_renewal_cost(
    components: Iterable[PricedComponent], limits: LimitAmounts, months: int
) -> Decimal:
    """Return the cost of a number of months of the prepaid components that can have a limit.

    Raises UnpricedComponentError if the price of one is not a number.
    """
    limited_components = [each for each in components if each.can_have_limit]
    return sum_costs(compute_subscription_costs(limited_components, limits, limits, months))


def compute_subscription_costs(
    components: Iterable[PricedComponent],
    current_limits: LimitAmounts,
    new_limits: LimitAmounts,
    months: int,
) -> list[ComponentCost]:
    """Return the costs of the prepaid components that the plan prices for a number of months.

    Raises UnpricedComponentError if the price of one is not a number.
    """
    description = "1 month" if months == 1 else f"{months} months"
    return [
        _build_component_cost(
            each,
            _get_limit(current_limits, each) / each.backend_factor,
            new_limit := _get_limit(new_limits, each) / each.backend_factor,
            description,
            new_limit * months,
        )
        for each in components
        if each.prepaid and each.is_priced
    ]


def compute_limit_change_costs(
    components: Iterable[PricedComponent],
    current_limits: LimitAmounts,
    new_limits: LimitAmounts,
    days: int,
) -> list[ComponentCost]:
    """Return the costs of increased limits for the days until the new end date.

    Decreased limits are not refunded; prepaid components are in `compute_subscription_costs`.
    Limits are not divided by the backend's factor, as in Waldur. Raises UnpricedComponentError if
    a price is not a number.
    """
    costs = []
    for component in components:
        current_limit, new_limit = (
            _get_limit(each, component) for each in (current_limits, new_limits)
        )
        if _is_billed_by_period(component) and new_limit > current_limit:
            period_days, period_label = PERIOD_LENGTHS[component.period or ""]
            description = f"{days}d / {period_days}d ({period_label})"
            quantity = (new_limit - current_limit) * Fraction(days, period_days)
            costs.append(
                _build_component_cost(component, current_limit, new_limit, description, quantity)
            )
    return costs


def _is_billed_by_period(component: PricedComponent) -> bool:
    """Return whether the plan prices the limit of a component by month, quarter or year."""
    is_limited = component.billing_type == BillingType.LIMIT and not component.prepaid
    return is_limited and component.is_priced and component.period in PERIOD_LENGTHS


def _get_limit(limits: LimitAmounts, component: PricedComponent) -> Fraction:
    return Fraction(limits.get(component.type, 0))


def _build_component_cost(
    component: PricedComponent,
    current_limit: Fraction,
    new_limit: Fraction,
    description: str,
    quantity: Fraction,
) -> ComponentCost:
    return ComponentCost(
        component=component,
        current_limit=round_price(current_limit),
        new_limit=round_price(new_limit),
        description=description,
        total=round_price(parse_price(component.price) * quantity),
    )


def parse_price(price: Decimal | str) -> Fraction:
    """Return a stored price as an exact fraction; raises UnpricedComponentError if it is NaN."""
    try:
        return Fraction(price)
    except (ValueError, OverflowError):
        raise UnpricedComponentError(f"The price is {price}.") from None


def sum_costs(costs: Iterable[ComponentCost]) -> Decimal:
    """Return the sum of components' costs."""
    return round_price(sum((Fraction(each.total) for each in costs), Fraction()))


def round_price(amount: Fraction) -> Decimal:
    """Return an amount rounded half to even to ten decimal places, with any number of digits."""
    return Decimal(f"{round(amount * _PRICE_SCALE)}e-10")
