"""Row classes of the tables that operations change or check."""

from gateway.db import tables
from gateway.db.admin import own_tables
from gateway.db.tables.codes import OrderState, OrderType, ResourceState
from gateway.marketplace.table_row import JsonObject, TableRow, column


class ResourceRow(TableRow, table=tables.resource):
    """A resource."""

    id: int = column()
    uuid: str = column()
    created: str = column()
    name: str = column()
    slug: str = column()
    description: str = column()
    state: ResourceState = column()
    offering_id: int = column()
    plan_id: int | None = column()
    project_id: int = column()
    content_type_id: int | None = column()
    object_id: int | None = column()
    attributes: JsonObject = column()
    limits: JsonObject = column()
    cost: str | None = column()
    end_date: str | None = column()
    end_date_requested_by_id: int | None = column()
    end_date_updated_at: str | None = column()
    backend_id: str = column()
    effective_id: str = column()
    backend_metadata: object = column()
    report: object | None = column()
    options: JsonObject | None = column()
    current_usages: JsonObject = column()
    downscaled: bool = column()
    paused: bool = column()
    restrict_member_access: bool = column()
    error_message: str = column()
    error_traceback: str = column()
    last_sync: str = column()


class OrderRow(TableRow, table=tables.order):
    """An order."""

    id: int = column()
    uuid: str = column()
    modified: str = column()
    slug: str = column()
    state: OrderState = column()
    type: OrderType = column()
    resource_id: int = column()
    offering_id: int = column()
    project_id: int = column()
    plan_id: int | None = column()
    old_plan_id: int | None = column()
    attributes: object = column()
    limits: JsonObject = column()
    cost: str | None = column()
    created_by_id: int = column()
    consumer_reviewed_by_id: int | None = column()
    consumer_reviewed_at: str | None = column()
    provider_reviewed_by_id: int | None = column()
    provider_reviewed_at: str | None = column()
    error_message: str = column()
    error_traceback: str = column()
    completed_at: str | None = column()
    start_date: str | None = column()
    request_comment: str | None = column()
    attachment: str | None = column()
    consumer_rejection_comment: str = column()
    provider_rejection_comment: str = column()


class OrderKeyRow(TableRow, table=tables.order):
    """The key of an order and of its resource, and its type."""

    id: int = column()
    resource_id: int = column()
    type: OrderType = column()


class OrderFileRow(TableRow, table=tables.order):
    """The path of an order's attachment."""

    attachment: str | None = column()


class ProjectOrderAutoApprovalRow(TableRow, table=tables.project_order_auto_approval):
    """A rule that approves the orders of a project up to a monthly cost."""

    project_id: int = column()
    monthly_cost_limit: str = column()
    enabled: bool = column()
    created_by_id: int | None = column()


class ConsentRow(TableRow, table=tables.consent):
    """A user's consent to the terms of service of an offering."""

    id: int = column()
    user_id: int = column()
    offering_id: int = column()
    agreement_date: str = column()
    version: str = column()
    revocation_date: str | None = column()


class PlanPeriodRow(TableRow, table=tables.plan_period):
    """A period during which a resource has a plan; `end` is None while it is open."""

    id: int = column()
    resource_id: int = column()
    plan_id: int = column()
    start: str | None = column()
    end: str | None = column()


class ComponentQuotaRow(TableRow, table=tables.component_quota):
    """The limit of a resource for one component."""

    id: int = column()
    resource_id: int = column()
    component_id: int = column()
    limit: str = column()


class ComponentUsageRow(TableRow, table=tables.component_usage):
    """The usage of one component by a resource in a month."""

    resource_id: int = column()
    component_id: int = column()
    plan_period_id: int | None = column()
    billing_period: str = column()
    usage: str = column()
    date: str = column()


class OfferingRow(TableRow, table=tables.offering):
    """An offering."""

    id: int = column()
    type: str = column()
    customer_id: int | None = column()
    project_id: int | None = column()
    content_type_id: int | None = column()
    object_id: int | None = column()
    plugin_options: object = column()


class OfferingKeyRow(TableRow, table=tables.offering):
    """The uuid of an offering."""

    uuid: str = column()


class OptionFormRow(TableRow, table=tables.offering):
    """The form of the options of an offering's resources."""

    resource_options: object = column()


class OfferingFormRow(TableRow, table=tables.offering):
    """What an offering asks for when a resource is ordered."""

    id: int = column()
    type: str = column()
    parent_id: int | None = column()
    options: object = column()
    resource_options: object = column()
    plugin_options: JsonObject = column()


