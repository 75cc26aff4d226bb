"""Resources: instances of offerings, owned by projects."""

from typing import Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import (
    BILLING_TYPES_BY_OFFERING,
    BLOCKING_ORDERS_BY_RESOURCE,
    GLAUTH_RECORDS_BY_RESOURCE,
    LIMIT_PERIODS_BY_OFFERING,
    LIMIT_USAGE_BY_RESOURCE,
    TERMS_BY_OFFERING,
    VIEWER_ACCOUNT_BY_OFFERING,
    VIEWER_CONSENT_BY_OFFERING,
)
from gateway.db.query_spec import ColumnRef, SortOrder as By
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.filters import equals_constant, in_version_rule
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.marketplace.eligibility import can_terminate, list_plugin_actions, needs_consent
from gateway.marketplace.glauth_config import render_account_tree, render_users_config
from gateway.marketplace.operation_rules import ResourceOperation, list_allowed_operations
from gateway.marketplace.plugins import strip_secret_attributes
from gateway.marketplace.resource_facts import RESOURCE_FACT_INPUTS
from gateway.schema.enums import OrderType, ResourceState
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.declarations import (
    computed,
    filtered_first,
    filtered_list,
    first,
    many,
    one,
    only,
    pages,
)
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import enum, object_type
from gateway.schema.framework.scalars import JSON, UUID, Date, DateTime, Decimal
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder
from gateway.schema.types.backend_object import BackendObject
from gateway.schema.types.endpoint import Endpoint
from gateway.schema.types.offering import Offering
from gateway.schema.types.order import Order
from gateway.schema.types.plan import Plan
from gateway.schema.types.plan_period import (
    BILLING_MONTH_ARGUMENTS,
    CURRENT_PERIODS_FILTER,
    ComponentUsage,
    PlanPeriod,
)
from gateway.schema.types.project import Project
from gateway.schema.types.renewal import (
    ESTIMATE_SOURCES,
    RenewalEstimateResult,
    estimate_renewal,
)
from gateway.schema.types.resource_history import (
    HISTORY_AT_ARGUMENTS,
    NEWEST_FIRST,
    HistoryEntry,
    HistoryEntryFilter,
    HistoryEntryOrder,
)
from gateway.schema.types.resource_values import (
    RenewalDate,
    ReportSection,
    compute_limit_usage,
    compute_renewal_dates,
    is_limit_based,
    parse_report_sections,
)
from gateway.schema.types.team_member import CONSENT_ARGUMENTS, TeamMember
from gateway.schema.types.user import User

enum(ResourceOperation)
resource = tables.resource.c
OLDEST_FIRST = By((ColumnRef(tables.order.c.created),))
CUSTOMER_PATH = (resource.project_id, tables.project.c.customer_id)
CUSTOMER_ID = ColumnRef(tables.project.c.customer_id, (resource.project_id,))
PLUGIN_OPTIONS = ColumnRef(tables.offering.c.plugin_options, (resource.offering_id,))
OFFERING_TYPE = ColumnRef(tables.offering.c.type, (resource.offering_id,))


