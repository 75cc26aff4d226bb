"""Renewal rules, end dates and costs (domain.md §5.6, §5.7, §5.14)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from gateway.exact_json import ExactNumber
from gateway.marketplace.billing.renewal_pricing import (
    PricedComponent,
    add_months,
    check_renewal_input,
    check_renewal_months,
    compute_limit_change_costs,
    compute_renewal_cost,
    compute_renewal_end,
    compute_subscription_costs,
    count_started_months,
    parse_limits,
    sum_costs,
)


def build_component(component_type: str, price: str = "1", **overrides: Any) -> PricedComponent:
    """Return a component, by default with a monthly limit."""
    defaults = {"billing_type": "limit", "period": "month", "prepaid": False, "backend_factor": 1}
    return PricedComponent(
        type=component_type,
        name=component_type,
        measured_unit="",
        price=Decimal(price),
        **{**defaults, **overrides},
    )


def build_prepaid_component(
    *month_rule: int | None, component_type: str = "slots", price: str = "1", factor: int = 1
) -> PricedComponent:
    """Return a prepaid component; `month_rule` is the minimum, maximum and step of months."""
    min_months, max_months, step = month_rule or (None, None, None)
    overrides = {
        "min_months": min_months,
        "max_months": max_months,
        "month_step": step,
        "backend_factor": factor,
    }
    return build_component(component_type, price, period=None, prepaid=True, **overrides)


@pytest.mark.parametrize(
    ("rule", "allowed_months", "forbidden_months"),
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
def test_months_are_counted_in_steps_from_the_minimum(
    rule: tuple[int | None, ...], allowed_months: list[int], forbidden_months: list[int]
) -> None:
    for months in allowed_months:
        assert check_renewal_months(months, [build_prepaid_component(*rule)]) is None
    for months in forbidden_months:
        problem = check_renewal_months(months, [build_prepaid_component(*rule)])
        assert problem is not None
        (broken_rule,) = problem.rules
        assert (broken_rule.component, broken_rule.min, broken_rule.max, broken_rule.step) == (
            "slots",
            *rule,
        )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ((3, 24, 3), "`slots` can be renewed by 3 to 24 months, in steps of 3."),
        ((12, None, 1), "`slots` can be renewed by at least 12 months."),
        ((None, 6, None), "`slots` can be renewed by at most 6 months."),
        ((None, None, 12), "`slots` can be renewed by any number of months, in steps of 12."),
    ],
)
def test_the_message_states_the_allowed_months(rule: tuple[int | None, ...], message: str) -> None:
    problem = check_renewal_months(7, [build_prepaid_component(*rule)])
    assert problem is not None
    assert problem.message == message


def test_every_prepaid_component_must_allow_the_months() -> None:
    components = [
        build_prepaid_component(1, 6, None, component_type="a"),
        build_prepaid_component(7, None, None, component_type="b"),
        build_prepaid_component(None, None, 4, component_type="c"),
        build_component("d", min_months=100),
    ]
    problem = check_renewal_months(7, components)
    assert problem is not None
    assert [each.component for each in problem.rules] == ["a", "c"]
    assert problem.message.count("can be renewed") == 2


NOT_LIMITED = "is not a component of the offering that can have a limit."
TOO_LARGE = "must be less than 1000000000000000000, got a number out of range."
COMPONENTS = [
    build_component("cores"),
    build_prepaid_component(),
    build_component("egress", billing_type="one", prepaid=True),
]


def test_large_limits_are_exact() -> None:
    limits = {"cores": ExactNumber("999999999999999999.99")}
    assert check_renewal_input(1, limits, COMPONENTS) is None
    assert parse_limits(limits) == {"cores": Decimal("999999999999999999.99")}


@pytest.mark.parametrize(
    ("months", "limits", "path", "expected_text"),
    [
        (0, None, ["extensionMonths"], "must be between 1 and 600, got 0."),
        (-5, None, ["extensionMonths"], "must be between 1 and 600, got -5."),
        (601, None, ["extensionMonths"], "must be between 1 and 600, got 601."),
        (1, [], ["limits"], "must be an object of numbers by component type, got a list."),
        (1, "cores", ["limits"], "must be an object of numbers by component type, got a string."),
        (1, 5, ["limits"], "must be an object of numbers by component type, got 5."),
        (1, {"ram": 1}, ["limits", "ram"], NOT_LIMITED),
        (1, {"Cores": 1}, ["limits", "Cores"], NOT_LIMITED),
        (1, {"cores": -1}, ["limits", "cores"], "must be at least 0, got -1."),
        (1, {"cores": -0.5}, ["limits", "cores"], "must be at least 0, got -0.5."),
        (1, {"cores": "1"}, ["limits", "cores"], "must be a number, got a string."),
        (1, {"cores": None}, ["limits", "cores"], "must be a number, got null."),
        (1, {"cores": ExactNumber("1e400")}, ["limits", "cores"], TOO_LARGE),
        (
            1,
            {"cores": ExactNumber("12345678901234567.125")},
            ["limits", "cores"],
            "must have at most 2 decimal places, got 12345678901234567.125.",
        ),
        (1, {"cores": True}, ["limits", "cores"], "must be a number, got a boolean."),
        (1, {"cores": [1]}, ["limits", "cores"], "must be a number, got a list."),
        (1, {"cores": float("inf")}, ["limits", "cores"], TOO_LARGE),
        (1, {"cores": 10**18}, ["limits", "cores"], TOO_LARGE),
        (1, {"cores": 1e300}, ["limits", "cores"], TOO_LARGE),
        (1, {"cores": 10**5000}, ["limits", "cores"], TOO_LARGE),
        (
            1,
            {"cores": 0.125},
            ["limits", "cores"],
            "must have at most 2 decimal places, got 0.125.",
        ),
    ],
)
def test_invalid_input_is_explained(
    months: int, limits: object, path: list[str], expected_text: str
) -> None:
    problem = check_renewal_input(months, limits, COMPONENTS)
    assert problem is not None
    (field,) = problem.fields
    assert field.path == path
    assert field.message == f"`{'.'.join(path)}` {expected_text}"
    assert problem.message == field.message


@pytest.mark.parametrize(
    "limits", [None, {}, {"cores": 0}, {"cores": 2.25, "slots": 10**18 - 1, "egress": 1.0}]
)
def test_valid_input_is_accepted(limits: object) -> None:
    assert check_renewal_input(1, limits, COMPONENTS) is None
    assert check_renewal_input(600, limits, COMPONENTS) is None


def test_up_to_ten_invalid_fields_are_reported() -> None:
    problem = check_renewal_input(0, {"cores": -1, "x": 1}, COMPONENTS)
    assert problem is not None
    assert [each.path[-1] for each in problem.fields] == ["extensionMonths", "cores", "x"]
    assert problem.message == "3 values are invalid."
    problem = check_renewal_input(0, {f"x{i}": 1 for i in range(50)}, COMPONENTS)
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
def test_adds_calendar_months(day: str, months: int, result: str) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(result)


TODAY = date(2026, 5, 31)


@pytest.mark.parametrize(
    ("end_date", "new_end_date"),
    [
        (None, date(2026, 6, 30)),
        (date(2020, 1, 1), date(2026, 6, 30)),
        (date(2026, 5, 30), date(2026, 6, 30)),
        (TODAY, date(2026, 6, 30)),
        (date(2026, 6, 1), date(2026, 7, 1)),
        (date(2027, 1, 31), date(2027, 2, 28)),
        (date.min, date(2026, 6, 30)),
        (date.max, date.max),
    ],
)
def test_an_ended_resource_is_renewed_from_today(end_date: date | None, new_end_date: date) -> None:
    assert compute_renewal_end(end_date, 1, TODAY) == new_end_date


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-05-31", "2026-06-30", 1),
        ("2026-05-31", "2026-07-01", 2),
        ("2026-05-15", "2026-06-15", 1),
        ("2026-05-15", "2026-06-16", 2),
        ("2026-05-15", "2026-05-16", 1),
        ("2026-05-15", "2026-05-15", 0),
        ("2026-05-15", "2025-05-15", 0),
        ("2026-12-15", "2028-01-01", 13),
        ("2026-12-15", "9999-12-31", 95677),
    ],
)
def test_started_months_count(start: str, end: str, months: int) -> None:
    assert count_started_months(date.fromisoformat(start), date.fromisoformat(end)) == months


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
def test_subscription_costs_are_exact(
    price: str, limit: str, factor: int, months: int, cost: str
) -> None:
    component = build_prepaid_component(price=price, factor=factor)
    (component_cost,) = compute_subscription_costs(
        [component], {}, {"slots": Decimal(limit)}, months
    )
    assert f"{component_cost.total:.10f}" == cost
    assert component_cost.current_limit == 0
    assert component_cost.new_limit * factor == Decimal(limit)


def test_limits_of_prepaid_components_are_in_the_unit_that_is_priced() -> None:
    """rules.md §0 on §5.7: the limits of others are not divided."""
    components = [
        build_prepaid_component(component_type="ram", factor=1024),
        build_component("disk", backend_factor=1024),
    ]
    current_limits = {"ram": Decimal(512), "disk": Decimal(1024)}
    new_limits = {"ram": Decimal(1536), "disk": Decimal(2048)}
    (ram,) = compute_subscription_costs(components, current_limits, new_limits, 2)
    assert [ram.current_limit, ram.new_limit, ram.total] == [Decimal("0.5"), Decimal("1.5"), 3]
    (disk,) = compute_limit_change_costs(components, current_limits, new_limits, 30)
    assert [disk.current_limit, disk.new_limit, disk.total] == [1024, 2048, 1024]


def test_components_without_a_price_are_not_listed() -> None:
    components = [
        build_component("slots", "0", prepaid=True, is_priced=False),
        build_component("cores", "0", is_priced=False),
    ]
    limits = {"slots": Decimal(2), "cores": Decimal(2)}
    assert compute_subscription_costs(components, {}, limits, 1) == []
    assert compute_limit_change_costs(components, {}, limits, 30) == []
    assert compute_renewal_cost(components, limits, 1) == 0


def test_only_prepaid_components_that_can_have_a_limit_cost() -> None:
    """rules.md §0 on §5.6: billed by limit, or once and prepaid."""
    components = [
        build_component(billing_type, "1", billing_type=billing_type, prepaid=True)
        for billing_type in ("limit", "one", "usage", "fixed", "few")
    ]
    limits = {each.type: Decimal(10) for each in components}
    assert compute_renewal_cost(components, limits, 3) == 60
    listed = compute_subscription_costs(components, limits, limits, 3)
    assert len(listed) == len(components)


def test_only_prepaid_components_have_subscription_costs() -> None:
    limits = {"cores": Decimal(4), "slots": Decimal(2)}
    costs = compute_subscription_costs(COMPONENTS, limits, limits, 1)
    assert [each.component.type for each in costs] == ["slots", "egress"]
    assert [each.total for each in costs] == [Decimal(2), Decimal(0)]
    assert {each.description for each in costs} == {"1 month"}
    assert {each.description for each in compute_subscription_costs(COMPONENTS, {}, {}, 12)} == {
        "12 months"
    }


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
def test_an_increased_limit_is_billed_for_the_remaining_days(
    period: str, days: int, cost: str, description: str
) -> None:
    component = build_component("cores", "10", period=period, backend_factor=1024)
    current_limits, new_limits = {"cores": Decimal(3)}, {"cores": Decimal(5)}
    (component_cost,) = compute_limit_change_costs([component], current_limits, new_limits, days)
    assert (f"{component_cost.total:.10f}", component_cost.description) == (cost, description)
    assert (component_cost.current_limit, component_cost.new_limit) == (Decimal(3), Decimal(5))


@pytest.mark.parametrize(
    "component",
    [
        build_component("cores", period="total"),
        build_component("cores", period=None),
        build_component("cores", period="never"),
        build_component("cores", billing_type="usage"),
        build_component("cores", prepaid=True),
    ],
)
def test_limits_without_billing_period_have_no_change_costs(component: PricedComponent) -> None:
    assert compute_limit_change_costs([component], {}, {"cores": Decimal(5)}, 30) == []


@pytest.mark.parametrize("new_limits", [{}, {"cores": Decimal(2)}, {"cores": Decimal(3)}])
def test_a_limit_that_is_not_increased_is_not_refunded(new_limits: dict[str, Decimal]) -> None:
    components, current_limits = [build_component("cores")], {"cores": Decimal(3)}
    assert compute_limit_change_costs(components, current_limits, new_limits, 30) == []


def test_the_total_is_the_sum_of_the_rounded_costs() -> None:
    components = [build_component(each, "1", period="quarterly") for each in ("a", "b")]
    costs = compute_limit_change_costs(components, {}, {"a": Decimal(1), "b": Decimal(1)}, 1)
    assert [str(each.total) for each in costs] == ["0.0109890110"] * 2
    assert sum_costs(costs) == Decimal("0.0219780220")
    assert sum_costs([]) == 0


def test_only_numbers_are_limits() -> None:
    limits = {"a": 1, "b": Decimal("2.50"), "c": -0.0, "d": True, "e": None, "f": "5", "g": [1]}
    assert parse_limits(limits) == {"a": Decimal(1), "b": Decimal("2.5"), "c": Decimal(0)}
    assert str(parse_limits(limits)["c"]) == "0"
    assert parse_limits(None) == parse_limits([1]) == parse_limits("x") == {}
