"""The root type of mutations."""

from gateway.resolvers.mutations.adjust_resource_dates import adjust_resource_dates_field
from gateway.resolvers.mutations.carry_out_order import retry_order_field, set_order_state_field
from gateway.resolvers.mutations.create_order import create_order_field
from gateway.resolvers.mutations.move_resource import move_resource_field, move_resources_field
from gateway.resolvers.mutations.provider_setters import (
    refresh_resource_last_sync_field,
    set_resource_backend_id_field,
    set_resource_backend_metadata_field,
    set_resource_endpoints_field,
    set_resource_limits_field,
    set_resource_state_field,
    submit_resource_report_field,
)
from gateway.resolvers.mutations.pull_resource import pull_resource_field, pull_resources_field
from gateway.resolvers.mutations.reallocate_resource_limits import reallocate_resource_limits_field
from gateway.resolvers.mutations.renew_resource import renew_resource_field
from gateway.resolvers.mutations.restore_resource import restore_resource_field
from gateway.resolvers.mutations.review_order import (
    approve_order_field,
    approve_orders_field,
    cancel_order_field,
    reject_order_field,
    reject_orders_field,
)
from gateway.resolvers.mutations.set_resource_end_date import (
    set_resource_end_date_field,
    set_resources_end_date_field,
)
from gateway.resolvers.mutations.staff_setters import (
    set_resource_flags_field,
    set_resource_slug_field,
)
from gateway.resolvers.mutations.switch_resource_plan import switch_resource_plan_field
from gateway.resolvers.mutations.terminate_resource import (
    terminate_resource_field,
    terminate_resources_field,
)
from gateway.resolvers.mutations.unlink_resource import unlink_resource_field
from gateway.resolvers.mutations.update_resource import update_resource_field
from gateway.resolvers.mutations.update_resource_limits import update_resource_limits_field
from gateway.resolvers.mutations.update_resource_options import update_resource_options_field
from gateway.schema.framework.publish import object_type


