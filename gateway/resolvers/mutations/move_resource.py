"""The mutation `moveResource`."""

from gateway.marketplace.operations.move_resource import move_to_project
from gateway.resolvers.mutations.batch_field import declare_many
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import UUID
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class MoveResourceInput(ResourceInput):
    """Input of `moveResource`."""

    project: UUID
    """UUID of the project to move the resource to; it must be visible to the viewer."""


@object_type
class ResourceMoved(Accepted):
    """The resource was moved.

    Its orders, its backend object and its items on pending invoices moved with it.
    """

    resource: Resource | None
    """The moved resource, in its new project; null if it is not visible to the viewer."""
    order: Order | None
    """Always null: no order is placed."""


move_resource_field = declare_mutation(MoveResourceInput, ResourceMoved, move_to_project)
move_resources_field = declare_many(MoveResourceInput, ResourceMoved, move_to_project)
