"""Who may do what with a resource, and when: the first problem that is in the way, if any.

Each operation has a row of checks in the order of domain.md §4.3: permission,
the offering, the state, the marketplace's other rules. What a client gives is
looked at afterwards.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.marketplace.eligibility import option
from gateway.marketplace.plugins import plugin
from gateway.marketplace.problems import NotPermitted, NotPossible, Problem, Reason
from gateway.marketplace.resource_facts import Facts
from gateway.marketplace.states import ResourceState, in_states

Check = Callable[[Viewer, Facts, date], Problem | None]
Place = tuple[str, int | None]
ACTIVE, PAUSED, UNAVAILABLE = 2, 3, 5
"""States of offerings (domain.md §2.2)."""


class ResourceOperation(Enum):
    """What can be done with a resource: the name of a mutation."""

    PULL_RESOURCE = "pullResource"
    """Have its backend asked how it is."""
    MOVE_RESOURCE = "moveResource"
    """Give it to another project."""
    RENEW_RESOURCE = "renewResource"
    """Have what is paid for in advance for longer."""
    SET_RESOURCE_END_DATE = "setResourceEndDate"
    """Say when it is to end."""
    UPDATE_RESOURCE_OPTIONS = "updateResourceOptions"
    """Choose other options."""


def project(facts: Facts) -> Place:
    """Give the resource's project as the place of a role."""
    return "project", facts.project_id


def customer(facts: Facts) -> Place:
    """Give the project's organisation."""
    return "customer", facts.customer_id


def provider(facts: Facts) -> Place:
    """Give the offering's organisation."""
    return "customer", facts.provider_id


def offering(facts: Facts) -> Place:
    """Give the offering."""
    return "offering", facts.offering_id


CONSUMER, PROVIDER = (project, customer), (provider, offering)
"""Where roles of those who consume are, and of those who provide."""


def permitted(permission: str, *places: Callable[[Facts], Place]) -> Check:
    """Demand a permission at one of some places (domain.md §4.2)."""

    def check(viewer: Viewer, facts: Facts, _today: date) -> Problem | None:
        if viewer.may(permission, *[each(facts) for each in places]):
            return None
        where = " or ".join(dict.fromkeys(each.__name__ for each in places))
        return NotPermitted(message=f"This takes a role with {permission} on the {where}.")

    return check


def staff(viewer: Viewer, _facts: Facts, _today: date) -> Problem | None:
    """Demand that the viewer is staff."""
    return None if viewer.staff else NotPermitted(message="Only staff can do this.")


def agreed(viewer: Viewer, facts: Facts, _today: date) -> Problem | None:
    """Demand that the viewer agreed to the offering's terms (domain.md §4.12)."""
    asked = viewer.consent_enforced and not viewer.everything and facts.terms is not None
    if not asked or not _on(facts, "service_provider_can_create_offering_user"):
        return None
    if facts.agreed is None or (facts.overdue and facts.agreed != facts.terms):
        return NotPermitted(message="Agree to the terms of the offering first.")
    return None


def in_state(*allowed: ResourceState) -> Check:
    """Demand one of some states."""
    return lambda _viewer, facts, _today: in_states(ResourceState, facts.state, allowed, "resource")


def _rule(reason: Reason, message: str, broken: Callable[[Viewer, Facts, date], object]) -> Check:
    """Demand that a rule of the marketplace is not broken."""

    def check(viewer: Viewer, facts: Facts, today: date) -> Problem | None:
        if broken(viewer, facts, today):
            return NotPossible(message=message, reason=reason)
        return None

    return check


def _on(facts: Facts, name: str) -> bool:
    return option(facts.plugin_options, name) is True


def _ended(_viewer: Viewer, facts: Facts, today: date) -> bool:
    """Tell whether the project has ended, with its days of grace (domain.md §1.12)."""
    if facts.project_end is None:
        return False
    grace = facts.project_grace if facts.project_grace is not None else facts.customer_grace
    return date.fromisoformat(facts.project_end) + timedelta(days=grace or 0) <= today


def private(facts: Facts) -> bool:
    """Tell whether an offering is one of an organisation's own (domain.md §1.2)."""
    return not facts.shared and not facts.billable


def _restricted(viewer: Viewer, facts: Facts, _today: date) -> bool:
    """Tell whether the offering is for others than the resource's organisation (§6.2)."""
    if facts.shared:
        return bool(facts.barred) and not viewer.staff
    same = facts.provider_id == facts.customer_id or facts.offering_project_id == facts.project_id
    return private(facts) and not same


def _optionless(_viewer: Viewer, facts: Facts, _today: date) -> bool:
    return not option(facts.resource_options, "options")


