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
    MOST_FIELDS,
    InvalidField,
    InvalidInput,
    InvalidMonths,
    RenewalRule,
)

MOST_MONTHS = 600
TOO_MUCH = 10**18
"""A limit has at most 18 digits, and two places, where the marketplace keeps it."""
PERIODS = {"month": (30, "mo"), "quarterly": (91, "qtr"), "annual": (365, "yr")}
"""How many days a limit's period is taken to have, and what it is called for short."""
YEAR = 12
_TEN_PLACES = 10**10
Limits = Mapping[str, Decimal]


@dataclass(frozen=True)
class Metered:
    """A component of a resource's offering, with its price under the resource's plan."""

    type: str
    name: str
    unit: str
    billing: str
    period: str | None
    """After what time its limit starts anew."""
    prepaid: bool
    price: Decimal
    factor: int
    """How many backend units, in which limits are, make one that is priced."""
    shortest: int | None = None
    longest: int | None = None
    step: int | None = None


@dataclass(frozen=True)
class Cost:
    """What is paid for a component."""

    component: Metered
    current: Decimal
    """Its limit now."""
    new: Decimal
    """Its limit from then on."""
    description: str
    total: Decimal


def invalid_input(
    months: int, limits: object, components: Sequence[Metered]
) -> InvalidInput | None:
    """Say what of the input makes no sense; `limits` are as the client sent them."""
    fields = [*_of_months(months), *_of_limits(limits, {each.type for each in components})]
    if not fields:
        return None
    told = "Some values can't be taken." if len(fields) > 1 else fields[0].message
    return InvalidInput(message=told, fields=fields[:MOST_FIELDS])


def _of_months(months: int) -> list[InvalidField]:
    if 1 <= months <= MOST_MONTHS:
        return []
    message = f"Give a number of months from 1 to {MOST_MONTHS}."
    return [InvalidField(path=["extensionMonths"], message=message)]


def _of_limits(limits: object, known: set[str]) -> list[InvalidField]:
    if limits is None:
        return []
    if not isinstance(limits, dict):
        message = "Give an object: for the types of components a number each."
        return [InvalidField(path=["limits"], message=message)]
    found = [(kind, _trouble(kind, value, known)) for kind, value in limits.items()]
    return [InvalidField(path=["limits", kind], message=each) for kind, each in found if each]


def _trouble(kind: str, value: object, known: set[str]) -> str | None:
    """Say what is wrong with a limit; the types with limits are `known` (§5.14)."""
    if kind not in known:
        return f"The offering has no component `{kind}` with a limit."
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "Give a number."
    if not 0 <= value < TOO_MUCH:
        return "Give 0 or more." if value < 0 else "The number is too large."
    return None if round(value, 2) == value else "Give a number with at most two places."


def invalid_months(months: int, components: Iterable[Metered]) -> InvalidMonths | None:
    """Say which rules of components that are paid for in advance are broken by the months."""
    broken = [_rule(each) for each in components if each.prepaid and not _fits(months, each)]
    if not broken:
        return None
    return InvalidMonths(message=" ".join(map(_told, broken)), rules=broken)


def _fits(months: int, component: Metered) -> bool:
    least, most = component.shortest or 0, component.longest
    if months < least or (most is not None and months > most):
        return False
    return (months - least) % (component.step or 1) == 0


def _rule(component: Metered) -> RenewalRule:
    return RenewalRule(
        component=component.type,
        min=component.shortest,
        max=component.longest,
        step=component.step,
    )


_SPANS = {
    (False, False): "{} to {} months",
    (False, True): "at least {} months",
    (True, False): "at most {1} months",
    (True, True): "any number of months",
}
"""The months that go, by whether there is no least and no most."""


def _told(rule: RenewalRule) -> str:
    span = _SPANS[rule.min is None, rule.max is None].format(rule.min, rule.max)
    steps = f", in steps of {rule.step}" if (rule.step or 1) > 1 else ""
    return f"`{rule.component}` can be renewed by {span}{steps}."


def end_of_renewal(end: date | None, months: int, today: date) -> date:
    """Give the last day after a renewal; what has ended by `today` goes on from today."""
    return later(max(end or today, today), months)


def later(day: date, months: int) -> date:
    """Give the same day some months later, or the last of a month that is too short for it."""
    year, month = divmod(day.year * YEAR + day.month - 1 + months, YEAR)
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def days_left(end: date | None, today: date) -> int:
    """Give how many days there are to a resource's last day; none without one."""
    return 0 if end is None else max((end - today).days, 0)


def numbers(limits: object) -> dict[str, Decimal]:
    """Give the limits among what is stored, or was found to be in order by `invalid_input`."""
    given = limits.items() if isinstance(limits, dict) else ()
    return {
        kind: Decimal(str(value)) or Decimal()
        for kind, value in given
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    }


def subscriptions(
    components: Iterable[Metered], current: Limits, wanted: Limits, months: int
) -> list[Cost]:
    """Give what is paid in advance for some months."""
    told = "1 month" if months == 1 else f"{months} months"
    return [
        _cost(each, current, wanted, told, _limit(wanted, each) * Fraction(months, each.factor))
        for each in components
        if each.prepaid
    ]


def limit_changes(
    components: Iterable[Metered], current: Limits, wanted: Limits, days: int
) -> list[Cost]:
    """Give what is paid, for the days that are left, for limits that grow.

    Those that shrink earn nothing; what is paid in advance is in `subscriptions`.
    """
    found = []
    for each in components:
        more = _limit(wanted, each) - _limit(current, each)
        if each.billing == "limit" and not each.prepaid and each.period in PERIODS and more > 0:
            length, short = PERIODS[each.period]
            told = f"{days}d / {length}d ({short})"
            found.append(_cost(each, current, wanted, told, more * Fraction(days, length)))
    return found


def _limit(limits: Limits, component: Metered) -> Fraction:
    return Fraction(limits.get(component.type, 0))


def _cost(
    component: Metered, current: Limits, wanted: Limits, description: str, quantity: Fraction
) -> Cost:
    return Cost(
        component=component,
        current=current.get(component.type, Decimal()),
        new=wanted.get(component.type, Decimal()),
        description=description,
        total=money(Fraction(component.price) * quantity),
    )


def total(costs: Iterable[Cost]) -> Decimal:
    """Give what some components cost together."""
    return money(sum((Fraction(each.total) for each in costs), Fraction()))


def money(exact: Fraction) -> Decimal:
    """Round to ten places, half of the last one to even, however many digits stand before them."""
    return Decimal(f"{round(exact * _TEN_PLACES)}e-10")
