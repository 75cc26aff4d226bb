"""Preconditions of each operation on a resource, as a table.

They are in the order of domain.md §4.3: permission, offering, state, other rules of the
marketplace, cost policies. The first problem is reported. The client's input is validated
afterwards.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.db.installation.version_rules import VersionRules
from gateway.db.tables.codes import (
    USABLE_RESOURCE_STATES,
    ResourceState,
)
from gateway.exact_json import decode_members
from gateway.marketplace.cost_policies import find_modification_problem
from gateway.marketplace.option_rules import (
    FORM_PRECONDITIONS,
    OPTION_PERMISSION,
    OPTION_PRECONDITIONS,
)
from gateway.marketplace.preconditions import (
    CONSUMER_SCOPES,
    CUSTOMER_PRECONDITIONS,
    ORDER_PRECONDITIONS,
    PROVIDER_SCOPES,
    CurrentRules,
    Precondition,
    choose_by_version,
    customer_scope,
    find_first_problem,
    has_option,
    lacks_capability,
    list_scopes,
    project_scope,
    provider_scope,
    require_available_offering,
    require_consent,
    require_no_open_order,
    require_nothing,
    require_order_creation,
    require_permission,
    require_provider_permission,
    require_rule,
    require_staff,
    require_state,
    require_unrestricted_offering,
)
from gateway.marketplace.problems import Problem, Reason, Unavailable
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.states import check_state


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
    ADJUST_RESOURCE_DATES = "adjustResourceDates"
    """Set the start and end dates of a prepaid resource."""
    UPDATE_RESOURCE_OPTIONS = "updateResourceOptions"
    """Update the resource's options."""
    UPDATE_RESOURCE_LIMITS = "updateResourceLimits"
    """Change the resource's limits."""
    SWITCH_RESOURCE_PLAN = "switchResourcePlan"
    """Switch the resource to another plan."""
    REALLOCATE_RESOURCE_LIMITS = "reallocateResourceLimits"
    """Move limits of the resource to others of its offering."""
    TERMINATE_RESOURCE = "terminateResource"
    """Terminate the resource."""
    RESTORE_RESOURCE = "restoreResource"
    """Restore the terminated resource."""
    UPDATE_RESOURCE = "updateResource"
    """Update the resource's name, description and end date."""
    SET_RESOURCE_SLUG = "setResourceSlug"
    """Set the resource's slug."""
    SET_RESOURCE_FLAGS = "setResourceFlags"
    """Pause or downscale the resource, or restrict its members' access."""
    UNLINK_RESOURCE = "unlinkResource"
    """Delete the resource's record, and leave its backend as it is."""
    SET_RESOURCE_BACKEND_ID = "setResourceBackendId"
    """Set the resource's identifiers in the backend."""
    SET_RESOURCE_BACKEND_METADATA = "setResourceBackendMetadata"
    """Replace the metadata that the backend reports."""
    SET_RESOURCE_ENDPOINTS = "setResourceEndpoints"
    """Replace the resource's access endpoints."""
    SET_RESOURCE_LIMITS = "setResourceLimits"
    """Replace the resource's limits by those of the backend."""
    SET_RESOURCE_STATE = "setResourceState"
    """Report that the resource works or has failed."""
    SUBMIT_RESOURCE_REPORT = "submitResourceReport"
    """Replace the provider's report about the resource."""
    REFRESH_RESOURCE_LAST_SYNC = "refreshResourceLastSync"
    """Record that the resource was synchronised with its backend just now."""


