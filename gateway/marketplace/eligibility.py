"""How a resource stands with who asks: what they may do with it, what they have to agree to."""

import msgspec

from gateway.db.access.viewer import Viewer

USABLE_STATES = (2, 3)
"""The states of a resource that can be ended: OK and erred."""


def can_terminate(
    viewer: Viewer,
    state: int,
    project_id: int,
    customer_id: int,
    provider_id: int | None,
    blocking_order_count: int,
    *customer_flags: bool,
) -> bool:
    """Say whether a viewer can end a resource (domain.md §3.2).

    `orders` are such as wait or are being carried out; a customer is `closed`
    who is blocked or archived.
    """
    if state not in USABLE_STATES or blocking_order_count or any(customer_flags):
        return False
    role_scopes = (("project", project_id), ("customer", customer_id), ("customer", provider_id))
    return viewer.has_permission("RESOURCE.TERMINATE", *role_scopes)


def can_set_limits(viewer: Viewer, project_id: int, customer_id: int) -> bool:
    """Say whether a viewer may change what a resource may use, or renew it (domain.md §4.11)."""
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
    """Say whether a viewer has to agree to the terms of an offering, or once more (domain.md §3.2).

    `asked` and `agreed` are versions of terms, null without any; `renewed` says
    whether a new version has to be agreed to.
    """
    if terms_version is None or viewer.sees_everything or not viewer.consent_enforced:
        return False
    if get_option(plugin_options, "service_provider_can_create_offering_user") is not True:
        return False
    return consented_version is None or (requires_reconsent and consented_version != terms_version)


def list_plugin_actions(plugin_options: str) -> list[str]:
    """Name the actions of a resource's plugin (domain.md §3.2)."""
    return [] if get_option(plugin_options, "heappe_url") is None else ["LEXIS_LINK.CREATE"]


def get_option(options_json: str, name: str) -> object:
    """Give a switch of an offering's plugin; None if it is not set."""
    options = msgspec.json.decode(options_json)
    return options.get(name) if isinstance(options, dict) else None
