"""Rules for changes of a resource's options (domain.md §0.4, §4.11, §5.9)."""

from collections.abc import Sequence

from gateway.db.access.viewer import Viewer
from gateway.db.installation.version_rules import VersionRules
from gateway.db.tables.codes import ResourceState
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.preconditions import (
    CONSUMER_SCOPES,
    ORDER_PRECONDITIONS,
    CurrentRules,
    Precondition,
    choose_by_version,
    find_first_problem,
    has_option,
    provider_scope,
    require_available_offering,
    require_consent,
    require_nothing,
    require_order_creation,
    require_permission,
    require_rule,
    require_state,
)
from gateway.marketplace.problems import Problem, Reason
from gateway.marketplace.resource_facts import ResourceFacts

OPTION_PERMISSION = "RESOURCE.UPDATE_OPTIONS"


def needs_option_order(facts: ResourceFacts, current: CurrentRules) -> bool:
    """Return whether an order is required to update options."""
    return not _are_set_at_once(current.version_rules) and has_option(
        facts, "create_orders_on_resource_option_change"
    )


def _are_set_at_once(version_rules: VersionRules) -> bool:
    return version_rules.consumers_set_options_at_once


def _require_orderable(
    viewer: Viewer, facts: ResourceFacts, current: CurrentRules
) -> Problem | None:
    """Return a problem if an order is needed and can't be placed (domain.md §5.9)."""
    if not needs_option_order(facts, current):
        return None
    return find_first_problem(ORDER_PRECONDITIONS, viewer, facts, current)


def _require_order_creation(
    viewer: Viewer, facts: ResourceFacts, current: CurrentRules
) -> Problem | None:
    """Return a problem if an order is needed that the viewer may not place (domain.md §4.11)."""
    is_provider = viewer.has_permission(OPTION_PERMISSION, provider_scope(facts))
    if is_provider or not needs_option_order(facts, current):
        return None
    return require_order_creation(viewer, facts, current)


def _has_no_options(_viewer: Viewer, facts: ResourceFacts, _current: CurrentRules) -> bool:
    return not get_option(facts.resource_options, "options")


FORM_PRECONDITIONS: Sequence[Precondition] = (
    require_rule(
        Reason.NO_OPTIONS, "The offering defines no options for its resources.", _has_no_options
    ),
    require_rule(
        Reason.ORDER_PENDING,
        "Another order that updates the options is still open.",
        lambda _viewer, facts, _current: facts.option_order_count,
    ),
)
"""Preconditions of each update of options."""
OPTION_PRECONDITIONS: Sequence[Precondition] = (
    choose_by_version(
        _are_set_at_once,
        require_permission(OPTION_PERMISSION, *CONSUMER_SCOPES),
        require_permission(OPTION_PERMISSION, *CONSUMER_SCOPES, provider_scope),
    ),
    require_consent,
    _require_order_creation,
    require_available_offering,
    choose_by_version(_are_set_at_once, require_nothing, require_state(ResourceState.OK)),
    *FORM_PRECONDITIONS,
    _require_orderable,
)
"""Preconditions of an update of options by consumers and others, by an order where needed."""
