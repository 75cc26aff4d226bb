"""The codes of the marketplace that are published as GraphQL enums."""

from gateway.marketplace.states import OrderState, OrderType, ResourceState
from gateway.schema.framework.publish import enum

__all__ = ["OrderState", "OrderType", "ResourceState"]

for code_type in (OrderState, OrderType, ResourceState):
    enum(code_type)
