"""Preconditions of operations on a resource.

A precondition is a function of the viewer, the resource's facts, and the date and rules of today;
it returns a problem or None. `operation_rules` has those of each operation.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from gateway.db.access.token_scopes import STAFF_SCOPE, RoleScope
from gateway.db.access.viewer import Viewer
from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.installation.version_rules import VersionRules
from gateway.db.tables.codes import OfferingState, ResourceState
from gateway.marketplace.eligibility import get_option, must_consent
from gateway.marketplace.plugins import UNKNOWN_PLUGIN, get_plugin
from gateway.marketplace.problems import NotPermitted, NotPossible, Problem, Reason
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.states import check_state


class CurrentRules(NamedTuple):
    """The date and the version rules by which an operation is checked."""

    today: date
    version_rules: VersionRules
    uses_rest_api: bool = False
    """Whether Waldur's REST API carries the operation out, and checks it by its own rules."""


Precondition = Callable[[Viewer, ResourceFacts, CurrentRules], Problem | None]


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


def list_scopes(facts: ResourceFacts) -> list[RoleScope]:
    """Return the resource and what it belongs to: the objects of which one bounds a token."""
    return [("resource", facts.id), project_scope(facts), offering_scope(facts)]


CONSUMER_SCOPES, PROVIDER_SCOPES = (project_scope, customer_scope), (provider_scope, offering_scope)
"""Scopes of the consumer's roles and of the provider's roles."""


def require_permission(
    permission: str, *scope_functions: Callable[[ResourceFacts], RoleScope]
) -> Precondition:
    """Return a precondition: the viewer has a permission on one of the scopes (domain.md §4.2)."""

    def check_permission(
        viewer: Viewer, facts: ResourceFacts, _current: CurrentRules
    ) -> Problem | None:
        scopes = [each(facts) for each in scope_functions]
        if viewer.has_permission(permission, *scopes):
            return None
        scope_names = " or ".join(
            dict.fromkeys(each.__name__.removesuffix("_scope") for each in scope_functions)
        )
        message = f"This operation needs a role with {permission} on the {scope_names}."
        return build_permission_problem(viewer, (permission,), scopes, message)

    return check_permission


def choose_by_version(
    applies: Callable[[VersionRules], bool], precondition: Precondition, otherwise: Precondition
) -> Precondition:
    """Return a precondition that depends on the version: the first one if a rule applies."""
    return lambda viewer, facts, current: (
        precondition if applies(current.version_rules) else otherwise
    )(viewer, facts, current)


def require_nothing(
    _viewer: Viewer, _facts: ResourceFacts, _current: CurrentRules
) -> Problem | None:
    """Return no problem, for versions without a rule."""
    return None


def build_permission_problem(
    viewer: Viewer, permissions: Sequence[str], scopes: Sequence[RoleScope], message: str
) -> NotPermitted:
    """Return the problem that the viewer lacks permissions: the token's reason, or `message`."""
    return NotPermitted(message=viewer.explain_refusal(permissions, scopes) or message)


def require_provider_permission(permission: str) -> Precondition:
    """Return a precondition: the viewer has a permission on the provider (rules.md §1).

    In newer versions a role on the offering is enough.
    """
    return choose_by_version(
        lambda rules: rules.offering_roles_grant_provider_operations,
        require_permission(permission, *PROVIDER_SCOPES),
        require_permission(permission, provider_scope),
    )


def require_staff(viewer: Viewer, facts: ResourceFacts, _current: CurrentRules) -> Problem | None:
    """Return a problem unless the viewer is staff, and a token allows to act as staff."""
    objects = list_scopes(facts)
    if viewer.acts_as_staff(objects):
        return None
    return build_permission_problem(viewer, (STAFF_SCOPE,), objects, "Only staff can do this.")


def require_consent(viewer: Viewer, facts: ResourceFacts, _current: CurrentRules) -> Problem | None:
    """Return a problem if the viewer has to accept the offering's terms (domain.md §4.12)."""
    is_consent_enforced = facts.terms_version is not None and must_consent(viewer)
    if not is_consent_enforced or not has_option(
        facts, "service_provider_can_create_offering_user"
    ):
        return None
    if facts.consented_version is None or (
        facts.consent_overdue and facts.consented_version != facts.terms_version
    ):
        return NotPermitted(message="The viewer must accept the offering's terms of service first.")
    return None


def require_order_creation(
    viewer: Viewer, facts: ResourceFacts, current: CurrentRules
) -> Problem | None:
    """Return a problem if the viewer may place no orders for the offering (domain.md §4.11)."""
    permission = current.version_rules.order_creation_permission
    if permission is None or viewer.acts_as_staff_or_support(list_scopes(facts)):
        return None
    is_restricted = get_option(facts.plugin_options, "restricted_to_roles")
    if is_restricted and not has_listed_role(viewer, facts, "restricted_to_roles"):
        names = " or ".join(_list_role_names(facts, "restricted_to_roles"))
        message = f"The offering takes orders of users with {names} on the project or customer."
        return NotPermitted(message=message)
    return require_permission(permission, *CONSUMER_SCOPES)(viewer, facts, current)