class BackendIdRulesRow(TableRow, table=tables.offering):
    """The rules of an offering for the backend ids of its resources."""

    backend_id_rules: JsonObject = column()


class SlurmUsagePolicyRow(TableRow, table=tables.slurm_usage_policy):
    """A policy by which usage decides about limits of an offering's resources."""

    id: int = column()
    scope_id: int = column()


class EndpointRow(TableRow, table=tables.resource_endpoint):
    """An access endpoint of a resource."""

    id: int = column()
    resource_id: int = column()
    name: str = column()
    url: str = column()


class ComponentRow(TableRow, table=tables.component):
    """A component of an offering."""

    id: int = column()
    offering_id: int = column()
    type: str = column()
    billing_type: str = column()
    is_prepaid: bool = column()
    limit_period: str | None = column()
    limit_amount: int | None = column()
    max_value: int | None = column()
    min_value: int | None = column()
    max_available_limit: int | None = column()
    min_prepaid_duration: int | None = column()
    max_prepaid_duration: int | None = column()
    prepaid_duration_step: int | None = column()


class PlanRow(TableRow, table=tables.plan):
    """A plan."""

    id: int = column()
    offering_id: int = column()
    unit_price: str = column()
    unit: str = column()
    archived: bool = column()
    max_amount: int | None = column()


class PlanComponentRow(TableRow, table=tables.plan_component):
    """The price of a component under a plan."""

    plan_id: int = column()
    component_id: int | None = column()
    amount: int = column()
    price: str = column()


class OrderingProjectRow(TableRow, table=tables.project):
    """A project for which a resource is ordered."""

    id: int = column()
    customer_id: int = column()
    start_date: str | None = column()
    end_date: str | None = column()


class ProjectRow(TableRow, table=tables.project):
    """A project."""

    id: int = column()
    uuid: str = column()
    name: str = column()
    customer_id: int = column()
    end_date: str | None = column()
    grace_period_days: int | None = column()
    is_removed: bool = column()


class CustomerRow(TableRow, table=tables.customer):
    """An organisation."""

    blocked: bool = column()
    grace_period_days: int | None = column()
    default_tax_percent: str = column()


class OfferingGroupRow(TableRow, table=tables.offering_organization_group):
    """A group of organisations to which an offering is restricted."""

    offering_id: int = column()
    organizationgroup_id: int = column()


class CustomerGroupRow(TableRow, table=tables.customer_organization_group):
    """A group that an organisation belongs to."""

    customer_id: int = column()
    organizationgroup_id: int = column()


class ServiceSettingsRow(TableRow, table=tables.service_settings):
    """Settings of a service, with the backend object to which they are scoped."""

    id: int = column()
    content_type_id: int | None = column()
    object_id: int | None = column()


class InvoiceRow(TableRow, table=tables.invoice):
    """An organisation's invoice for one month."""

    id: int = column()
    customer_id: int = column()
    year: int = column()
    month: int = column()
    state: str = column()
    created: str | None = column()
    tax_percent: str = column()
    total_cost: str = column()
    total_price: str = column()


class InvoiceItemRow(TableRow, table=tables.invoice_item):
    """An item of an invoice."""

    id: int = column()
    invoice_id: int = column()
    resource_id: int | None = column()
    project_id: int | None = column()
    project_name: str = column()
    project_uuid: str = column()
    unit_price: str = column()
    quantity: str = column()


class EventRow(TableRow, table=tables.event):
    """An event in Waldur's log."""

    event_type: str = column()
    message: str = column()
    context: JsonObject = column()


class EventFeedRow(TableRow, table=tables.event_feed):
    """An object in whose feed an event appears."""

    event_id: int = column()
    content_type_id: int = column()
    object_id: int = column()


class QuotaUsageRow(TableRow, table=tables.quota_usage):
    """A difference that counts towards a quota of an object."""

    name: str = column()
    delta: int = column()
    content_type_id: int | None = column()
    object_id: int | None = column()


class RevisionRow(TableRow, table=tables.revision):
    """A change that stored versions."""

    date_created: str = column()
    comment: str = column()
    user_id: int | None = column()


class VersionRow(TableRow, table=tables.version):
    """An object as it was stored by a change."""

    revision_id: int = column()
    content_type_id: int = column()
    object_id: str = column()
    format: str = column()
    serialized_data: str = column()
    object_repr: str = column()
    db: str = column()


class PullRow(TableRow, table=own_tables.pull):
    """A requested pull of a resource."""

    resource_id: int = column()
    requested_by_id: int = column()
    requested_at: str = column()
