"""The root type of mutations."""

from gateway.resolvers.mutations.adjust_resource_dates import adjust_resource_dates_field
from gateway.resolvers.mutations.move_resource import move_resource_field
from gateway.resolvers.mutations.pull_resource import pull_resource_field
from gateway.resolvers.mutations.renew_resource import renew_resource_field
from gateway.resolvers.mutations.review_order import (
    approve_order_field,
    cancel_order_field,
    reject_order_field,
)
from gateway.resolvers.mutations.set_resource_end_date import (
    set_resource_end_date_field,
)
from gateway.resolvers.mutations.switch_resource_plan import switch_resource_plan_field
from gateway.resolvers.mutations.update_resource_limits import update_resource_limits_field
from gateway.resolvers.mutations.update_resource_options import (
    update_resource_options_field,
)
from gateway.schema.framework.publish import object_type


@object_type
class Mutation:
    """Changes of resources and orders, each in one transaction.

    A mutation returns either its success type or the problem that prevented it; then nothing is
    changed. `Resource.allowedOperations` lists the mutations of a resource that the viewer can
    execute now; those of an order follow from its state and the permissions that are named below.
    Anonymous clients can execute none.
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
    approve_order = approve_order_field
    """Approve a pending order on behalf of the side that it waits for.

    A `PENDING_CONSUMER` order requires the permission ORDER.APPROVE on the project or its
    organisation, a `PENDING_PROVIDER` order requires it on the organisation that provides the
    offering. Orders in other states can't be approved.
    """
    reject_order = reject_order_field
    """Reject a pending order on behalf of the consumer or the provider.

    The order must be `PENDING_CONSUMER`, `PENDING_PROVIDER`, `PENDING_PROJECT` or
    `PENDING_START_DATE`. Requires the permission ORDER.REJECT on the project, its organisation or
    the organisation that provides the offering, whichever side the order waits for; the user who
    placed the order needs no permission.
    """
    cancel_order = cancel_order_field
    """Cancel an order that is pending or executing.

    The order must be `PENDING_CONSUMER`, `PENDING_PROVIDER`, `PENDING_PROJECT`,
    `PENDING_START_DATE` or `EXECUTING`. Requires the permission ORDER.CANCEL on the project or its
    organisation, and an offering whose plugin supports cancelling.
    """