@object_type
class Resource(Row, Node, tables=(tables.resource,), by_reference="id uuid name"):
    """An instance of an offering in a project, such as a virtual machine or an HPC allocation.

    It is visible to staff, support, users who may list resources of the project or its
    organisation, users with a role in the resource itself (consumers), and users with a role in the
    offering or its provider (providers). A resource that is reached through `parent` or
    `Order.resource` and that the viewer does not see is a reference: it has only `id`, `uuid` and
    `name`, and all its other fields are null.
    """

    id: strawberry.ID = node_id("Resource", resource.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the resource."""
    name: str
    """Display name; not unique."""
    slug: str | None
    """Short name for URLs; not unique, may be empty."""
    description: str | None
    """Description of the resource; may be empty."""
    state: ResourceState | None
    """State of the resource; null if this version of the API does not know the value."""
    created: DateTime | None
    """Time of creation."""
    modified: DateTime | None
    """Time of the last change."""
    backend_id: str | None
    """Identifier of the resource in the provider's backend; empty if it is not assigned yet."""
    effective_id: str | None
    """Identifier of the resource in the system that actually provides it.

    It differs from `backendId` if the provider's backend passes resources on, for example to a
    remote Waldur; may be empty.
    """
    attributes: JSON | None = computed(strip_secret_attributes, resource.attributes, OFFERING_TYPE)
    """The attributes that the resource was ordered with, an object without secrets.

    `renewal_history`, if present, is the list of its renewals.
    """
    limits: JSON | None
    """Limits of the resource, as an object from `Component.type` to number.

    For example `{"cores": 4, "ram": 8192}`. Divided by `Component.factor` they are in measured
    units.
    """
    current_usages: JSON | None
    """Latest reported usage, as an object from `Component.type` to number.

    For example `{"gpu_hours": 24.0}`, in measured units. Components without a report are missing.
    """
    options: JSON | None
    """Values of the options that `Offering.resourceOptions` defines, an object by option key.

    Null if no option has ever been set.
    """
    backend_metadata: JSON | None
    """Metadata reported by the backend, an object with snake_case keys.

    The keys depend on the plugin; common ones are `state`, `runtime_state`, `action`,
    `instance_name`, `instance_uuid`, `external_ips`, `internal_ips`, `flavor_name`, `image_name`
    and `hypervisor_hostname`. Empty if nothing was reported.
    """
    report: list[ReportSection] | None = computed(parse_report_sections, resource.report)
    """The provider's report about the resource; null without one."""
    cost: Decimal | None
    """Estimated price per plan period, of fixed components and limits; null without a plan."""
    end_date: Date | None
    """Date on which the resource is terminated, by a daily task of Waldur; null without one."""
    end_date_requested_by: User | None = one(resource.end_date_requested_by_id)
    """The user who set the end date; null if it was never set, or the user is unknown."""
    end_date_updated_at: DateTime | None
    """Time at which the end date was last set; null if never, and in older versions of Waldur."""
    is_usage_based: bool | None = computed(
        bool,
        AggregateValue(BILLING_TYPES_BY_OFFERING, "usage", resource.offering_id, default=False),
    )
    """Whether the offering has a component that is billed by usage."""
    is_limit_based: bool | None = computed(
        is_limit_based,
        OFFERING_TYPE,
        AggregateValue(BILLING_TYPES_BY_OFFERING, "limit", resource.offering_id, default=False),
    )
    """Whether limits are billed and can be changed.

    True if the offering has a component of billing type `LIMIT`, and its plugin can change the
    limits of existing resources.
    """
    username: str | None = computed(
        lambda username: username,
        AggregateValue(VIEWER_ACCOUNT_BY_OFFERING, "username", resource.offering_id),
    )
    """The viewer's username in the offering; null without an account (offering user)."""
    can_terminate: bool | None = computed(
        can_terminate,
        ContextFact.VIEWER,
        resource.state,
        resource.project_id,
        CUSTOMER_ID,
        ColumnRef(tables.offering.c.customer_id, (resource.offering_id,)),
        AggregateValue(BLOCKING_ORDERS_BY_RESOURCE, "count", resource.id, 0),
        ColumnRef(tables.customer.c.blocked, CUSTOMER_PATH),
        ColumnRef(tables.customer.c.archived, CUSTOMER_PATH),
    )
    """Whether the viewer can order the termination of the resource, by Waldur's own rule.

    This requires the permission RESOURCE.TERMINATE on the project, its organisation or the
    provider, state `OK` or `ERRED`, an organisation that is neither blocked nor archived, and no
    order that is `PENDING_CONSUMER`, `PENDING_PROVIDER` or `EXECUTING`. `TERMINATE_RESOURCE` in
    `allowedOperations` differs where the offering is unavailable or restricted to others, where a
    cost policy forbids changes, and while the resource is `TERMINATING` and the viewer can approve
    that.
    """
    user_requires_reconsent: bool | None = computed(
        needs_consent,
        ContextFact.VIEWER,
        PLUGIN_OPTIONS,
        AggregateValue(TERMS_BY_OFFERING, "version", resource.offering_id),
        AggregateValue(
            TERMS_BY_OFFERING, "requires_reconsent", resource.offering_id, default=False
        ),
        AggregateValue(VIEWER_CONSENT_BY_OFFERING, "version", resource.offering_id),
    )
    """Whether the viewer has to accept the offering's terms of service.

    True if there is no active consent yet, or if a newer version requires another one.
    """
    allowed_operations: list[ResourceOperation] | None = computed(
        list_allowed_operations,
        ContextFact.VIEWER,
        ContextFact.TODAY,
        ContextFact.VERSION_RULES,
        ContextFact.CHANGES_ENABLED,
        ContextFact.CHANGES_BY_REST,
        *RESOURCE_FACT_INPUTS,
    )
    """The mutations of the resource that the viewer can execute now.

    The checks are those of the mutations: permissions, states and rules of the marketplace; their
    other inputs are not checked. Mutations of orders are not listed: see `Order.canTerminate`. The
    list is empty if this API executes no mutations.
    """
    available_actions: list[str] | None = computed(list_plugin_actions, PLUGIN_OPTIONS)
    """Names of additional actions of the offering's plugin.

    The only one at present is `LEXIS_LINK.CREATE`, for offerings with HEAppE. They are actions of
    Waldur's REST API; this API has no mutations for them.
    """
    renewal_dates: list[RenewalDate] | None = computed(
        compute_renewal_dates,
        AggregateValue(LIMIT_PERIODS_BY_OFFERING, "all", resource.offering_id),
        ContextFact.TODAY,
    )
    """The next billing dates of limits: the first day of the next limit period, by component.

    Limits for the period `TOTAL` have no such date. They are not the dates of renewals of a prepaid
    resource: see `endDate`. Null if no component of billing type `LIMIT` has a period.
    """
    limit_usage: JSON | None = computed(
        compute_limit_usage,
        OFFERING_TYPE,
        resource.plan_id,
        resource.current_usages,
        AggregateValue(LIMIT_PERIODS_BY_OFFERING, "all", resource.offering_id),
        AggregateValue(LIMIT_USAGE_BY_RESOURCE, "all", resource.id),
        ContextFact.VERSION_RULES,
    )
    """Usage that counts towards each limit, as an object from `Component.type` to number.

    With the limit period `MONTH` or none it is the current usage, otherwise the sum of the reported
    usages in the current period. Without a report a value is 0. If `isLimitBased` is false, or
    without a plan, the field is an empty object. In Waldur of 2024 both are null.
    """
    renewal_estimate: RenewalEstimateResult | None = computed(
        estimate_renewal,
        *ESTIMATE_SOURCES,
    )
    """Estimated cost of renewing the resource by `extensionMonths` months.

    It requires the permission RESOURCE.SET_LIMITS on the project or its organisation, and the state
    `OK` or `ERRED`. No order is placed. Null if only a reference is visible, or a price is NaN.
    """
    downscaled: bool | None
    """Whether the resource is to be reduced in capacity.

    It is set by staff, or automatically, for example in the grace period of the project. The
    provider's backend enforces the flag.
    """
    paused: bool | None
    """Whether the resource is to be paused.

    It is set by staff, or automatically, for example in the grace period of the project. The
    provider's backend enforces the flag.
    """
    restrict_member_access: bool | None
    """Whether access by project members is to be blocked.

    It is set by staff. The provider's backend enforces the flag. It does not affect what is visible
    in the marketplace.
    """
    error_message: str | None
    """Error message of the last failure; empty without an error."""
    error_traceback: str | None
    """Traceback of the last failure, for all viewers of the resource; empty without an error."""
    last_sync: DateTime | None
    """Time of the last synchronisation with the backend; null in older versions of Waldur."""
    offering: Offering | None = one(resource.offering_id)
    """The offering that the resource is an instance of; null if only a reference is visible."""
    subresource_offerings: list[Offering] | None = many(
        registry.subresource_offering.c.of_resource_id, registry.subresource_offering.c.name
    )
    """Offerings that can be ordered inside the resource, such as machines inside a cloud tenant.

    Only offerings that are visible to the viewer are contained. Null if only a reference is
    visible.
    """
    plan: Plan | None = one(resource.plan_id)
    """The plan that the resource is billed by; null without a plan."""
    project: Project | None = one(resource.project_id)
    """The project that owns the resource; null if only a reference is visible."""
    parent: Annotated["Resource", strawberry.lazy(__name__)] | None = one(resource.parent_id)
    """The parent resource, such as the cloud tenant of a virtual machine; null without one."""
    children: Page[Annotated["Resource", strawberry.lazy(__name__)]] | None = pages(
        resource.parent_id, ResourceOrder, ResourceFilter
    )
    """The child resources that are visible to the viewer.

    For example, the children of a cloud tenant are its virtual machines. Null if only a reference
    is visible.
    """
    backend: BackendObject | None = only(registry.backend_object.c.resource_id)
    """The plugin's object behind the resource; null without one."""
    order_in_progress: Order | None = first(
        tables.order.c.resource_id,
        OLDEST_FIRST,
        in_version_rule(tables.order.c.state, "in_progress_order_states"),
    )
    """The oldest order that is pending or executing; null without one.

    Waldur of 2024 does not count `PENDING_PROJECT` and `PENDING_START_DATE`.
    """
    creation_order: Order | None = first(
        tables.order.c.resource_id,
        OLDEST_FIRST,
        equals_constant(tables.order.c.type, OrderType.CREATE),
    )
    """The order that created the resource; null if it was not created by an order."""
    plan_periods: list[PlanPeriod] | None = many(
        tables.plan_period.c.resource_id,
        tables.plan_period.c.start,
        conditions=CURRENT_PERIODS_FILTER,
    )
    """Plan periods that end in this month or later, by start.

    Null if only a reference is visible.
    """
    usages: list[ComponentUsage] | None = filtered_list(
        tables.component_usage.c.resource_id,
        tables.component_usage.c.billing_period,
        **BILLING_MONTH_ARGUMENTS,
    )
    """The reported usage by component, ordered by month; null if only a reference is visible."""
    team: list[TeamMember] | None = filtered_list(
        registry.team_member.c.resource_id, **CONSENT_ARGUMENTS
    )
    """The active roles of users in the project; null if only a reference is visible."""
    endpoints: list[Endpoint] | None = many(tables.resource_endpoint.c.resource_id)
    """The network addresses of the resource; null if only a reference is visible."""
    history: Page[HistoryEntry] | None = pages(
        registry.history_entry.c.resource_id, HistoryEntryOrder, HistoryEntryFilter
    )
    """The resource's versions; empty for viewers other than staff and support.

    A personal access token needs the scope `STAFF.ACCESS` or `SUPPORT.ACCESS` for them.

    Null if only a reference is visible.
    """
    history_at: HistoryEntry | None = filtered_first(
        registry.history_entry.c.resource_id, NEWEST_FIRST, **HISTORY_AT_ARGUMENTS
    )
    """The resource's version at a given time.

    Null if there was none yet, and for viewers other than staff and support.
    """
    glauth_users_config: str | None = computed(
        render_users_config, AggregateValue(GLAUTH_RECORDS_BY_RESOURCE, "all", resource.id)
    )
    """The accounts of the resource's users and groups as a configuration of GLauth, in TOML.

    GLauth is an LDAP server, with which a provider's systems authenticate users. The configuration
    has the members of the project with a username in the offering, and the robot accounts with
    their SSH keys; members' SSH keys and the hash of the shared password (`passsha256`) are left
    out. All viewers of the resource can read it. Null if the offering does not manage accounts.
    """
    glauth_tree: JSON | None = computed(
        render_account_tree, AggregateValue(GLAUTH_RECORDS_BY_RESOURCE, "all", resource.id)
    )
    """The accounts of `glauthUsersConfig` as JSON, in the structure of the REST API.

    It is an object with the keys `offering`, `groups`, `users` and `robot_accounts`. Members' SSH
    keys are left out, those of robot accounts are contained. All viewers of the resource can read
    it. Null if the offering does not manage accounts.
    """
