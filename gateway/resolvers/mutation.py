"""Where changes start."""

from gateway.resolvers.mutations.move_resource import MoveResourceResult, move_resource
from gateway.resolvers.mutations.pull_resource import PullResourceResult, pull_resource
from gateway.resolvers.mutations.renew_resource import RenewResourceResult, renew_resource
from gateway.resolvers.mutations.review_order import (
    ApproveOrderResult,
    CancelOrderResult,
    RejectOrderResult,
    approve_order,
    cancel_order,
    reject_order,
)
from gateway.resolvers.mutations.set_resource_end_date import (
    SetResourceEndDateResult,
    set_resource_end_date,
)
from gateway.resolvers.mutations.update_resource_options import (
    UpdateResourceOptionsResult,
    update_resource_options,
)
from gateway.schema.framework.publish import published


@published
class Mutation:
    """Where changes start. Each is made as a whole or not at all; a problem says why not."""

    pull_resource: PullResourceResult = pull_resource
    """Have the backend asked how a resource is."""
    move_resource: MoveResourceResult = move_resource
    """Give a resource to another project; for staff."""
    renew_resource: RenewResourceResult = renew_resource
    """Have a resource that is paid for in advance for longer."""
    set_resource_end_date: SetResourceEndDateResult = set_resource_end_date
    """Say when a resource ends, or that it has no end."""
    update_resource_options: UpdateResourceOptionsResult = update_resource_options
    """Choose other options of a resource."""
    approve_order: ApproveOrderResult = approve_order
    """Approve an order, for those who pay or for the provider."""
    reject_order: RejectOrderResult = reject_order
    """Reject an order that nobody has begun to carry out."""
    cancel_order: CancelOrderResult = cancel_order
    """Call an order off, if its offering can do that."""
