"""Where changes start."""

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
    """Where changes start. Each is made as a whole or not at all; a problem says why not."""

    pull_resource: PullResourceResult = pull_resource_field
    """Have the backend asked how a resource is."""
    move_resource: MoveResourceResult = move_resource_field
    """Give a resource to another project; for staff."""
    renew_resource: RenewResourceResult = renew_resource_field
    """Have a resource that is paid for in advance for longer."""
    set_resource_end_date: SetResourceEndDateResult = set_resource_end_date_field
    """Say when a resource ends, or that it has no end."""
    update_resource_options: UpdateResourceOptionsResult = update_resource_options_field
    """Choose other options of a resource."""
    approve_order: ApproveOrderResult = approve_order_field
    """Approve an order, for those who pay or for the provider."""
    reject_order: RejectOrderResult = reject_order_field
    """Reject an order that nobody has begun to carry out."""
    cancel_order: CancelOrderResult = cancel_order_field
    """Call an order off, if its offering can do that."""
