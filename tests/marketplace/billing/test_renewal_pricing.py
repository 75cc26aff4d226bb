"""By what resources are renewed, and what that costs (domain.md §5.6, §5.7, §5.14)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from gateway.marketplace.billing.renewal_pricing import (
    Metered,
    days_left,
    end_of_renewal,
    invalid_input,
    invalid_months,
    later,
    limit_changes,
    numbers,
    subscriptions,
    total,
)


def metered(kind: str, price: str = "1", **more: Any) -> Metered:
    """Give a component; without more of it a limit of a month."""
    usual = {"billing": "limit", "period": "month", "prepaid": False, "factor": 1}
    return Metered(type=kind, name=kind, unit="", price=Decimal(price), **{**usual, **more})


def prepaid(*rule: int | None, kind: str = "slots", price: str = "1", factor: int = 1) -> Metered:
    """Give a component that is paid for in advance, with its least, most and step of months."""
    least, most, step = rule or (None, None, None)
    more = {"shortest": least, "longest": most, "step": step, "factor": factor}
    return metered(kind, price, period=None, prepaid=True, **more)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ((None, None, None), [1, 7, 600], []),
        ((3, None, None), [3, 4, 600], [1, 2]),
        ((None, 24, None), [1, 24], [25, 600]),
        ((3, 24, 3), [3, 6, 24], [1, 4, 23, 27]),
        ((2, None, 5), [2, 7, 12], [5, 10]),
        ((None, None, 12), [12, 24], [1, 11, 13]),
        ((None, None, 1), [1, 2], []),
        ((None, None, 0), [1, 2], []),
        ((0, 0, None), [], [1]),
    ],
)
def test_months_are_counted_in_steps_from_the_least(
    rule: tuple[int | None, ...], good: list[int], bad: list[int]
) -> None:
    for months in good:
        assert invalid_months(months, [prepaid(*rule)]) is None
    for months in bad:
        problem = invalid_months(months, [prepaid(*rule)])
        assert problem is not None
        (broken,) = problem.rules
        assert (broken.component, broken.min, broken.max, broken.step) == ("slots", *rule)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ((3, 24, 3), "`slots` can be renewed by 3 to 24 months, in steps of 3."),
        ((12, None, 1), "`slots` can be renewed by at least 12 months."),
        ((None, 6, None), "`slots` can be renewed by at most 6 months."),
        ((None, None, 12), "`slots` can be renewed by any number of months, in steps of 12."),
    ],
)
def test_the_message_says_what_would_do(rule: tuple[int | None, ...], message: str) -> None:
    problem = invalid_months(7, [prepaid(*rule)])
    assert problem is not None
    assert problem.message == message


def test_every_component_that_is_paid_in_advance_must_agree() -> None:
    components = [
        prepaid(1, 6, None, kind="a"),
        prepaid(7, None, None, kind="b"),
        prepaid(None, None, 4, kind="c"),
        metered("d", shortest=100),
    ]
    problem = invalid_months(7, components)
    assert problem is not None
    assert [each.component for each in problem.rules] == ["a", "c"]
    assert problem.message.count("can be renewed") == 2


KNOWN = [metered("cores"), prepaid(), metered("egress", billing="one", prepaid=True)]


@pytest.mark.parametrize(
    ("months", "limits", "path", "word"),
    [
        (0, None, ["extensionMonths"], "from 1 to 600"),
        (-5, None, ["extensionMonths"], "from 1 to 600"),
        (601, None, ["extensionMonths"], "from 1 to 600"),
        (1, [], ["limits"], "object"),
        (1, "cores", ["limits"], "object"),
        (1, 5, ["limits"], "object"),
        (1, {"ram": 1}, ["limits", "ram"], "no component `ram`"),
        (1, {"Cores": 1}, ["limits", "Cores"], "no component `Cores`"),
        (1, {"cores": -1}, ["limits", "cores"], "0 or more"),
        (1, {"cores": -0.5}, ["limits", "cores"], "0 or more"),
        (1, {"cores": "1"}, ["limits", "cores"], "number"),
        (1, {"cores": None}, ["limits", "cores"], "number"),
        (1, {"cores": True}, ["limits", "cores"], "number"),
        (1, {"cores": [1]}, ["limits", "cores"], "number"),
        (1, {"cores": float("inf")}, ["limits", "cores"], "too large"),
        (1, {"cores": 10**18}, ["limits", "cores"], "too large"),
        (1, {"cores": 1e300}, ["limits", "cores"], "too large"),
        (1, {"cores": 10**5000}, ["limits", "cores"], "too large"),
        (1, {"cores": 0.125}, ["limits", "cores"], "two places"),
    ],
)
def test_what_makes_no_sense_is_named(
    months: int, limits: object, path: list[str], word: str
) -> None:
    problem = invalid_input(months, limits, KNOWN)
    assert problem is not None
    (field,) = problem.fields
    assert field.path == path
    assert word in field.message
    assert problem.message == field.message


@pytest.mark.parametrize(
    "limits", [None, {}, {"cores": 0}, {"cores": 2.25, "slots": 10**18 - 1, "egress": 1.0}]
)
def test_what_makes_sense_is_taken(limits: object) -> None:
    assert invalid_input(1, limits, KNOWN) is None
    assert invalid_input(600, limits, KNOWN) is None


def test_all_mistakes_are_told_at_once_up_to_ten() -> None:
    problem = invalid_input(0, {"cores": -1, "x": 1}, KNOWN)
    assert problem is not None
    assert [each.path[-1] for each in problem.fields] == ["extensionMonths", "cores", "x"]
    problem = invalid_input(0, {f"x{i}": 1 for i in range(50)}, KNOWN)
    assert problem is not None
    assert len(problem.fields) == 10


@pytest.mark.parametrize(
    ("day", "months", "result"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-12-01", 1, "2027-01-01"),
        ("2026-11-30", 1, "2026-12-30"),
        ("2026-05-15", 600, "2076-05-15"),
        ("9999-12-31", 1, "9999-12-31"),
        ("9999-11-30", 1, "9999-12-30"),
    ],
)
def test_months_are_those_of_the_calendar(day: str, months: int, result: str) -> None:
    assert later(date.fromisoformat(day), months) == date.fromisoformat(result)


TODAY = date(2026, 5, 31)


@pytest.mark.parametrize(
    ("end", "new", "days"),
    [
        (None, date(2026, 6, 30), 0),
        (date(2020, 1, 1), date(2026, 6, 30), 0),
        (date(2026, 5, 30), date(2026, 6, 30), 0),
        (TODAY, date(2026, 6, 30), 0),
        (date(2026, 6, 1), date(2026, 7, 1), 1),
        (date(2027, 1, 31), date(2027, 2, 28), 245),
        (date.min, date(2026, 6, 30), 0),
        (date.max, date.max, (date.max - TODAY).days),
    ],
)
def test_what_has_ended_goes_on_from_today(end: date | None, new: date, days: int) -> None:
    assert end_of_renewal(end, 1, TODAY) == new
    assert days_left(end, TODAY) == days


@pytest.mark.parametrize(
    ("price", "limit", "factor", "months", "cost"),
    [
        ("3.0000000000", "99", 1, 6, "1782.0000000000"),
        ("0.1000000000", "3", 1, 1, "0.3000000000"),
        ("0.1", "0.7", 1, 3, "0.2100000000"),
        ("1.2", "1536", 1024, 2, "3.6000000000"),
        ("1", "1", 1024, 1, "0.0009765625"),
        ("0.0000000001", "1", 2, 1, "0.0000000000"),
        ("0.0000000003", "1", 2, 1, "0.0000000002"),
        ("2", "0", 1, 12, "0.0000000000"),
        (
            "999999999999.9999999999",
            "999999999999999999.99",
            1,
            600,
            "599999999999999999993940000000000.0000000006",
        ),
    ],
)
def test_what_is_paid_in_advance_is_exact(
    price: str, limit: str, factor: int, months: int, cost: str
) -> None:
    component = prepaid(price=price, factor=factor)
    (paid,) = subscriptions([component], {}, {"slots": Decimal(limit)}, months)
    assert f"{paid.total:.10f}" == cost
    assert paid.current == 0
    assert paid.new == Decimal(limit)


def test_only_what_is_paid_in_advance_is_a_subscription() -> None:
    limits = {"cores": Decimal(4), "slots": Decimal(2)}
    paid = subscriptions(KNOWN, limits, limits, 1)
    assert [each.component.type for each in paid] == ["slots", "egress"]
    assert [each.total for each in paid] == [Decimal(2), Decimal(0)]
    assert {each.description for each in paid} == {"1 month"}
    assert {each.description for each in subscriptions(KNOWN, {}, {}, 12)} == {"12 months"}


@pytest.mark.parametrize(
    ("period", "days", "cost", "description"),
    [
        ("month", 30, "20.0000000000", "30d / 30d (mo)"),
        ("month", 45, "30.0000000000", "45d / 30d (mo)"),
        ("quarterly", 1, "0.2197802198", "1d / 91d (qtr)"),
        ("annual", 73, "4.0000000000", "73d / 365d (yr)"),
        ("annual", 0, "0.0000000000", "0d / 365d (yr)"),
    ],
)
def test_a_limit_that_grows_is_paid_for_the_days_left(
    period: str, days: int, cost: str, description: str
) -> None:
    component = metered("cores", "10", period=period, factor=1024)
    now, then = {"cores": Decimal(3)}, {"cores": Decimal(5)}
    (changed,) = limit_changes([component], now, then, days)
    assert (f"{changed.total:.10f}", changed.description) == (cost, description)
    assert (changed.current, changed.new) == (Decimal(3), Decimal(5))


@pytest.mark.parametrize(
    "component",
    [
        metered("cores", period="total"),
        metered("cores", period=None),
        metered("cores", period="never"),
        metered("cores", billing="usage"),
        metered("cores", prepaid=True),
    ],
)
def test_what_is_not_billed_by_periods_costs_no_change(component: Metered) -> None:
    assert limit_changes([component], {}, {"cores": Decimal(5)}, 30) == []


@pytest.mark.parametrize("then", [{}, {"cores": Decimal(2)}, {"cores": Decimal(3)}])
def test_a_limit_that_does_not_grow_earns_nothing(then: dict[str, Decimal]) -> None:
    assert limit_changes([metered("cores")], {"cores": Decimal(3)}, then, 30) == []


def test_a_total_is_what_its_parts_sum_up_to() -> None:
    third = metered("a", "1", period="quarterly")
    other = metered("b", "1", period="quarterly")
    costs = limit_changes([third, other], {}, {"a": Decimal(1), "b": Decimal(1)}, 1)
    assert [str(each.total) for each in costs] == ["0.0109890110"] * 2
    assert total(costs) == Decimal("0.0219780220")
    assert total([]) == 0


def test_only_numbers_are_limits() -> None:
    stored = {"a": 1, "b": Decimal("2.50"), "c": -0.0, "d": True, "e": None, "f": "5", "g": [1]}
    assert numbers(stored) == {"a": Decimal(1), "b": Decimal("2.5"), "c": Decimal(0)}
    assert str(numbers(stored)["c"]) == "0"
    assert numbers(None) == numbers([1]) == numbers("x") == {}
