"""Preconditions of operations on a resource.

A precondition is a function of the viewer, the resource's facts and the current date; it returns
a problem or None. Each operation has a sequence of them in the order of domain.md §4.3:
permission, offering, state, other rules of the marketplace. The first problem is reported.
The client's input is validated afterwards.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.tables.codes import USABLE_RESOURCE_STATES, OfferingState, ResourceState
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.plugins import get_plugin
from gateway.marketplace.problems import NotPermitted, NotPossible, Problem, Reason
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.states import check_state

Precondition = Callable[[Viewer, ResourceFacts, date], Problem | None]
RoleScope = tuple[str, int | None]


class ResourceOperation(Enum):
    """Operation on a resource, named after its mutation."""

    PULL_RESOURCE = "pullResource"
    """Pull the resource's current state from its backend."""
    MOVE_RESOURCE = "moveResource"
    """Move the resource to another project."""
    RENEW_RESOURCE = "renewResource"
    """Renew a prepaid resource."""
    SET_RESOURCE_END_DATE = "setResourceEndDate"
    """Set or clear the resource's end date."""
    UPDATE_RESOURCE_OPTIONS = "updateResourceOptions"
    """Update the resource's options."""


def project_scope(facts: ResourceFacts) -> RoleScope:
    """Return the resource's project as the scope of a role."""
    return "project", facts.project_id


def customer_scope(facts: ResourceFacts) -> RoleScope:
    """Return the project's organisation as the scope of a role."""
    return "customer", facts.customer_id


def provider_scope(facts: ResourceFacts) -> RoleScope:
    """Return the offering's organisation as the scope of a role."""
    return "customer", facts.provider_id


def offering_scope(facts: ResourceFacts) -> RoleScope:
    """Return the offering as the scope of a role."""
    return "offering", facts.offering_id


CONSUMER_SCOPES, PROVIDER_SCOPES = (project_scope, customer_scope), (provider_scope, offering_scope)
"""Scopes of the consumer's roles and of the provider's roles."""


def require_permission(
    permission: str, *scope_functions: Callable[[ResourceFacts], RoleScope]
) -> Precondition:
    """Return a precondition: the viewer has a permission on one of the scopes (domain.md §4.2)."""

    def check_permission(viewer: Viewer, facts: ResourceFacts, _today: date) -> Problem | None:
        if viewer.has_permission(permission, *[each(facts) for each in scope_functions]):
            return None
        scope_names = " or ".join(
            dict.fromkeys(each.__name__.removesuffix("_scope") for each in scope_functions)
        )
        message = f"This operation needs a role with {permission} on the {scope_names}."
        return NotPermitted(message=message)

    return check_permission


def require_staff(viewer: Viewer, _facts: ResourceFacts, _today: date) -> Problem | None:
    """Return a problem unless the viewer is staff."""
    return None if viewer.is_staff else NotPermitted(message="Only staff can do this.")


def require_consent(viewer: Viewer, facts: ResourceFacts, _today: date) -> Problem | None:
    """Return a problem if the viewer has to accept the offering's terms (domain.md §4.12)."""
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
        return NotPermitted(message="The viewer must accept the offering's terms of service first.")
    return None


def require_state(*allowed_states: ResourceState) -> Precondition:
    """Return a precondition: the resource is in one of the states."""
    return lambda _viewer, facts, _today: check_state(
        ResourceState, facts.state, allowed_states, "resource"
    )


def _require_rule(
    reason: Reason, message: str, is_broken: Callable[[Viewer, ResourceFacts, date], object]
) -> Precondition:
    """Return a precondition: a rule of the marketplace is not broken."""

    def check_rule(viewer: Viewer, facts: ResourceFacts, today: date) -> Problem | None:
        if is_broken(viewer, facts, today):
            return NotPossible(message=message, reason=reason)
        return None

    return check_rule


def _has_option(facts: ResourceFacts, name: str) -> bool:
    return get_option(facts.plugin_options, name) is True


def _has_project_ended(_viewer: Viewer, facts: ResourceFacts, today: date) -> bool:
    """Return whether the project's end date and grace period are over (domain.md §1.12)."""
    if facts.project_end is None:
        return False
    grace_days = (
        facts.project_grace_days
        if facts.project_grace_days is not None
        else facts.customer_grace_days
    )
    return (today - parse_stored_date(facts.project_end)).days >= (grace_days or 0)


def is_private_offering(facts: ResourceFacts) -> bool:
    """Return whether an offering is private: neither shared nor billable (domain.md §1.2)."""
    return not facts.shared and not facts.billable


def _is_restricted(viewer: Viewer, facts: ResourceFacts, _today: date) -> bool:
    """Return whether the offering is closed to the resource's organisation (domain.md §6.2)."""
    if facts.shared:
        return bool(facts.is_restricted) and not viewer.is_staff
    is_own = facts.provider_id == facts.customer_id or facts.offering_project_id == facts.project_id
    return is_private_offering(facts) and not is_own


