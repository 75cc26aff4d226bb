"""The mutation `switchResourcePlan`."""

from gateway.marketplace.operations.switch_plan import order_plan_switch
from gateway.resolvers.mutations.mutation_field import ResourceOrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import UUID
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class SwitchResourcePlanInput(ResourceOrderInput):
    """Input of `switchResourcePlan`."""

    plan: UUID
    """UUID of the plan to switch to, one of `Resource.offering.plans`.

    It must not be archived, must have the `unit` of the current plan, and `Plan.isActive` must be
    true. The current plan is accepted, too.
    """


@object_type
class ResourcePlanSwitched(Accepted):
    """The plan switch was ordered; `Resource.plan` changes when the order is done."""

    resource: Resource | None
    """The resource, with its old plan until the order is done.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """The placed order; null if the viewer may not list the orders of the project."""


switch_resource_plan_field = declare_mutation(
    SwitchResourcePlanInput, ResourcePlanSwitched, order_plan_switch
)
