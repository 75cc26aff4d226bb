"""The periods of limits (domain.md §3.2)."""

from datetime import date

import pytest

from gateway.db.installation.version_rules import RULES_2024, RULES_2026
from gateway.marketplace.billing.limit_periods import limit_usage, renewals
from gateway.schema.types.resource_values import limits_used


@pytest.mark.parametrize(
    ("period", "today", "next_day"),
    [
        ("month", date(2026, 1, 31), date(2026, 2, 1)),
        ("month", date(2026, 12, 1), date(2027, 1, 1)),
        ("quarterly", date(2026, 1, 1), date(2026, 4, 1)),
        ("quarterly", date(2026, 3, 31), date(2026, 4, 1)),
        ("quarterly", date(2026, 11, 25), date(2027, 1, 1)),
        ("annual", date(2026, 1, 1), date(2027, 1, 1)),
        ("annual", date(2026, 12, 31), date(2027, 1, 1)),
    ],
)
def test_limits_are_billed_anew_when_a_period_begins(
    period: str, today: date, next_day: date
) -> None:
    assert renewals({"cores": period}, today) == {"cores": next_day}


def test_what_counts_in_total_is_never_billed_anew() -> None:
    today = date(2026, 5, 5)
    assert renewals({"a": "total", "b": "month"}, today) == {"b": date(2026, 6, 1)}
    assert renewals({"a": "total"}, today) == {}
    assert renewals({"a": "weekly"}, today) == {}


def test_without_periods_nothing_is() -> None:
    assert renewals({}, date(2026, 5, 5)) is None
    assert renewals({"a": None}, date(2026, 5, 5)) is None


def test_limits_of_a_month_are_used_as_of_now_others_in_sum() -> None:
    periods = {"a": None, "b": "month", "c": "annual", "d": "total", "e": "quarterly"}
    present, sums = {"a": 1, "b": 2, "c": 3}, {"b": 9, "c": 4.5, "d": 5}
    found = limit_usage(periods, present, sums)
    assert found == {"a": 1, "b": 2, "c": 4.5, "d": 5, "e": None}


@pytest.mark.parametrize("odd", ["[]", "null", "3", '"x"'])
def test_what_is_no_object_has_used_nothing(odd: str) -> None:
    given = ("Marketplace.Slurm", 1, odd, '{"cores": "month"}', None, RULES_2026)
    assert limits_used(*given) == '{"cores":null}'


def test_without_limits_or_a_plan_there_is_no_usage_of_them() -> None:
    for rules, nothing in ((RULES_2024, None), (RULES_2026, "{}")):
        assert limits_used("Marketplace.Slurm", 1, "{}", None, None, rules) == nothing
        assert limits_used("Marketplace.Slurm", None, "{}", '{"a": null}', None, rules) == nothing
        assert limits_used("OpenStack.Volume", 1, "{}", '{"a": null}', None, rules) == nothing