def _has_no_options(_viewer: Viewer, facts: ResourceFacts, _today: date) -> bool:
    return not get_option(facts.resource_options, "options")


require_available_offering = _require_rule(
    Reason.OFFERING_UNAVAILABLE,
    "The offering is currently unavailable.",
    lambda _viewer, facts, _today: facts.offering_state == OfferingState.UNAVAILABLE,
)
ORDER_PRECONDITIONS: Sequence[Precondition] = (
    _require_rule(
        Reason.CUSTOMER_BLOCKED,
        "The organisation is blocked.",
        lambda _viewer, facts, _today: facts.customer_blocked,
    ),
    _require_rule(
        Reason.CUSTOMER_ARCHIVED,
        "The organisation is archived.",
        lambda _viewer, facts, _today: facts.customer_archived,
    ),
    _require_rule(Reason.PROJECT_ENDED, "The project has ended.", _has_project_ended),
    _require_rule(
        Reason.OFFERING_CLOSED,
        "The offering accepts no orders: it is neither active nor paused.",
        lambda _viewer, facts, _today: (
            facts.offering_state not in (OfferingState.ACTIVE, OfferingState.PAUSED)
        ),
    ),
    _require_rule(
        Reason.OFFERING_RESTRICTED,
        "The offering is restricted to other organisations.",
        _is_restricted,
    ),
    _require_rule(
        Reason.ORDER_PENDING,
        "Another order of the resource is still open.",
        lambda _viewer, facts, _today: facts.blocking_order_count,
    ),
)
"""Preconditions of placing an order (domain.md §6.2)."""


def _require_orderable(viewer: Viewer, facts: ResourceFacts, today: date) -> Problem | None:
    """Return a problem if an order is needed and can't be placed (domain.md §5.9)."""
    if not needs_option_order(facts):
        return None
    return find_first_problem(ORDER_PRECONDITIONS, viewer, facts, today)


def needs_option_order(facts: ResourceFacts) -> bool:
    """Return whether the offering requires an order to update options."""
    return _has_option(facts, "create_orders_on_resource_option_change")


_OPTION_PRECONDITIONS = (
    _require_rule(
        Reason.NO_OPTIONS, "The offering defines no options for its resources.", _has_no_options
    ),
    _require_rule(
        Reason.ORDER_PENDING,
        "Another order that updates the options is still open.",
        lambda _viewer, facts, _today: facts.option_order_count,
    ),
)
DIRECT_UPDATE_PRECONDITIONS = (
    require_permission("RESOURCE.UPDATE_OPTIONS", provider_scope),
    require_available_offering,
    *_OPTION_PRECONDITIONS,
)
"""Preconditions of a provider's update of options without an order (domain.md §4.11, §5.9)."""
OPERATION_PRECONDITIONS: Mapping[ResourceOperation, Sequence[Precondition]] = {
    ResourceOperation.PULL_RESOURCE: (
        require_available_offering,
        require_state(*USABLE_RESOURCE_STATES),
        _require_rule(
            Reason.NO_BACKEND_ID,
            "The resource has no backend id yet.",
            lambda _viewer, facts, _today: not facts.backend_id,
        ),
        _require_rule(
            Reason.PULL_UNSUPPORTED,
            "The offering's plugin does not support pulling.",
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
            "The resource is not prepaid; only prepaid resources can be renewed.",
            lambda _viewer, facts, _today: not facts.prepaid,
        ),
        _require_rule(
            Reason.LIMITS_FIXED,
            "The offering's plugin does not support changing limits.",
            lambda _viewer, facts, _today: not get_plugin(facts.offering_type).can_update_limits,
        ),
        *ORDER_PRECONDITIONS,
    ),
    ResourceOperation.SET_RESOURCE_END_DATE: (
        require_permission("RESOURCE.SET_END_DATE", *CONSUMER_SCOPES, *PROVIDER_SCOPES),
        require_available_offering,
        _require_rule(
            Reason.PREPAID,
            "The resource is prepaid; only a renewal changes its end date.",
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
"""Preconditions of each operation (domain.md §4.11, §5.3, §5.5, §5.6, §5.8, §5.9)."""


def find_first_problem(
    preconditions: Sequence[Precondition], viewer: Viewer, facts: ResourceFacts, today: date
) -> Problem | None:
    """Return the problem of the first precondition that fails; None if all hold."""
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
    """Return the operations that the viewer could carry out now on the resource.

    `values` are those of `ResourceFacts`. The list is empty if the gateway accepts no changes.
    """
    if not can_change or viewer.user_id is None:
        return []
    facts = ResourceFacts(*values)
    return [
        operation
        for operation, preconditions in OPERATION_PRECONDITIONS.items()
        if find_first_problem(preconditions, viewer, facts, today) is None
    ]
