"""Limit periods: billing dates and usage (domain.md §3.2)."""

from datetime import date

import pytest

from gateway.db.installation.version_rules import RULES_2024, RULES_2026, VersionRules
from gateway.marketplace.billing.limit_periods import (
    compute_billing_dates,
    compute_usage_by_component,
)
from gateway.schema.types.resource_values import compute_limit_usage


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
def test_the_next_billing_date_is_the_start_of_the_next_period(
    period: str, today: date, next_day: date
) -> None:
    assert compute_billing_dates({"cores": period}, today) == {"cores": next_day}


def test_total_limits_have_no_billing_date() -> None:
    today = date(2026, 5, 5)
    assert compute_billing_dates({"a": "total", "b": "month"}, today) == {"b": date(2026, 6, 1)}
    assert compute_billing_dates({"a": "total"}, today) == {}
    assert compute_billing_dates({"a": "weekly"}, today) == {}


def test_without_periods_there_are_no_billing_dates() -> None:
    assert compute_billing_dates({}, date(2026, 5, 5)) is None
    assert compute_billing_dates({"a": None}, date(2026, 5, 5)) is None


def test_monthly_usage_is_current_and_other_usage_is_summed() -> None:
    periods = {"a": None, "b": "month", "c": "annual", "d": "total", "e": "quarterly"}
    current_usages, period_sums = {"a": 1, "b": 2, "c": 3}, {"b": 9, "c": 4.5, "d": 5}
    usage = compute_usage_by_component(periods, current_usages, period_sums)
    assert usage == {"a": 1, "b": 2, "c": 4.5, "d": 5, "e": None}


@pytest.mark.parametrize("usages_json", ["[]", "null", "3", '"x"'])
def test_usages_that_are_no_object_count_as_unknown(usages_json: str) -> None:
    for rules, usage in ((RULES_2024, "null"), (RULES_2026, "0")):
        arguments = ("Marketplace.Slurm", 1, usages_json, '{"cores": "month"}', None, rules)
        assert compute_limit_usage(*arguments) == f'{{"cores":{usage}}}'


@pytest.mark.parametrize(("rules", "unreported"), [(RULES_2024, "null"), (RULES_2026, "0")])
def test_usage_is_exact(rules: VersionRules, unreported: str) -> None:
    periods = '{"a": "month", "b": "total", "c": "annual", "d": null}'
    usages, sums = '{"a": 12345678901234567890.10, "b": 7}', '{"b": %s.50}' % ("9" * 5000)
    expected = (
        f'{{"a":12345678901234567890.10,"b":{"9" * 5000}.50,"c":{unreported},"d":{unreported}}}'
    )
    assert compute_limit_usage("Marketplace.Slurm", 1, usages, periods, sums, rules) == expected


def test_without_limits_or_a_plan_there_is_no_limit_usage() -> None:
    for rules, expected in ((RULES_2024, None), (RULES_2026, "{}")):
        assert compute_limit_usage("Marketplace.Slurm", 1, "{}", None, None, rules) == expected
        assert (
            compute_limit_usage("Marketplace.Slurm", None, "{}", '{"a": null}', None, rules)
            == expected
        )
        assert (
            compute_limit_usage("OpenStack.Volume", 1, "{}", '{"a": null}', None, rules) == expected
        )
