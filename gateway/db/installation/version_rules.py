"""Version rules: the differences in behaviour between Waldur versions (domain.md §0.4, §4)."""

from dataclasses import dataclass, replace

from gateway.db.tables.codes import BLOCKING_ORDER_STATES, OPEN_ORDER_STATES, OrderState


@dataclass(frozen=True)
class VersionRules:
    """The version rules of an installation, one field for each difference."""

    year: int
    resource_permission: str | None
    """The permission that a role needs to show resources to consumers (§4.4); None: any role."""
    project_permission: str | None
    """The permission that a role needs to show projects (§4.10); None: any role."""
    offering_roles_grant_provider_view: bool
    """Whether roles on an offering or a service provider grant the provider's view (§4.5)."""
    offering_roles_grant_provider_operations: bool
    """Whether roles on an offering grant the operations of its provider (rules.md §1)."""
    order_permission: str | None
    """The permission that a role needs to show orders (§4.9); None: any role."""
    in_progress_order_states: tuple[OrderState, ...]
    """The states of orders in progress (§2.3)."""
    counts_usage_outside_plans: bool
    """Whether usage outside of plan periods counts toward limits (§3.2)."""
    unlimited_usage: str | None
    """The JSON value of limit usage for a resource without limits (§3.2); None: null."""
    unreported_usage: str
    """The JSON value of a limit's usage that was not reported in its period (§3.2)."""
    numbers_every_name: bool
    """Whether all suggested names have numbers, and providers' patterns are ignored (§5.19)."""
    has_resource_roles: bool
    """Whether roles can be granted on single resources (§4.4)."""
    has_role_restricted_offerings: bool
    """Whether an offering can be restricted to some roles (§4.7)."""
    accounts_in_secret_options: bool
    """Whether the flag for creating accounts is in secret options, not plugin options (§0.4)."""
    disables_every_autoapproval: bool
    """Whether `disable_autoapprove` covers all but staff and terminations (§6.3).

    Otherwise it covers only orders of the provider's own organisation.
    """
    terminations_need_purchase_order: bool
    """Whether a termination waits for the purchase order that an offering requires (§6.3)."""
    checks_project_of_provider_approvals: bool
    """Whether the provider can't approve orders of a project that has ended (§6.3)."""
    checks_customer_of_rejections: bool
    """Whether orders of blocked or archived organisations can't be rejected (§6.3)."""
    order_creation_permission: str | None
    """The permission that placing an order needs, on the project or its organisation (§4.11).

    None: that of the operation is enough, also for offerings that are restricted to roles.
    """
    cancelable_order_states: tuple[OrderState, ...]
    """The states in which orders can be cancelled (§6.3)."""
    has_limit_precision: bool
    """Whether a component can allow limits with decimal places (rules.md §0, on §5.14)."""
    plan_switch_keeps_unit: bool
    """Whether a resource can only switch from a plan to one with the same unit (rules.md §1)."""
    dates_every_end: bool
    """Whether orders that failed or were withdrawn have a completion time, too (§6.4)."""
    resource_change_event: str
    """The type of the event that lists the changed columns of a resource (§6.6, §7.1)."""
    unlogged_columns: frozenset[str]
    """The columns of a resource whose changes that event does not list (§6.6)."""
    logs_update_steps: bool
    """Whether requested and completed updates are events of their own (§7.1)."""
    checks_estimated_months: bool
    """Whether months that break the renewal rules have no estimate (§5.7)."""
    policy_exempt_columns: frozenset[str]
    """The columns of a resource that are saved in spite of a cost policy (rules.md §0)."""
    projects_cost_of_creation: bool
    """Whether cost policies count a new resource's cost, and offerings' apply (rules.md §0)."""
    missing_mutations: frozenset[str]
    """The mutations of resources for which Waldur's REST API has no route (§0.4)."""
    updates_need_permission: bool
    """Whether changing a resource's details needs a permission (§0.4, §4.11)."""
    consumers_set_end_dates: bool
    """Whether consumers set end dates by a mutation of their own (rules.md §2)."""
    consumers_set_options_at_once: bool
    """Whether only consumers update options, at once and in any state (§0.4)."""
    state_reports_need_staff: bool
    """Whether only staff report the state of a resource (§0.4)."""