_SAVED_COLUMNS: Mapping[ResourceOperation, frozenset[str]] = {
    ResourceOperation.PULL_RESOURCE: frozenset(),
    ResourceOperation.SET_RESOURCE_ENDPOINTS: frozenset(),
    ResourceOperation.SUBMIT_RESOURCE_REPORT: frozenset({"report"}),
    ResourceOperation.REFRESH_RESOURCE_LAST_SYNC: frozenset({"last_sync"}),
    ResourceOperation.UNLINK_RESOURCE: frozenset(),
}
"""The columns that an operation saves, if cost policies may allow that; none: it saves nothing.

Each other operation is forbidden while a cost policy is exceeded.
"""
_UNSAVED_STATES: Mapping[ResourceOperation, Sequence[ResourceState]] = {
    ResourceOperation.RENEW_RESOURCE: (ResourceState.ERRED,),
    ResourceOperation.TERMINATE_RESOURCE: (ResourceState.ERRED, ResourceState.TERMINATING),
}
"""States of a resource in which an operation only places or approves an order, without a save."""


def _require_policies(operation: ResourceOperation) -> Precondition:
    """Return a precondition: no cost policy forbids what an operation saves (rules.md §0)."""
    saved_columns = _SAVED_COLUMNS.get(operation)

    def check_policies(
        _viewer: Viewer, facts: ResourceFacts, current: CurrentRules
    ) -> Problem | None:
        if facts.state in _UNSAVED_STATES.get(operation, ()):
            return None
        exempt_columns = current.version_rules.policy_exempt_columns
        if saved_columns is not None and saved_columns <= exempt_columns:
            return None
        return find_modification_problem(facts.blocking_policies, facts.id)

    return check_policies


def _require_route(operation: ResourceOperation) -> Precondition:
    """Return a precondition: the REST API has the operation, if that carries it out."""

    def check_route(
        _viewer: Viewer, _facts: ResourceFacts, current: CurrentRules
    ) -> Problem | None:
        rules = current.version_rules
        if not current.uses_rest_api or operation.value not in rules.missing_mutations:
            return None
        message = (
            f"This Waldur is a version of {rules.year}, whose REST API has no {operation.value}: "
            "that needs a later version."
        )
        return Unavailable(message=message, retryable=False)

    return check_route


DIRECT_UPDATE_PRECONDITIONS = (
    require_permission(OPTION_PERMISSION, provider_scope),
    require_available_offering,
    *FORM_PRECONDITIONS,
    _require_policies(ResourceOperation.UPDATE_RESOURCE_OPTIONS),
)
"""Preconditions of a provider's update of options without an order (domain.md §4.11, §5.9)."""


def can_approve_termination(viewer: Viewer, facts: ResourceFacts) -> bool:
    """Return whether a termination waits for the consumer, and the viewer may approve it."""
    return _has_pending_termination(facts) and viewer.has_permission(
        "ORDER.APPROVE", *[each(facts) for each in CONSUMER_SCOPES]
    )


def _has_pending_termination(facts: ResourceFacts) -> bool:
    return facts.state == ResourceState.TERMINATING and facts.pending_termination_count > 0


def _require_terminable_state(
    _viewer: Viewer, facts: ResourceFacts, _current: CurrentRules
) -> Problem | None:
    if _has_pending_termination(facts):
        return None
    return check_state(ResourceState, facts.state, USABLE_RESOURCE_STATES, "resource")


def _require_orderable_termination(
    viewer: Viewer, facts: ResourceFacts, current: CurrentRules
) -> Problem | None:
    """Return a problem if a new order is needed and can't be placed (domain.md §6.2)."""
    if can_approve_termination(viewer, facts):
        return None
    preconditions = (require_unrestricted_offering, require_no_open_order)
    return find_first_problem(preconditions, viewer, facts, current)


_require_changeable_limits = require_rule(
    Reason.LIMITS_FIXED,
    "The offering's plugin does not support changing limits.",
    lambda _viewer, facts, current: lacks_capability(facts, current, "can_update_limits"),
)
_LIMIT_PRECONDITIONS: Sequence[Precondition] = (
    require_permission("RESOURCE.SET_LIMITS", *CONSUMER_SCOPES),
    require_consent,
    require_order_creation,
    require_available_offering,
    require_state(ResourceState.OK),
    _require_changeable_limits,
    *ORDER_PRECONDITIONS,
)
_STAFF_PRECONDITIONS = (require_staff, require_available_offering)
_AGENT_PRECONDITIONS = (
    require_provider_permission("RESOURCE.SET_STATE"),
    require_available_offering,
)
_METADATA_PRECONDITIONS = (
    require_provider_permission("RESOURCE.SET_BACKEND_METADATA"),
    require_available_offering,
)
_require_provider_end_date = require_permission("RESOURCE.SET_END_DATE", provider_scope)


