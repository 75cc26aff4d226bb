"""Permissions and terms of service of a viewer on a resource, computed from column values."""

from gateway.db.access.viewer import Viewer
from gateway.db.tables.codes import USABLE_RESOURCE_STATES
from gateway.exact_json import decode_json_or_none, decode_members


def can_terminate(
    viewer: Viewer,
    state: int,
    project_id: int,
    customer_id: int,
    provider_id: int | None,
    blocking_order_count: int,
    *customer_flags: bool,
) -> bool:
    """Return whether a viewer can terminate a resource (domain.md §3.2).

    `blocking_order_count` counts open orders of the resource; `customer_flags` are whether the
    customer is blocked and whether it is archived.
    """
    if state not in USABLE_RESOURCE_STATES or blocking_order_count or any(customer_flags):
        return False
    role_scopes = (("project", project_id), ("customer", customer_id), ("customer", provider_id))
    return viewer.has_permission("RESOURCE.TERMINATE", *role_scopes)


def has_plan_capacity(max_resources: int | None, live_resources: int) -> bool:
    """Return whether a plan accepts another resource (domain.md §1.4)."""
    return max_resources is None or max_resources > live_resources


def can_set_limits(viewer: Viewer, project_id: int, customer_id: int) -> bool:
    """Return whether a viewer may change the limits of a resource or renew it (domain.md §4.11)."""
    return viewer.has_permission(
        "RESOURCE.SET_LIMITS", ("project", project_id), ("customer", customer_id)
    )


def needs_consent(
    viewer: Viewer,
    plugin_options: str,
    terms_version: str | None,
    requires_reconsent: bool,  # noqa: FBT001 - a column's value
    consented_version: str | None,
) -> bool:
    """Return whether a viewer still has to accept an offering's terms of service (domain.md §3.2).

    `terms_version` is None without terms, `consented_version` None without a consent;
    `requires_reconsent` is whether a new version has to be accepted again.
    """
    if terms_version is None or not must_consent(viewer):
        return False
    if get_option(plugin_options, "service_provider_can_create_offering_user") is not True:
        return False
    return consented_version is None or (requires_reconsent and consented_version != terms_version)


def must_consent(viewer: Viewer) -> bool:
    """Return whether a viewer has to accept terms of service at all (domain.md §4.12)."""
    return viewer.consent_enforced and not viewer.acts_as_staff_or_support(None)


def list_plugin_actions(plugin_options: str) -> list[str]:
    """Return the names of the plugin's actions on a resource (domain.md §3.2)."""
    return [] if get_option(plugin_options, "heappe_url") is None else ["LEXIS_LINK.CREATE"]


def get_option(options_json: str | None, name: str) -> object:
    """Return one option of a JSON object of options.

    None if it is not set, if there are no options, or if Python can't decode it.
    """
    members = decode_members(options_json or "{}") or {}
    return decode_json_or_none(members[name]) if name in members else None
