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
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.plugins import get_plugin
from gateway.marketplace.problems import NotPermitted, NotPossible, Problem, Reason
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.states import ResourceState, check_state

Precondition = Callable[[Viewer, ResourceFacts, date], Problem | None]
RoleScope = tuple[str, int | None]
OFFERING_ACTIVE, OFFERING_PAUSED, OFFERING_UNAVAILABLE = 2, 3, 5
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


def project_scope(facts: ResourceFacts) -> RoleScope:
    """Give the resource's project as the place of a role."""
    return "project", facts.project_id


def customer_scope(facts: ResourceFacts) -> RoleScope:
    """Give the project's organisation."""
    return "customer", facts.customer_id


def provider_scope(facts: ResourceFacts) -> RoleScope:
    """Give the offering's organisation."""
    return "customer", facts.provider_id


def offering_scope(facts: ResourceFacts) -> RoleScope:
    """Give the offering."""
    return "offering", facts.offering_id


CONSUMER_SCOPES, PROVIDER_SCOPES = (project_scope, customer_scope), (provider_scope, offering_scope)
"""Where roles of those who consume are, and of those who provide."""


def require_permission(
    permission: str, *scope_functions: Callable[[ResourceFacts], RoleScope]
) -> Precondition:
    """Demand a permission at one of some places (domain.md §4.2)."""

    def check_permission(viewer: Viewer, facts: ResourceFacts, _today: date) -> Problem | None:
        if viewer.has_permission(permission, *[each(facts) for each in scope_functions]):
            return None
        scope_names = " or ".join(
            dict.fromkeys(each.__name__.removesuffix("_scope") for each in scope_functions)
        )
        return NotPermitted(message=f"This takes a role with {permission} on the {scope_names}.")

    return check_permission


def require_staff(viewer: Viewer, _facts: ResourceFacts, _today: date) -> Problem | None:
    """Demand that the viewer is staff."""
    return None if viewer.is_staff else NotPermitted(message="Only staff can do this.")


def require_consent(viewer: Viewer, facts: ResourceFacts, _today: date) -> Problem | None:
    """Demand that the viewer agreed to the offering's terms (domain.md §4.12)."""
    is_consent_enforced = (
        viewer.consent_enforced and not viewer.sees_everything and facts.terms_version is not None
    )
    if not is_consent_enforced or not _has_option(
        facts, "service_provider_can_create_offering_user"
    ):
        return None
    if facts.consented_version is None or (
        facts.consent_overdue and facts.consented_version != facts.terms_version
    ):
        return NotPermitted(message="Agree to the terms of the offering first.")
    return None


def require_state(*allowed_states: ResourceState) -> Precondition:
    """Demand one of some states."""
    return lambda _viewer, facts, _today: check_state(
        ResourceState, facts.state, allowed_states, "resource"
    )


def _require_rule(
    reason: Reason, message: str, is_broken: Callable[[Viewer, ResourceFacts, date], object]
) -> Precondition:
    """Demand that a rule of the marketplace is not broken."""

    def check_rule(viewer: Viewer, facts: ResourceFacts, today: date) -> Problem | None:
        if is_broken(viewer, facts, today):
            return NotPossible(message=message, reason=reason)
        return None

    return check_rule


def _has_option(facts: ResourceFacts, name: str) -> bool:
    return get_option(facts.plugin_options, name) is True


def _has_project_ended(_viewer: Viewer, facts: ResourceFacts, today: date) -> bool:
    """Tell whether the project has ended, with its days of grace (domain.md §1.12)."""
    if facts.project_end is None:
        return False
    grace_days = (
        facts.project_grace_days
        if facts.project_grace_days is not None
        else facts.customer_grace_days
    )
    return date.fromisoformat(facts.project_end) + timedelta(days=grace_days or 0) <= today


def is_private_offering(facts: ResourceFacts) -> bool:
    """Tell whether an offering is one of an organisation's own (domain.md §1.2)."""
    return not facts.shared and not facts.billable


def _is_restricted(viewer: Viewer, facts: ResourceFacts, _today: date) -> bool:
    """Tell whether the offering is for others than the resource's organisation (§6.2)."""
    if facts.shared:
        return bool(facts.is_restricted) and not viewer.is_staff
    is_own = facts.provider_id == facts.customer_id or facts.offering_project_id == facts.project_id
    return is_private_offering(facts) and not is_own


def _has_no_options(_viewer: Viewer, facts: ResourceFacts, _today: date) -> bool:
    return not get_option(facts.resource_options, "options")


