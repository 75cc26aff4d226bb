"""The codes of the marketplace that are published as GraphQL enums."""

from gateway.db.tables.codes import (
    BillingType,
    LimitPeriod,
    OfferingState,
    OfferingUserState,
    OrderState,
    OrderType,
    PlanUnit,
    ResourceState,
)
from gateway.schema.framework.publish import enum

__all__ = [
    "BillingType",
    "LimitPeriod",
    "OfferingState",
    "OfferingUserState",
    "OrderState",
    "OrderType",
    "PlanUnit",
    "ResourceState",
]

for code_type in (
    BillingType,
    LimitPeriod,
    OfferingState,
    OfferingUserState,
    OrderState,
    OrderType,
    PlanUnit,
    ResourceState,
):
    enum(code_type)
