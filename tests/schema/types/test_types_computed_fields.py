"""Functions of computed fields (domain.md §1.4, §1.12, §3.2, §3.6)."""

import json
from datetime import date

import pytest

from gateway.db.sql.row_types import Row
from gateway.marketplace.eligibility import has_plan_capacity
from gateway.marketplace.plugins import strip_secret_attributes
from gateway.schema.enums import ResourceState
from gateway.schema.types.component import find_unit_factor, is_plugin_component
from gateway.schema.types.endpoint import build_media_url
from gateway.schema.types.plan import format_price
from gateway.schema.types.project import compute_effective_end_date, has_grace_period_begun
from gateway.schema.types.resource import Resource
from gateway.schema.types.resource_values import is_limit_based, parse_report_sections
from gateway.schema.types.user import format_full_name


@pytest.mark.parametrize(
    ("end_date", "project_grace_days", "customer_grace_days", "last_day"),
    [
        (None, 5, 5, None),
        ("2026-01-31", None, None, "2026-01-31"),
        ("2026-01-31", 1, 9, "2026-02-01"),
        ("2026-01-31", 0, 9, "2026-01-31"),
        ("2026-01-31", None, 9, "2026-02-09"),
        ("9999-12-30", 9, None, "9999-12-31"),
    ],
)
def test_grace_period_of_the_project_precedes_that_of_the_customer(
    end_date: str | None,
    project_grace_days: int | None,
    customer_grace_days: int | None,
    last_day: str | None,
) -> None:
    assert compute_effective_end_date(end_date, project_grace_days, customer_grace_days) == last_day


@pytest.mark.parametrize(
    ("today", "is_in_grace"),
    [("2026-01-31", False), ("2026-02-01", True), ("2026-02-05", True), ("2026-02-06", False)],
)
def test_grace_period_lies_between_end_date_and_effective_end_date(
    today: str, is_in_grace: bool
) -> None:
    assert has_grace_period_begun("2026-01-31", 5, None, date.fromisoformat(today)) is is_in_grace


def test_projects_without_an_end_date_have_no_grace_period() -> None:
    assert has_grace_period_begun(None, 5, 5, date(2026, 1, 1)) is False


def test_secret_attributes_of_tenants_are_removed() -> None:
    stored = '{"user_password": "secret", "user_username": "admin", "flavor": "m1"}'
    assert json.loads(strip_secret_attributes(stored, "OpenStack.Tenant")) == {"flavor": "m1"}
    assert strip_secret_attributes(stored, "Marketplace.Basic") == stored
    assert strip_secret_attributes("[1]", "OpenStack.Tenant") == "[1]"
    assert json.loads(strip_secret_attributes(stored, None)) == {"flavor": "m1"}


def test_malformed_sections_of_reports_are_skipped() -> None:
    assert parse_report_sections(None) is None
    assert parse_report_sections("null") == parse_report_sections("5") == []
    (section,) = parse_report_sections('[{"header": "h"}, 7]') or []
    assert (section.header, section.body) == ("h", "")


@pytest.mark.parametrize(
    ("offering_type", "has_limits", "expected"),
    [
        ("OpenStack.Tenant", True, True),
        ("OpenStack.Tenant", False, False),
        ("Marketplace.Booking", True, False),
        ("Some.New", True, False),
    ],
)
def test_limit_based_requires_a_plugin_that_updates_limits(
    offering_type: str, has_limits: bool, expected: bool
) -> None:
    assert is_limit_based(offering_type, has_limits) is expected


def test_the_plugins_own_components_have_factors() -> None:
    assert find_unit_factor("OpenStack.Tenant", "ram") == 1024
    assert find_unit_factor("OpenStack.Tenant", "gpu") is None
    assert is_plugin_component("Marketplace.Rancher", "node")
    assert not is_plugin_component("Marketplace.Basic", "node")


def test_a_plan_has_capacity_below_its_maximum() -> None:
    assert has_plan_capacity(None, 10**6)
    assert has_plan_capacity(3, 2)
    assert not has_plan_capacity(3, 3)


def test_prices_have_ten_places() -> None:
    assert format_price(0) == "0.0000000000"
    assert format_price("1.5") == "1.5000000000"


def test_full_names_and_media_urls() -> None:
    assert format_full_name("", "Tamm") == "Tamm"
    assert build_media_url(None, "/media/") is None
    assert build_media_url("", "/media/") is None
    assert build_media_url("a/b.png", "https://x/media/") == "https://x/media/a/b.png"


def test_unknown_states_are_null() -> None:
    row = Resource.from_values(["state"], [99])
    assert isinstance(row, Row)
    assert row.get_field("state") is None
    assert Resource.from_values(["state"], [2]).get_field("state") is ResourceState.OK


def test_hidden_rows_show_their_by_reference_fields_only() -> None:
    row = Resource.from_values(["name", "state"], ["n", 2], Resource.by_reference)
    assert row.get_field("name") == "n"
    assert row.get_field("state") is None
