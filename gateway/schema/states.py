"""The states of resources and orders as clients read them."""

from gateway.marketplace.states import OrderState, OrderType, ResourceState
from gateway.schema.published import named

__all__ = ["OrderState", "OrderType", "ResourceState"]

for each in (OrderState, OrderType, ResourceState):
    named(each)