reachable = _rule(
    Reason.OFFERING_UNAVAILABLE,
    "The offering is not available at present.",
    lambda _viewer, facts, _today: facts.offering_state == UNAVAILABLE,
)
ORDERABLE: Sequence[Check] = (
    _rule(Reason.CUSTOMER_BLOCKED, "The organisation is blocked.", lambda _v, f, _t: f.blocked),
    _rule(Reason.CUSTOMER_ARCHIVED, "The organisation is archived.", lambda _v, f, _t: f.archived),
    _rule(Reason.PROJECT_ENDED, "The project has ended.", _ended),
    _rule(
        Reason.OFFERING_CLOSED,
        "The offering takes no orders: it is neither active nor paused.",
        lambda _viewer, facts, _today: facts.offering_state not in (ACTIVE, PAUSED),
    ),
    _rule(Reason.OFFERING_RESTRICTED, "The offering is for other organisations.", _restricted),
    _rule(
        Reason.ORDER_PENDING,
        "Another order of the resource is not carried out yet.",
        lambda _viewer, facts, _today: facts.pending,
    ),
)
"""What must hold when an order is placed (domain.md §6.2)."""


def _when_ordered(viewer: Viewer, facts: Facts, today: date) -> Problem | None:
    """Demand that an order can be placed, if options change by orders (domain.md §5.9)."""
    if not by_order(facts):
        return None
    return first(ORDERABLE, viewer, facts, today)


def by_order(facts: Facts) -> bool:
    """Tell whether options change by orders."""
    return _on(facts, "create_orders_on_resource_option_change")


USABLE = (ResourceState.OK, ResourceState.ERRED)
_OPTIONS = (
    _rule(Reason.NO_OPTIONS, "The offering has no options for its resources.", _optionless),
    _rule(
        Reason.ORDER_PENDING,
        "Another order that changes the options is not carried out yet.",
        lambda _viewer, facts, _today: facts.changing,
    ),
)
DIRECTLY = (permitted("RESOURCE.UPDATE_OPTIONS", provider), reachable, *_OPTIONS)
"""What must hold for a provider to change options without an order, in any state (§4.11, §5.9)."""
CHECKS: Mapping[ResourceOperation, Sequence[Check]] = {
    ResourceOperation.PULL_RESOURCE: (
        reachable,
        in_state(*USABLE),
        _rule(
            Reason.NO_BACKEND_ID,
            "The backend does not know the resource yet: it has no backend id.",
            lambda _viewer, facts, _today: not facts.backend_id,
        ),
        _rule(
            Reason.PULL_UNSUPPORTED,
            "The plugin of the offering can't pull.",
            lambda _viewer, facts, _today: not plugin(facts.offering_type).pulls,
        ),
    ),
    ResourceOperation.MOVE_RESOURCE: (staff, reachable),
    ResourceOperation.RENEW_RESOURCE: (
        permitted("RESOURCE.SET_LIMITS", project, customer),
        agreed,
        reachable,
        in_state(*USABLE),
        _rule(
            Reason.NOT_PREPAID,
            "Only what is paid for in advance can be renewed.",
            lambda _viewer, facts, _today: not facts.prepaid,
        ),
        _rule(
            Reason.LIMITS_FIXED,
            "The plugin of the offering can't change limits.",
            lambda _viewer, facts, _today: not plugin(facts.offering_type).limits_updatable,
        ),
        *ORDERABLE,
    ),
    ResourceOperation.SET_RESOURCE_END_DATE: (
        permitted("RESOURCE.SET_END_DATE", *CONSUMER, *PROVIDER),
        reachable,
        _rule(
            Reason.PREPAID,
            "The end of what is paid for in advance changes by renewals only.",
            lambda viewer, facts, _today: facts.prepaid and not viewer.staff,
        ),
    ),
    ResourceOperation.UPDATE_RESOURCE_OPTIONS: (
        permitted("RESOURCE.UPDATE_OPTIONS", project, customer, provider),
        agreed,
        reachable,
        in_state(ResourceState.OK),
        *_OPTIONS,
        _when_ordered,
    ),
}
"""What each operation demands (domain.md §4.11, §5.3, §5.5, §5.6, §5.8, §5.9)."""


def first(checks: Sequence[Check], viewer: Viewer, facts: Facts, today: date) -> Problem | None:
    """Give the first problem that `checks` find."""
    for check in checks:
        problem = check(viewer, facts, today)
        if problem is not None:
            return problem
    return None


def allowed(viewer: Viewer, today: date, made: bool, *values: Any) -> list[ResourceOperation]:  # noqa: FBT001
    """Give the operations that a viewer could carry out now on a resource of such facts.

    There are none where no changes are `made`.
    """
    if not made or viewer.user_id is None:
        return []
    facts = Facts(*values)
    return [each for each, checks in CHECKS.items() if first(checks, viewer, facts, today) is None]
