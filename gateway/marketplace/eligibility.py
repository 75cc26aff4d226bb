"""How a resource stands with who asks: what they may do with it, what they have to agree to."""

import msgspec

from gateway.db.access.viewer import Viewer

USABLE = (2, 3)
"""The states of a resource that can be ended: OK and erred."""


def can_terminate(
    viewer: Viewer,
    state: int,
    project: int,
    customer: int,
    provider: int | None,
    orders: int,
    *closed: bool,
) -> bool:
    """Say whether a viewer can end a resource (domain.md §3.2).

    `orders` are such as wait or are being carried out; a customer is `closed`
    who is blocked or archived.
    """
    if state not in USABLE or orders or any(closed):
        return False
    places = (("project", project), ("customer", customer), ("customer", provider))
    return viewer.may("RESOURCE.TERMINATE", *places)


def can_set_limits(viewer: Viewer, project: int, customer: int) -> bool:
    """Say whether a viewer may change what a resource may use, or renew it (domain.md §4.11)."""
    return viewer.may("RESOURCE.SET_LIMITS", ("project", project), ("customer", customer))


def must_agree(
    viewer: Viewer,
    plugin_options: str,
    asked: str | None,
    renewed: bool,  # noqa: FBT001 - a column's value
    agreed: str | None,
) -> bool:
    """Say whether a viewer has to agree to the terms of an offering, or once more (domain.md §3.2).

    `asked` and `agreed` are versions of terms, null without any; `renewed` says
    whether a new version has to be agreed to.
    """
    if asked is None or viewer.everything or not viewer.consent_enforced:
        return False
    if option(plugin_options, "service_provider_can_create_offering_user") is not True:
        return False
    return agreed is None or (renewed and agreed != asked)


def actions(plugin_options: str) -> list[str]:
    """Name the actions of a resource's plugin (domain.md §3.2)."""
    return [] if option(plugin_options, "heappe_url") is None else ["LEXIS_LINK.CREATE"]


def option(plugin_options: str, name: str) -> object:
    """Give a switch of an offering's plugin; None if it is not set."""
    given = msgspec.json.decode(plugin_options)
    return given.get(name) if isinstance(given, dict) else None
