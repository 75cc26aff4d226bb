"""The root type of mutations."""

from gateway.resolvers.mutations.move_resource import MoveResourceResult, move_resource_field
from gateway.resolvers.mutations.pull_resource import PullResourceResult, pull_resource_field
from gateway.resolvers.mutations.renew_resource import RenewResourceResult, renew_resource_field
from gateway.resolvers.mutations.review_order import (
    ApproveOrderResult,
    CancelOrderResult,
    RejectOrderResult,
    approve_order_field,
    cancel_order_field,
    reject_order_field,
)
from gateway.resolvers.mutations.set_resource_end_date import (
    SetResourceEndDateResult,
    set_resource_end_date_field,
)
from gateway.resolvers.mutations.update_resource_options import (
    UpdateResourceOptionsResult,
    update_resource_options_field,
)
from gateway.schema.framework.publish import object_type


@object_type
class Mutation:
    """Changes of resources and orders, each in one transaction.

    A mutation returns either its success type or the problem that prevented it, in which case
    nothing is changed. `Resource.allowedOperations` tells which mutations the viewer can make now.
    """

    pull_resource: PullResourceResult = pull_resource_field
    """Request that a resource is synchronised from its backend.

    Allowed for all viewers of the resource; it must be in state `OK` or `ERRED` and have a backend
    id.
    """
    move_resource: MoveResourceResult = move_resource_field
    """Move a resource to another project; staff only."""
    renew_resource: RenewResourceResult = renew_resource_field
    """Renew a prepaid resource by a number of months.

    Takes the permission RESOURCE.SET_LIMITS on the project or its organisation; the resource must
    be in state `OK` or `ERRED`. Places an order, which may need approval.
    """
    set_resource_end_date: SetResourceEndDateResult = set_resource_end_date_field
    """Set or clear the end date of a resource.

    Takes the permission RESOURCE.SET_END_DATE on the project, its organisation, the offering or its
    provider. The end date of a prepaid resource can be set by staff only; others renew it.
    """
    update_resource_options: UpdateResourceOptionsResult = update_resource_options_field
    """Change the options of a resource.

    Takes the permission RESOURCE.UPDATE_OPTIONS on the project, its organisation or the provider;
    the resource must be in state `OK`. Depending on the offering, the change is made at once or
    places an order.
    """
    approve_order: ApproveOrderResult = approve_order_field
    """Approve a pending order on behalf of the consumer or the provider.

    Takes the permission ORDER.APPROVE on the side that the order waits for: the project or its
    organisation, or the provider.
    """
    reject_order: RejectOrderResult = reject_order_field
    """Reject a pending order on behalf of the consumer or the provider.

    Allowed for the order's creator, and with the permission ORDER.REJECT on the project, its
    organisation or the provider.
    """
    cancel_order: CancelOrderResult = cancel_order_field
    """Cancel an order that is pending or executing.

    Takes the permission ORDER.CANCEL on the project or its organisation, and a type of offering
    that supports cancelling.
    """