@object_type
class Mutation:
    """Changes of resources and orders, each in one transaction.

    The mutations of many objects, such as `pullResources`, are done in several transactions.
    A mutation returns either its success type or the problem that prevented it; then nothing is
    changed. `Resource.allowedOperations` lists the mutations of a resource that the viewer can
    execute now; those of an order follow from its state and the permissions that are named below.
    Anonymous clients can execute none.
    """

    create_order = create_order_field
    """Order a new resource.

    All who see the offering and the project may do it; in the newest Waldur, the permission
    ORDER.CREATE on the project or its organisation is required. The offering must be `ACTIVE`, and
    its terms of service accepted where consent is enforced. The order may need approval. The query
    `orderPreview` tells what is wrong, what it costs, and who has to approve.
    """
    pull_resource = pull_resource_field
    """Request that a resource is synchronised from its backend.

    All viewers of the resource may do it. The resource must be `OK` or `ERRED` and have a
    `backendId`, and the offering's plugin must support it.
    """
    move_resource = move_resource_field
    """Move a resource to another project.

    Only staff may do it; the resource may be in any state.
    """
    renew_resource = renew_resource_field
    """Renew a prepaid resource by a number of months.

    Requires the permission RESOURCE.SET_LIMITS on the project or its organisation and, where
    consent is enforced, acceptance of the offering's terms of service; the resource must be `OK` or
    `ERRED`. Places an order, which may need approval.
    """
    set_resource_end_date = set_resource_end_date_field
    """Set or clear the end date of a resource.

    Requires the permission RESOURCE.SET_END_DATE on the project, its organisation, the offering or
    its provider; the resource may be in any state. The end date of a prepaid resource can be set by
    staff only; others renew it.
    """
    adjust_resource_dates = adjust_resource_dates_field
    """Set the start and end dates of a prepaid resource.

    Only staff may do it; the resource must be `CREATING`, `UPDATING`, `OK` or `ERRED`.
    """
    update_resource_options = update_resource_options_field
    """Change the options of a resource.

    Requires the permission RESOURCE.UPDATE_OPTIONS on the project, its organisation or the provider
    and, where consent is enforced, acceptance of the offering's terms of service; the resource must
    be `OK`. Depending on the offering, the change is made at once or places an order. See
    `UpdateResourceOptionsInput.direct` for providers.
    """
    update_resource_limits = update_resource_limits_field
    """Order other limits for a resource.

    Requires the permission RESOURCE.SET_LIMITS on the project or its organisation and, where
    consent is enforced, acceptance of the offering's terms of service; the resource must be `OK`,
    and the offering's plugin must support it. The order may need approval.
    """
    switch_resource_plan = switch_resource_plan_field
    """Order another plan for a resource.

    Requires the permission RESOURCE.SET_PLAN on the project or its organisation and, where consent
    is enforced, acceptance of the offering's terms of service; the resource must be `OK` and have a
    plan. The order may need approval.
    """
    reallocate_resource_limits = reallocate_resource_limits_field
    """Order that limits of a resource move to other resources of its offering.

    Requires the permission RESOURCE.SET_LIMITS on the projects or the organisations of all these
    resources and, where consent is enforced, acceptance of the offering's terms of service; they
    must be `OK` without another open order. Places one order for each resource.
    """
    terminate_resource = terminate_resource_field
    """Order the termination of a resource.

    Requires the permission RESOURCE.TERMINATE on the project, its organisation or the provider; the
    resource must be `OK` or `ERRED`. The order may need approval. If a termination is
    `PENDING_CONSUMER` already, it is approved instead; that requires ORDER.APPROVE on the project
    or its organisation.
    """
    restore_resource = restore_resource_field
    """Order the restoration of a terminated resource.

    Requires the permission RESOURCE.SET_STATE on the provider, a `TERMINATED` resource, and an
    offering that supports it (`can_restore_resource` in its `pluginOptions`). The order may need
    approval.
    """
    update_resource = update_resource_field
    """Change the name, description or end date of a resource.

    Requires the permission RESOURCE.UPDATE on the project, its organisation, the offering or its
    provider; the resource may be in any state. The end date of a prepaid resource can't be changed.
    """
    set_resource_slug = set_resource_slug_field
    """Set the slug of a resource.

    Only staff may do it; the resource may be in any state.
    """
    set_resource_flags = set_resource_flags_field
    """Set or clear one flag of a resource: paused, downscaled, or restricted access.

    Only staff may do it; the resource may be in any state. The provider's backend enforces it.
    """
    unlink_resource = unlink_resource_field
    """Delete the record of a resource, with its orders, usages and others.

    The backend is not touched. Only staff may do it; the resource may be in any state. Items of
    invoices remain, without their resource.
    """
    set_resource_backend_id = set_resource_backend_id_field
    """Set the backend id or the effective id of a resource.

    Requires the permission RESOURCE.SET_BACKEND_ID on the offering or its provider; the resource
    may be in any state.
    """
    set_resource_backend_metadata = set_resource_backend_metadata_field
    """Replace the metadata that the backend reports about a resource.

    Requires the permission RESOURCE.SET_BACKEND_METADATA on the provider; the resource may be in
    any state.
    """
    set_resource_endpoints = set_resource_endpoints_field
    """Replace the access endpoints of a resource.

    Requires the permission RESOURCE.SET_BACKEND_METADATA on the provider; the resource may be in
    any state.
    """
    set_resource_limits = set_resource_limits_field
    """Replace the limits of a resource by those that it has in the backend, without an order.

    Requires the permission RESOURCE.SET_STATE on the provider; the resource may be in any state.
    Consumers order other limits: see `renewResource`.
    """
    set_resource_state = set_resource_state_field
    """Report that a resource works or has failed.

    Requires the permission RESOURCE.SET_STATE on the provider.
    """
    submit_resource_report = submit_resource_report_field
    """Replace the provider's report about a resource.

    Requires the permission RESOURCE.SUBMIT_REPORT on the provider; the resource may be in any
    state.
    """
    refresh_resource_last_sync = refresh_resource_last_sync_field
    """Record that a resource was synchronised with its backend just now.

    Requires the permission RESOURCE.SET_STATE on the provider; the resource may be in any state.
    """
    approve_order = approve_order_field
    """Approve a pending order on behalf of the side that it waits for.

    A `PENDING_CONSUMER` order requires the permission ORDER.APPROVE on the project or its
    organisation, a `PENDING_PROVIDER` order requires it on the organisation that provides the
    offering. Orders in other states can't be approved. The project's organisation must be neither
    blocked nor archived; a `PENDING_CONSUMER` order also needs a project that has not ended and, if
    the offering requires one, an attached purchase order.

    The order is then `PENDING_PROJECT` until its project starts, `PENDING_PROVIDER` if the provider
    has to approve it, `PENDING_START_DATE` until its own start date, or `EXECUTING`: the first that
    applies and that it has not passed yet.
    """
    reject_order = reject_order_field
    """Reject a pending order on behalf of the side that it waits for.

    A `PENDING_CONSUMER` order requires the permission ORDER.REJECT on the project or its
    organisation, or that the viewer placed it; a `PENDING_PROVIDER` order requires the permission
    on the organisation that provides the offering. Orders in other states can't be rejected.
    """
    cancel_order = cancel_order_field
    """Cancel an order that waits for an approval or is executing.

    The order must be `PENDING_CONSUMER`, `PENDING_PROVIDER` or `EXECUTING`; in the newest Waldur
    also `PENDING_START_DATE`. Requires the permission ORDER.CANCEL on the project or its
    organisation, and an offering whose plugin supports cancelling.
    """
    set_order_state = set_order_state_field
    """Report on behalf of the provider that an order is executing, done or failed.

    For site agents and other programs of the provider. Requires the permission ORDER.APPROVE on the
    organisation that provides the offering; `ReportedOrderState` has the states that an order must
    be in.
    """
    retry_order = retry_order_field
    """Carry a failed order out again.

    The order must be `ERRED`, without another open order of its resource. Requires the permission
    ORDER.APPROVE on the organisation that provides the offering.
    """
    pull_resources = pull_resources_field
    """Execute `pullResource` for many resources.

    Each is changed completely or not at all, and has a result of its own.
    """
    move_resources = move_resources_field
    """Execute `moveResource` for many resources, to the same project.

    Each is changed completely or not at all, and has a result of its own.
    """
    set_resources_end_date = set_resources_end_date_field
    """Execute `setResourceEndDate` for many resources, with the same date.

    Each is changed completely or not at all, and has a result of its own.
    """
    terminate_resources = terminate_resources_field
    """Execute `terminateResource` for many resources.

    Each is changed completely or not at all, and has a result of its own.
    """
    approve_orders = approve_orders_field
    """Execute `approveOrder` for many orders.

    Each is changed completely or not at all, and has a result of its own.
    """
    reject_orders = reject_orders_field
    """Execute `rejectOrder` for many orders, with the same comment.

    Each is changed completely or not at all, and has a result of its own.
    """
