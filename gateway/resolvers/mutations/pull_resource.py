"""The mutation `pullResource`."""

from gateway.marketplace.operations.pull_resource import request_pull
from gateway.resolvers.mutations.batch_field import declare_many
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class PullResourceInput(ResourceInput):
    """Input of `pullResource`."""


@object_type
class ResourcePulled(Accepted):
    """The synchronisation was requested; `Resource.lastSync` changes when it is done."""

    resource: Resource | None
    """The resource, as it was before the synchronisation.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """Always null: no order is placed."""


pull_resource_field = declare_mutation(PullResourceInput, ResourcePulled, request_pull)
pull_resources_field = declare_many(PullResourceInput, ResourcePulled, request_pull)
