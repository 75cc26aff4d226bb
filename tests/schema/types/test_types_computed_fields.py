"""What is worked out from columns (domain.md §1.4, §1.12, §3.2, §3.6)."""

import json
from datetime import date

import pytest

from gateway.db.sql.row_types import Row
from gateway.marketplace.plugins import safe_attributes
from gateway.schema.enums import ResourceState
from gateway.schema.types.component import factor, is_builtin
from gateway.schema.types.endpoint import media_url
from gateway.schema.types.plan import is_active, price
from gateway.schema.types.project import effective_end_date, is_in_grace_period
from gateway.schema.types.resource import Resource
from gateway.schema.types.resource_values import is_limit_based, sections
from gateway.schema.types.user import full_name


@pytest.mark.parametrize(
    ("end", "own", "customers", "last"),
    [
        (None, 5, 5, None),
        ("2026-01-31", None, None, "2026-01-31"),
        ("2026-01-31", 1, 9, "2026-02-01"),
        ("2026-01-31", 0, 9, "2026-01-31"),
        ("2026-01-31", None, 9, "2026-02-09"),
        ("9999-12-30", 9, None, "9999-12-31"),
    ],
)
def test_the_days_of_grace_are_the_projects_or_else_its_customers(
    end: str | None, own: int | None, customers: int | None, last: str | None
) -> None:
    assert effective_end_date(end, own, customers) == last


@pytest.mark.parametrize(
    ("today", "graceful"),
    [("2026-01-31", False), ("2026-02-01", True), ("2026-02-05", True), ("2026-02-06", False)],
)
def test_grace_is_after_the_last_day_and_until_the_effective_one(
    today: str, graceful: bool
) -> None:
    assert is_in_grace_period("2026-01-31", 5, None, date.fromisoformat(today)) is graceful


def test_a_project_without_an_end_is_never_in_its_grace() -> None:
    assert is_in_grace_period(None, 5, 5, date(2026, 1, 1)) is False


def test_the_secrets_of_a_tenant_are_left_out() -> None:
    stored = '{"user_password": "secret", "user_username": "admin", "flavor": "m1"}'
    assert json.loads(safe_attributes(stored, "OpenStack.Tenant")) == {"flavor": "m1"}
    assert safe_attributes(stored, "Marketplace.Basic") == stored
    assert safe_attributes("[1]", "OpenStack.Tenant") == "[1]"


def test_a_report_is_read_as_far_as_it_makes_sense() -> None:
    assert sections(None) is None
    assert sections("null") == sections("5") == []
    (section,) = sections('[{"header": "h"}, 7]') or []
    assert (section.header, section.body) == ("h", "")


@pytest.mark.parametrize(
    ("offering_type", "has_limits", "based"),
    [
        ("OpenStack.Tenant", True, True),
        ("OpenStack.Tenant", False, False),
        ("Marketplace.Booking", True, False),
        ("Some.New", True, False),
    ],
)
def test_limits_count_where_the_plugin_can_change_them(
    offering_type: str, has_limits: bool, based: bool
) -> None:
    assert is_limit_based(offering_type, has_limits) is based


def test_the_plugins_own_components_have_factors() -> None:
    assert factor("OpenStack.Tenant", "ram") == 1024
    assert factor("OpenStack.Tenant", "gpu") is None
    assert is_builtin("Marketplace.Rancher", "node")
    assert not is_builtin("Marketplace.Basic", "node")


def test_a_plan_has_room_below_its_most() -> None:
    assert is_active(None, 10**6)
    assert is_active(3, 2)
    assert not is_active(3, 3)


def test_prices_have_ten_places() -> None:
    assert price(0) == "0.0000000000"
    assert price("1.5") == "1.5000000000"


def test_names_pictures_and_people() -> None:
    assert full_name("", "Tamm") == "Tamm"
    assert media_url(None, "/media/") is None
    assert media_url("", "/media/") is None
    assert media_url("a/b.png", "https://x/media/") == "https://x/media/a/b.png"


def test_a_state_that_the_gateway_does_not_know_is_null() -> None:
    row = Resource.made(["state"], [99])
    assert isinstance(row, Row)
    assert row.field("state") is None
    assert Resource.made(["state"], [2]).field("state") is ResourceState.OK


def test_a_row_that_is_not_seen_shows_its_by_reference_fields_only() -> None:
    row = Resource.made(["name", "state"], ["n", 2], Resource.by_reference)
    assert row.field("name") == "n"
    assert row.field("state") is None