require_available_offering = _require_rule(
    Reason.OFFERING_UNAVAILABLE,
    "The offering is not available at present.",
    lambda _viewer, facts, _today: facts.offering_state == OFFERING_UNAVAILABLE,
)
ORDER_PRECONDITIONS: Sequence[Precondition] = (
    _require_rule(
        Reason.CUSTOMER_BLOCKED,
        "The organisation is blocked.",
        lambda _v, f, _t: f.customer_blocked,
    ),
    _require_rule(
        Reason.CUSTOMER_ARCHIVED,
        "The organisation is archived.",
        lambda _v, f, _t: f.customer_archived,
    ),
    _require_rule(Reason.PROJECT_ENDED, "The project has ended.", _has_project_ended),
    _require_rule(
        Reason.OFFERING_CLOSED,
        "The offering takes no orders: it is neither active nor paused.",
        lambda _viewer, facts, _today: (
            facts.offering_state not in (OFFERING_ACTIVE, OFFERING_PAUSED)
        ),
    ),
    _require_rule(
        Reason.OFFERING_RESTRICTED, "The offering is for other organisations.", _is_restricted
    ),
    _require_rule(
        Reason.ORDER_PENDING,
        "Another order of the resource is not carried out yet.",
        lambda _viewer, facts, _today: facts.blocking_order_count,
    ),
)
"""What must hold when an order is placed (domain.md §6.2)."""


def _require_orderable(viewer: Viewer, facts: ResourceFacts, today: date) -> Problem | None:
    """Demand that an order can be placed, if options change by orders (domain.md §5.9)."""
    if not needs_option_order(facts):
        return None
    return find_first_problem(ORDER_PRECONDITIONS, viewer, facts, today)


def needs_option_order(facts: ResourceFacts) -> bool:
    """Tell whether options change by orders."""
    return _has_option(facts, "create_orders_on_resource_option_change")


USABLE_RESOURCE_STATES = (ResourceState.OK, ResourceState.ERRED)
_OPTION_PRECONDITIONS = (
    _require_rule(
        Reason.NO_OPTIONS, "The offering has no options for its resources.", _has_no_options
    ),
    _require_rule(
        Reason.ORDER_PENDING,
        "Another order that changes the options is not carried out yet.",
        lambda _viewer, facts, _today: facts.option_order_count,
    ),
)
DIRECT_UPDATE_PRECONDITIONS = (
    require_permission("RESOURCE.UPDATE_OPTIONS", provider_scope),
    require_available_offering,
    *_OPTION_PRECONDITIONS,
)
"""What must hold for a provider to change options without an order, in any state (§4.11, §5.9)."""
OPERATION_PRECONDITIONS: Mapping[ResourceOperation, Sequence[Precondition]] = {
    ResourceOperation.PULL_RESOURCE: (
        require_available_offering,
        require_state(*USABLE_RESOURCE_STATES),
        _require_rule(
            Reason.NO_BACKEND_ID,
            "The backend does not know the resource yet: it has no backend id.",
            lambda _viewer, facts, _today: not facts.backend_id,
        ),
        _require_rule(
            Reason.PULL_UNSUPPORTED,
            "The plugin of the offering can't pull.",
            lambda _viewer, facts, _today: not get_plugin(facts.offering_type).can_pull,
        ),
    ),
    ResourceOperation.MOVE_RESOURCE: (require_staff, require_available_offering),
    ResourceOperation.RENEW_RESOURCE: (
        require_permission("RESOURCE.SET_LIMITS", project_scope, customer_scope),
        require_consent,
        require_available_offering,
        require_state(*USABLE_RESOURCE_STATES),
        _require_rule(
            Reason.NOT_PREPAID,
            "Only what is paid for in advance can be renewed.",
            lambda _viewer, facts, _today: not facts.prepaid,
        ),
        _require_rule(
            Reason.LIMITS_FIXED,
            "The plugin of the offering can't change limits.",
            lambda _viewer, facts, _today: not get_plugin(facts.offering_type).can_update_limits,
        ),
        *ORDER_PRECONDITIONS,
    ),
    ResourceOperation.SET_RESOURCE_END_DATE: (
        require_permission("RESOURCE.SET_END_DATE", *CONSUMER_SCOPES, *PROVIDER_SCOPES),
        require_available_offering,
        _require_rule(
            Reason.PREPAID,
            "The end of what is paid for in advance changes by renewals only.",
            lambda viewer, facts, _today: facts.prepaid and not viewer.is_staff,
        ),
    ),
    ResourceOperation.UPDATE_RESOURCE_OPTIONS: (
        require_permission(
            "RESOURCE.UPDATE_OPTIONS", project_scope, customer_scope, provider_scope
        ),
        require_consent,
        require_available_offering,
        require_state(ResourceState.OK),
        *_OPTION_PRECONDITIONS,
        _require_orderable,
    ),
}
"""What each operation demands (domain.md §4.11, §5.3, §5.5, §5.6, §5.8, §5.9)."""


def find_first_problem(
    preconditions: Sequence[Precondition], viewer: Viewer, facts: ResourceFacts, today: date
) -> Problem | None:
    """Give the first problem that `checks` find."""
    for precondition in preconditions:
        problem = precondition(viewer, facts, today)
        if problem is not None:
            return problem
    return None


def list_allowed_operations(
    viewer: Viewer,
    today: date,
    can_change: bool,  # noqa: FBT001 - called by position, as computed fields are
    *values: Any,
) -> list[ResourceOperation]:
    """Give the operations that a viewer could carry out now on a resource of such facts.

    There are none where no changes are `made`.
    """
    if not can_change or viewer.user_id is None:
        return []
    facts = ResourceFacts(*values)
    return [
        operation
        for operation, preconditions in OPERATION_PRECONDITIONS.items()
        if find_first_problem(preconditions, viewer, facts, today) is None
    ]