def has_listed_role(viewer: Viewer, facts: ResourceFacts, option_name: str) -> bool:
    """Return whether the viewer has, as a consumer, a role that a plugin option lists."""
    role_scopes = [each(facts) for each in CONSUMER_SCOPES]
    return viewer.has_role(_list_role_names(facts, option_name), *role_scopes)


def _list_role_names(facts: ResourceFacts, option_name: str) -> list[str]:
    value = get_option(facts.plugin_options, option_name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def require_state(*allowed_states: ResourceState) -> Precondition:
    """Return a precondition: the resource is in one of the states."""
    return lambda _viewer, facts, _current: check_state(
        ResourceState, facts.state, allowed_states, "resource"
    )


def require_rule(
    reason: Reason, message: str, is_broken: Callable[[Viewer, ResourceFacts, CurrentRules], object]
) -> Precondition:
    """Return a precondition: a rule of the marketplace is not broken."""

    def check_rule(viewer: Viewer, facts: ResourceFacts, current: CurrentRules) -> Problem | None:
        if is_broken(viewer, facts, current):
            return NotPossible(message=message, reason=reason)
        return None

    return check_rule


def lacks_capability(facts: ResourceFacts, current: CurrentRules, name: str) -> bool:
    """Return whether the offering's plugin lacks a capability, a field of `Plugin`.

    A plugin that is unknown here lacks all, unless Waldur decides about that.
    """
    plugin = get_plugin(facts.offering_type)
    is_left_to_waldur = plugin is UNKNOWN_PLUGIN and current.uses_rest_api
    return not (getattr(plugin, name) or is_left_to_waldur)


def has_option(facts: ResourceFacts, name: str) -> bool:
    """Return whether the offering has switched a plugin option on."""
    return get_option(facts.plugin_options, name) is True


def has_ended(
    end_date: str | None,
    project_grace_days: int | None,
    customer_grace_days: int | None,
    today: date,
) -> bool:
    """Return whether a project's end date and grace period are over (domain.md §1.12).

    The grace period of the project takes precedence over that of its customer.
    """
    if end_date is None:
        return False
    grace_days = project_grace_days if project_grace_days is not None else customer_grace_days
    return (today - parse_stored_date(end_date)).days >= (grace_days or 0)


def _has_project_ended(_viewer: Viewer, facts: ResourceFacts, current: CurrentRules) -> bool:
    return has_ended(
        facts.project_end, facts.project_grace_days, facts.customer_grace_days, current.today
    )


def is_private_offering(facts: ResourceFacts) -> bool:
    """Return whether an offering is private: neither shared nor billable (domain.md §1.2)."""
    return not facts.shared and not facts.billable


def _is_restricted(viewer: Viewer, facts: ResourceFacts, _current: CurrentRules) -> bool:
    """Return whether the offering is closed to the resource's organisation (domain.md §6.2)."""
    if facts.shared:
        return bool(facts.is_restricted) and not viewer.acts_as_staff(list_scopes(facts))
    is_of_project = facts.offering_project_id == facts.project_id
    return facts.provider_id != facts.customer_id and not is_of_project


require_available_offering = require_rule(
    Reason.OFFERING_UNAVAILABLE,
    "The offering is currently unavailable.",
    lambda _viewer, facts, _current: facts.offering_state == OfferingState.UNAVAILABLE,
)
CUSTOMER_PRECONDITIONS: Sequence[Precondition] = (
    require_rule(
        Reason.CUSTOMER_BLOCKED,
        "The organisation is blocked.",
        lambda _viewer, facts, _current: facts.customer_blocked,
    ),
    require_rule(
        Reason.CUSTOMER_ARCHIVED,
        "The organisation is archived.",
        lambda _viewer, facts, _current: facts.customer_archived,
    ),
)
"""Preconditions on the resource's organisation."""
require_running_project = require_rule(
    Reason.PROJECT_ENDED, "The project has ended.", _has_project_ended
)
require_unrestricted_offering = require_rule(
    Reason.OFFERING_RESTRICTED, "The offering is restricted to other organisations.", _is_restricted
)
require_no_open_order = require_rule(
    Reason.ORDER_PENDING,
    "Another order of the resource is still open.",
    lambda _viewer, facts, _current: facts.blocking_order_count,
)
ORDER_PRECONDITIONS: Sequence[Precondition] = (
    *CUSTOMER_PRECONDITIONS,
    require_running_project,
    require_rule(
        Reason.OFFERING_CLOSED,
        "The offering accepts no orders: it is neither active nor paused.",
        lambda _viewer, facts, _current: (
            facts.offering_state not in (OfferingState.ACTIVE, OfferingState.PAUSED)
        ),
    ),
    require_unrestricted_offering,
    require_no_open_order,
)
"""Preconditions of placing an order (domain.md §6.2)."""


def find_first_problem(
    preconditions: Sequence[Precondition],
    viewer: Viewer,
    facts: ResourceFacts,
    current: CurrentRules,
) -> Problem | None:
    """Return the problem of the first precondition that fails; None if all hold."""
    for precondition in preconditions:
        problem = precondition(viewer, facts, current)
        if problem is not None:
            return problem
    return None