_CANCELABLE_ORDER_STATES = (
    OrderState.PENDING_CONSUMER,
    OrderState.PENDING_PROVIDER,
    OrderState.EXECUTING,
)
_UNLOGGED_COLUMNS = frozenset(
    {
        "modified",
        "backend_metadata",
        "object_id",
        "content_type_id",
        "error_message",
        "current_usages",
        "end_date_updated_at",
    }
)
"""Columns of a resource whose changes no version logs."""
RULES_2024 = VersionRules(
    year=2024,
    resource_permission=None,
    project_permission=None,
    order_permission=None,
    in_progress_order_states=BLOCKING_ORDER_STATES,
    counts_usage_outside_plans=False,
    unlimited_usage=None,
    unreported_usage="null",
    numbers_every_name=True,
    offering_roles_grant_provider_view=False,
    offering_roles_grant_provider_operations=False,
    has_resource_roles=False,
    has_role_restricted_offerings=False,
    accounts_in_secret_options=True,
    has_limit_precision=False,
    order_creation_permission=None,
    plan_switch_keeps_unit=False,
    disables_every_autoapproval=False,
    terminations_need_purchase_order=True,
    checks_project_of_provider_approvals=True,
    checks_customer_of_rejections=True,
    cancelable_order_states=_CANCELABLE_ORDER_STATES,
    dates_every_end=False,
    resource_change_event="marketplace_resource_has_been_changed",
    unlogged_columns=_UNLOGGED_COLUMNS | {"options"},
    logs_update_steps=True,
    checks_estimated_months=False,
    policy_exempt_columns=frozenset(),
    projects_cost_of_creation=False,
    missing_mutations=frozenset(
        {
            "pullResource",
            "renewResource",
            "reallocateResourceLimits",
            "restoreResource",
            "setResourceFlags",
            "setResourceLimits",
            "setResourceEndpoints",
            "refreshResourceLastSync",
            "adjustResourceDates",
        }
    ),
    updates_need_permission=False,
    consumers_set_end_dates=False,
    consumers_set_options_at_once=True,
    state_reports_need_staff=True,
)
RULES_2026 = VersionRules(
    year=2026,
    resource_permission="RESOURCE.LIST",
    project_permission="PROJECT.LIST",
    order_permission="ORDER.LIST",
    in_progress_order_states=OPEN_ORDER_STATES,
    counts_usage_outside_plans=True,
    unlimited_usage="{}",
    unreported_usage="0",
    numbers_every_name=False,
    offering_roles_grant_provider_view=True,
    offering_roles_grant_provider_operations=False,
    has_resource_roles=True,
    has_role_restricted_offerings=True,
    accounts_in_secret_options=False,
    has_limit_precision=False,
    order_creation_permission=None,
    plan_switch_keeps_unit=True,
    disables_every_autoapproval=False,
    terminations_need_purchase_order=True,
    checks_project_of_provider_approvals=False,
    checks_customer_of_rejections=False,
    cancelable_order_states=_CANCELABLE_ORDER_STATES,
    dates_every_end=True,
    resource_change_event="marketplace_resource_update_succeeded",
    unlogged_columns=_UNLOGGED_COLUMNS | {"report", "plan_id", "error_traceback", "last_sync"},
    logs_update_steps=False,
    checks_estimated_months=False,
    policy_exempt_columns=frozenset({"modified", "current_usages", "report", "last_sync"}),
    projects_cost_of_creation=True,
    missing_mutations=frozenset(),
    updates_need_permission=True,
    consumers_set_end_dates=True,
    consumers_set_options_at_once=False,
    state_reports_need_staff=False,
)
"""Rules of spring 2026, Waldur 8.0.8 and 8.0.9."""
RULES_NEWEST = replace(
    RULES_2026,
    has_limit_precision=True,
    disables_every_autoapproval=True,
    terminations_need_purchase_order=False,
    order_creation_permission="ORDER.CREATE",
    offering_roles_grant_provider_operations=True,
    cancelable_order_states=(*_CANCELABLE_ORDER_STATES, OrderState.PENDING_START_DATE),
    checks_estimated_months=True,
)
"""Rules of autumn 2026, Waldur 8.1.3, where they differ from those of spring."""
RULES_BY_YEAR = {each.year: each for each in (RULES_2024, RULES_2026)}
