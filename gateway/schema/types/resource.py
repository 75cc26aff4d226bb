"""What projects have."""

from typing import Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import (
    BILLING_TYPES_BY_OFFERING,
    BLOCKING_ORDERS_BY_RESOURCE,
    COMPONENT_PRICES_BY_PLAN,
    GLAUTH_RECORDS_BY_RESOURCE,
    LIMIT_PERIODS_BY_OFFERING,
    LIMIT_USAGE_BY_RESOURCE,
    RENEWAL_COMPONENTS_BY_OFFERING,
    TERMS_BY_OFFERING,
    VIEWER_ACCOUNT_BY_OFFERING,
    VIEWER_CONSENT_BY_OFFERING,
)
from gateway.db.query_spec import ColumnRef
from gateway.db.query_spec import SortOrder as By
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.filters import equals_constant, in_version_rule
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.marketplace.eligibility import can_terminate, list_plugin_actions, needs_consent
from gateway.marketplace.glauth_config import render_account_tree, render_users_config
from gateway.marketplace.plugins import strip_secret_attributes
from gateway.marketplace.preconditions import ResourceOperation, list_allowed_operations
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
    EXTENSION_MONTHS_ARGUMENT,
    LIMITS_ARGUMENT,
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
    pass_through,
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
    """An offering put to use in a project, such as a virtual machine or a share of a cluster.

    One that the viewer only meets as the parent of another shows id, uuid and
    name; all else is null.
    """

    id: strawberry.ID = node_id("Resource", resource.uuid)
    """Identifies the resource among all nodes."""
    uuid: UUID
    """Identifies the resource for good."""
    name: str
    """What people call the resource."""
    slug: str | None
    """A short name for addresses."""
    description: str | None
    """What it is for."""
    state: ResourceState | None
    """Where it is in its life."""
    created: DateTime | None
    """When it was made."""
    modified: DateTime | None
    """When it last changed."""
    backend_id: str | None
    """What the backend calls it."""
    effective_id: str | None
    """What the backend of a remote marketplace calls it."""
    attributes: JSON | None = computed(strip_secret_attributes, resource.attributes, OFFERING_TYPE)
    """What it was ordered with; without secrets."""
    limits: JSON | None
    """How much of each component it may use, by the component's type."""
    current_usages: JSON | None
    """How much of each component it used at last report, by the component's type."""
    options: JSON | None
    """What its users chose of the offering's `resourceOptions`."""
    backend_metadata: JSON | None
    """What the backend says of it: its run-time state, addresses and the like."""
    report: list[ReportSection] | None = computed(parse_report_sections, resource.report)
    """What the provider reports about it; null if nothing."""
    cost: Decimal | None
    """What it costs in a period of its plan; null without a plan."""
    end_date: Date | None
    """Its last day; null if it has no end."""
    end_date_requested_by: User | None = one(resource.end_date_requested_by_id)
    """Who set the end date."""
    end_date_updated_at: DateTime | None
    """When the end date was set; null in older marketplaces."""
    is_usage_based: bool | None = computed(
        bool,
        AggregateValue(BILLING_TYPES_BY_OFFERING, "usage", resource.offering_id, default=False),
    )
    """Whether the use of it is billed."""
    is_limit_based: bool | None = computed(
        is_limit_based,
        OFFERING_TYPE,
        AggregateValue(BILLING_TYPES_BY_OFFERING, "limit", resource.offering_id, default=False),
    )
    """Whether its limits are billed, and can be changed."""
    username: str | None = computed(
        pass_through, AggregateValue(VIEWER_ACCOUNT_BY_OFFERING, "username", resource.offering_id)
    )
    """What the viewer is called in its offering; null without an account there."""
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
    """Whether the viewer can end it at present."""
    user_requires_reconsent: bool | None = computed(
        needs_consent,
        ContextFact.VIEWER,
        PLUGIN_OPTIONS,
        AggregateValue(TERMS_BY_OFFERING, "version", resource.offering_id),
        AggregateValue(TERMS_BY_OFFERING, "renewed", resource.offering_id, default=False),
        AggregateValue(VIEWER_CONSENT_BY_OFFERING, "version", resource.offering_id),
    )
    """Whether the viewer has to agree to the terms of its offering, or once more."""
    allowed_operations: list[ResourceOperation] | None = computed(
        list_allowed_operations,
        ContextFact.VIEWER,
        ContextFact.TODAY,
        ContextFact.CHANGES_ENABLED,
        *RESOURCE_FACT_INPUTS,
    )
    """The mutations that the viewer could make with it now; none where nothing can be changed."""
    available_actions: list[str] | None = computed(list_plugin_actions, PLUGIN_OPTIONS)
    """What its plugin can do with it besides."""
    renewal_dates: list[RenewalDate] | None = computed(
        compute_renewal_dates,
        AggregateValue(LIMIT_PERIODS_BY_OFFERING, "all", resource.offering_id),
        ContextFact.TODAY,
    )
    """When its limits are billed anew; null without limits that are billed by periods."""
    limit_usage: JSON | None = computed(
        compute_limit_usage,
        OFFERING_TYPE,
        resource.plan_id,
        resource.current_usages,
        AggregateValue(LIMIT_PERIODS_BY_OFFERING, "all", resource.offering_id),
        AggregateValue(LIMIT_USAGE_BY_RESOURCE, "all", resource.id),
        ContextFact.VERSION_RULES,
    )
    """How much of its limits it used in their periods, by the component's type."""
    renewal_estimate: RenewalEstimateResult | None = computed(
        estimate_renewal,
        EXTENSION_MONTHS_ARGUMENT,
        LIMITS_ARGUMENT,
        ContextFact.VIEWER,
        resource.project_id,
        CUSTOMER_ID,
        resource.end_date,
        ContextFact.TODAY,
        resource.limits,
        OFFERING_TYPE,
        AggregateValue(RENEWAL_COMPONENTS_BY_OFFERING, "all", resource.offering_id, "[]"),
        AggregateValue(COMPONENT_PRICES_BY_PLAN, "all", resource.plan_id, "{}"),
    )
    """What it would cost to renew it by some months."""
    downscaled: bool | None
    """Whether it has less than its limits at present."""
    paused: bool | None
    """Whether it is paused."""
    restrict_member_access: bool | None
    """Whether the members of its project are kept out."""
    error_message: str | None
    """What went wrong; empty if nothing did."""
    error_traceback: str | None
    """Where in the program it went wrong."""
    last_sync: DateTime | None
    """When the backend was last asked about it; null in older marketplaces."""
    offering: Offering | None = one(resource.offering_id)
    """What it was ordered from."""
    subresource_offerings: list[Offering] | None = many(
        registry.subresource_offering.c.of_resource_id, registry.subresource_offering.c.name
    )
    """What can be ordered to be in it, such as a cloud's machines, that the viewer sees."""
    plan: Plan | None = one(resource.plan_id)
    """How it is paid for; null without a plan."""
    project: Project | None = one(resource.project_id)
    """Whose it is."""
    parent: Annotated["Resource", strawberry.lazy(__name__)] | None = one(resource.parent_id)
    """The resource that it belongs to, such as a machine's cloud; null if there is none."""
    children: Page[Annotated["Resource", strawberry.lazy(__name__)]] | None = pages(
        resource.parent_id, ResourceOrder, ResourceFilter
    )
    """The resources that belong to it, such as a cloud's machines, that the viewer sees."""
    backend: BackendObject | None = only(registry.backend_object.c.resource_id)
    """What its plugin has behind it; null if there is nothing."""
    order_in_progress: Order | None = first(
        tables.order.c.resource_id,
        OLDEST_FIRST,
        in_version_rule(tables.order.c.state, "in_progress_order_states"),
    )
    """The order that waits or is being carried out; null if there is none."""
    creation_order: Order | None = first(
        tables.order.c.resource_id,
        OLDEST_FIRST,
        equals_constant(tables.order.c.type, OrderType.CREATE.value),
    )
    """The order that it was made by; null if there is none."""
    plan_periods: list[PlanPeriod] | None = many(
        tables.plan_period.c.resource_id,
        tables.plan_period.c.start,
        conditions=CURRENT_PERIODS_FILTER,
    )
    """The plans that it was under since the month began, and what it used then."""
    usages: list[ComponentUsage] | None = filtered_list(
        tables.component_usage.c.resource_id,
        tables.component_usage.c.billing_period,
        **BILLING_MONTH_ARGUMENTS,
    )
    """What it used, month by month, as far as that was reported."""
    team: list[TeamMember] | None = filtered_list(
        registry.team_member.c.resource_id, **CONSENT_ARGUMENTS
    )
    """The people of its project."""
    endpoints: list[Endpoint] | None = many(tables.resource_endpoint.c.resource_id)
    """Where it can be reached."""
    history: Page[HistoryEntry] | None = pages(
        registry.history_entry.c.resource_id, HistoryEntryOrder, HistoryEntryFilter
    )
    """What it was before, the newest first; for all but staff and support there is nothing."""
    history_at: HistoryEntry | None = filtered_first(
        registry.history_entry.c.resource_id, NEWEST_FIRST, **HISTORY_AT_ARGUMENTS
    )
    """What it was at a moment; null if it was not there yet, and for all but staff and support."""
    glauth_users_config: str | None = computed(
        render_users_config, AggregateValue(GLAUTH_RECORDS_BY_RESOURCE, "all", resource.id)
    )
    """The accounts in its offering, as TOML for GLauth; null if the offering makes none.

    They are those of the people of its project, and of its robots. Without the
    hash of the shared password (`passsha256`), as that is a secret, and without
    people's SSH keys.
    """
    glauth_tree: JSON | None = computed(
        render_account_tree, AggregateValue(GLAUTH_RECORDS_BY_RESOURCE, "all", resource.id)
    )
    """The accounts in its offering and their groups, as REST has them; null if it makes none.

    Without people's SSH keys.
    """
