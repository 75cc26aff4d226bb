"""What a viewer may do with a resource, and has to agree to (domain.md §3.2, §4.2)."""

import json

import pytest

from gateway.db.access.viewer import Viewer
from gateway.marketplace.eligibility import actions, can_terminate, must_agree

STAFF, SUPPORT = Viewer(1, staff=True), Viewer(2, support=True)
PROJECT, CUSTOMER, PROVIDER = 5, 6, 7


def may(*permissions: str) -> Viewer:
    """Give somebody who may do such things."""
    return Viewer(3, permissions=frozenset(permissions), consent_enforced=True)


@pytest.mark.parametrize(
    ("viewer", "can"),
    [
        (STAFF, True),
        (SUPPORT, False),
        (Viewer(), False),
        (may("RESOURCE.TERMINATE project 5"), True),
        (may("RESOURCE.TERMINATE customer 6"), True),
        (may("RESOURCE.TERMINATE customer 7"), True),
        (may("RESOURCE.TERMINATE project 6"), False),
        (may("RESOURCE.TERMINATE customer 5"), False),
        (may("RESOURCE.TERMINATE offering 5"), False),
        (may("RESOURCE.UPDATE project 5"), False),
    ],
)
def test_a_role_somewhere_lets_one_end_a_resource(viewer: Viewer, can: bool) -> None:
    assert can_terminate(viewer, 2, PROJECT, CUSTOMER, PROVIDER, 0, False, False) is can


def test_no_provider_is_no_place() -> None:
    viewer = may("RESOURCE.TERMINATE customer None")
    assert not can_terminate(viewer, 2, PROJECT, CUSTOMER, None, 0, False, False)


@pytest.mark.parametrize("state", [1, 4, 5, 6])
def test_what_is_not_at_rest_can_not_be_ended(state: int) -> None:
    assert can_terminate(STAFF, 3, PROJECT, CUSTOMER, PROVIDER, 0, False, False)
    assert not can_terminate(STAFF, state, PROJECT, CUSTOMER, PROVIDER, 0, False, False)


@pytest.mark.parametrize("closed", [(1, False, False), (0, True, False), (0, False, True)])
def test_an_order_or_a_closed_customer_is_in_the_way(closed: tuple[int, bool, bool]) -> None:
    assert not can_terminate(STAFF, 2, PROJECT, CUSTOMER, PROVIDER, *closed)


ACCOUNTS = json.dumps({"service_provider_can_create_offering_user": True})


@pytest.mark.parametrize(
    ("options", "asked", "renewed", "agreed", "must"),
    [
        (ACCOUNTS, "2", False, None, True),
        (ACCOUNTS, "2", False, "1", False),
        (ACCOUNTS, "2", True, "1", True),
        (ACCOUNTS, "2", True, "2", False),
        (ACCOUNTS, "2", True, "", True),
        (ACCOUNTS, None, True, None, False),
        ("{}", "2", True, None, False),
        ("[]", "2", True, None, False),
        ('{"service_provider_can_create_offering_user": "yes"}', "2", True, None, False),
    ],
)
def test_who_did_not_agree_must(
    options: str, asked: str | None, renewed: bool, agreed: str | None, must: bool
) -> None:
    assert must_agree(may(), options, asked, renewed, agreed) is must
    for viewer in (STAFF, SUPPORT, Viewer(3)):
        assert must_agree(viewer, options, asked, renewed, agreed) is False


def test_only_lexis_has_actions() -> None:
    assert actions('{"heappe_url": "https://heappe.example.org"}') == ["LEXIS_LINK.CREATE"]
    for options in ("{}", "[]", "null", '{"heappe_url": null}'):
        assert actions(options) == []
