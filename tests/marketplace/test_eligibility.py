"""Permissions and consent of viewers on a resource (domain.md §3.2, §4.2)."""

import json

import pytest

from gateway.db.access.token_scopes import TokenScopes
from gateway.db.access.viewer import Viewer
from gateway.marketplace.eligibility import can_terminate, list_plugin_actions, needs_consent

STAFF, SUPPORT = Viewer(1, is_staff=True), Viewer(2, is_support=True)
PROJECT, CUSTOMER, PROVIDER = 5, 6, 7


def build_viewer(*permissions: str) -> Viewer:
    """Return a viewer with permissions."""
    return Viewer(3, permissions=frozenset(permissions), consent_enforced=True)


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [
        (STAFF, True),
        (SUPPORT, False),
        (Viewer(), False),
        (build_viewer("RESOURCE.TERMINATE project 5"), True),
        (build_viewer("RESOURCE.TERMINATE customer 6"), True),
        (build_viewer("RESOURCE.TERMINATE customer 7"), True),
        (build_viewer("RESOURCE.TERMINATE project 6"), False),
        (build_viewer("RESOURCE.TERMINATE customer 5"), False),
        (build_viewer("RESOURCE.TERMINATE offering 5"), False),
        (build_viewer("RESOURCE.UPDATE project 5"), False),
    ],
)
def test_a_role_on_any_scope_allows_termination(viewer: Viewer, expected: bool) -> None:
    assert can_terminate(viewer, 2, PROJECT, CUSTOMER, PROVIDER, 0, False, False) is expected


def test_a_missing_provider_matches_no_permission() -> None:
    viewer = build_viewer("RESOURCE.TERMINATE customer None")
    assert not can_terminate(viewer, 2, PROJECT, CUSTOMER, None, 0, False, False)


@pytest.mark.parametrize("state", [1, 4, 5, 6])
def test_a_resource_in_transition_can_not_be_terminated(state: int) -> None:
    assert can_terminate(STAFF, 3, PROJECT, CUSTOMER, PROVIDER, 0, False, False)
    assert not can_terminate(STAFF, state, PROJECT, CUSTOMER, PROVIDER, 0, False, False)


@pytest.mark.parametrize("blockers", [(1, False, False), (0, True, False), (0, False, True)])
def test_an_open_order_or_a_blocked_or_archived_customer_prevents_termination(
    blockers: tuple[int, bool, bool],
) -> None:
    assert not can_terminate(STAFF, 2, PROJECT, CUSTOMER, PROVIDER, *blockers)


ACCOUNT_OPTIONS = json.dumps({"service_provider_can_create_offering_user": True})


@pytest.mark.parametrize(
    ("options", "terms_version", "requires_reconsent", "consented_version", "expected"),
    [
        (ACCOUNT_OPTIONS, "2", False, None, True),
        (ACCOUNT_OPTIONS, "2", False, "1", False),
        (ACCOUNT_OPTIONS, "2", True, "1", True),
        (ACCOUNT_OPTIONS, "2", True, "2", False),
        (ACCOUNT_OPTIONS, "2", True, "", True),
        (ACCOUNT_OPTIONS, None, True, None, False),
        ("{}", "2", True, None, False),
        ("[]", "2", True, None, False),
        ('{"service_provider_can_create_offering_user": "yes"}', "2", True, None, False),
    ],
)
def test_consent_is_needed_until_the_terms_are_accepted(
    options: str,
    terms_version: str | None,
    requires_reconsent: bool,
    consented_version: str | None,
    expected: bool,
) -> None:
    assert (
        needs_consent(build_viewer(), options, terms_version, requires_reconsent, consented_version)
        is expected
    )
    for viewer in (STAFF, SUPPORT, Viewer(3)):
        assert (
            needs_consent(viewer, options, terms_version, requires_reconsent, consented_version)
            is False
        )


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("RESOURCE.UPDATE", (True, True)),
        ("SUPPORT.ACCESS", (True, False)),
        ("STAFF.ACCESS", (False, False)),
    ],
)
def test_staff_and_support_need_a_scope_of_a_token_to_order_without_consent(
    scope: str, expected: tuple[bool, bool]
) -> None:
    scopes = TokenScopes(frozenset({scope}))
    staff = Viewer(1, is_staff=True, token_scopes=scopes, consent_enforced=True)
    support = Viewer(2, is_support=True, token_scopes=scopes, consent_enforced=True)
    assert expected == (
        needs_consent(staff, ACCOUNT_OPTIONS, "2", False, None),
        needs_consent(support, ACCOUNT_OPTIONS, "2", False, None),
    )


def test_only_lexis_has_actions() -> None:
    assert list_plugin_actions('{"heappe_url": "https://heappe.example.org"}') == [
        "LEXIS_LINK.CREATE"
    ]
    for options in ("{}", "[]", "null", '{"heappe_url": null}'):
        assert list_plugin_actions(options) == []