def _require_older_end_date_right(
    viewer: Viewer, facts: ResourceFacts, current: CurrentRules
) -> Problem | None:
    """Return a problem unless the viewer may set end dates in 2024: support may (§5.8)."""
    if viewer.acts_as_staff_or_support(list_scopes(facts)):
        return None
    return _require_provider_end_date(viewer, facts, current)


_OWN_PRECONDITIONS: Mapping[ResourceOperation, Sequence[Precondition]] = {
    ResourceOperation.PULL_RESOURCE: (
        require_available_offering,
        require_state(*USABLE_RESOURCE_STATES),
        require_rule(
            Reason.NO_BACKEND_ID,
            "The resource has no backend id yet.",
            lambda _viewer, facts, _current: not facts.backend_id,
        ),
        require_rule(
            Reason.PULL_UNSUPPORTED,
            "The offering's plugin does not support pulling.",
            lambda _viewer, facts, current: lacks_capability(facts, current, "can_pull"),
        ),
    ),
    ResourceOperation.MOVE_RESOURCE: _STAFF_PRECONDITIONS,
    ResourceOperation.RENEW_RESOURCE: (
        require_permission("RESOURCE.SET_LIMITS", project_scope, customer_scope),
        require_consent,
        require_order_creation,
        require_available_offering,
        require_state(*USABLE_RESOURCE_STATES),
        require_rule(
            Reason.NOT_PREPAID,
            "The resource is not prepaid; only prepaid resources can be renewed.",
            lambda _viewer, facts, _current: not facts.prepaid,
        ),
        _require_changeable_limits,
        *ORDER_PRECONDITIONS,
    ),
    ResourceOperation.SET_RESOURCE_END_DATE: (
        choose_by_version(
            lambda rules: rules.consumers_set_end_dates,
            require_permission("RESOURCE.SET_END_DATE", *CONSUMER_SCOPES, *PROVIDER_SCOPES),
            _require_older_end_date_right,
        ),
        require_available_offering,
        require_rule(
            Reason.PREPAID,
            "The resource is prepaid; only a renewal changes its end date.",
            lambda viewer, facts, _current: (
                facts.prepaid and not viewer.acts_as_staff(list_scopes(facts))
            ),
        ),
    ),
    ResourceOperation.ADJUST_RESOURCE_DATES: (
        require_staff,
        require_available_offering,
        require_state(
            ResourceState.CREATING, ResourceState.UPDATING, ResourceState.OK, ResourceState.ERRED
        ),
        require_rule(
            Reason.NOT_PREPAID,
            "The resource is not prepaid; only the dates of prepaid resources can be adjusted.",
            lambda _viewer, facts, _current: not facts.prepaid,
        ),
    ),
    ResourceOperation.UPDATE_RESOURCE_OPTIONS: OPTION_PRECONDITIONS,
    ResourceOperation.UPDATE_RESOURCE_LIMITS: _LIMIT_PRECONDITIONS,
    ResourceOperation.REALLOCATE_RESOURCE_LIMITS: (
        *_LIMIT_PRECONDITIONS,
        require_rule(
            Reason.NO_LIMITS,
            "The resource has no limits.",
            lambda _viewer, facts, _current: not decode_members(facts.limits),
        ),
    ),
    ResourceOperation.SWITCH_RESOURCE_PLAN: (
        require_permission("RESOURCE.SET_PLAN", *CONSUMER_SCOPES),
        require_consent,
        require_order_creation,
        require_available_offering,
        require_state(ResourceState.OK),
        require_rule(
            Reason.NO_PLAN,
            "The resource has no plan, so it can't switch to another.",
            lambda _viewer, facts, current: (
                facts.plan_id is None and current.version_rules.plan_switch_keeps_unit
            ),
        ),
        *ORDER_PRECONDITIONS,
    ),
    ResourceOperation.TERMINATE_RESOURCE: (
        require_permission("RESOURCE.TERMINATE", *CONSUMER_SCOPES, provider_scope),
        require_available_offering,
        _require_terminable_state,
        *CUSTOMER_PRECONDITIONS,
        _require_orderable_termination,
    ),
    ResourceOperation.RESTORE_RESOURCE: (
        require_provider_permission("RESOURCE.SET_STATE"),
        require_available_offering,
        require_state(ResourceState.TERMINATED),
        require_rule(
            Reason.RESTORE_UNSUPPORTED,
            "The offering does not support restoring resources.",
            lambda _viewer, facts, _current: not has_option(facts, "can_restore_resource"),
        ),
        *ORDER_PRECONDITIONS,
    ),
    ResourceOperation.UPDATE_RESOURCE: (
        choose_by_version(
            lambda rules: rules.updates_need_permission,
            require_permission("RESOURCE.UPDATE", *CONSUMER_SCOPES, *PROVIDER_SCOPES),
            require_nothing,
        ),
        require_available_offering,
    ),
    ResourceOperation.SET_RESOURCE_SLUG: _STAFF_PRECONDITIONS,
    ResourceOperation.SET_RESOURCE_FLAGS: _STAFF_PRECONDITIONS,
    ResourceOperation.UNLINK_RESOURCE: _STAFF_PRECONDITIONS,
    ResourceOperation.SET_RESOURCE_BACKEND_ID: (
        require_permission("RESOURCE.SET_BACKEND_ID", *PROVIDER_SCOPES),
        require_available_offering,
    ),
    ResourceOperation.SET_RESOURCE_BACKEND_METADATA: _METADATA_PRECONDITIONS,
    ResourceOperation.SET_RESOURCE_ENDPOINTS: _METADATA_PRECONDITIONS,
    ResourceOperation.SET_RESOURCE_LIMITS: _AGENT_PRECONDITIONS,
    ResourceOperation.SET_RESOURCE_STATE: (
        choose_by_version(
            lambda rules: rules.state_reports_need_staff, require_staff, require_nothing
        ),
        *_AGENT_PRECONDITIONS,
    ),
    ResourceOperation.SUBMIT_RESOURCE_REPORT: (
        require_provider_permission("RESOURCE.SUBMIT_REPORT"),
        require_available_offering,
    ),
    ResourceOperation.REFRESH_RESOURCE_LAST_SYNC: _AGENT_PRECONDITIONS,
}
"""Preconditions of each operation except cost policies.

Source: domain.md §4.11, §5.3, §5.5, §5.6, §5.8, §5.9, §5.18.
"""
OPERATION_PRECONDITIONS: Mapping[ResourceOperation, Sequence[Precondition]] = {
    operation: (_require_route(operation), *preconditions, _require_policies(operation))
    for operation, preconditions in _OWN_PRECONDITIONS.items()
}
"""Preconditions of each operation."""


def list_allowed_operations(
    viewer: Viewer,
    today: date,
    version_rules: VersionRules,
    can_change: bool,  # noqa: FBT001 - called by position, as computed fields are
    uses_rest_api: bool,  # noqa: FBT001
    *values: Any,
) -> list[ResourceOperation]:
    """Return the operations that the viewer could carry out now on the resource.

    `values` are those of `ResourceFacts`. The list is empty if the gateway accepts no changes.
    """
    if not can_change or viewer.user_id is None:
        return []
    facts, current = ResourceFacts(*values), CurrentRules(today, version_rules, uses_rest_api)
    return [
        operation
        for operation, preconditions in OPERATION_PRECONDITIONS.items()
        if find_first_problem(preconditions, viewer, facts, current) is None
    ]
