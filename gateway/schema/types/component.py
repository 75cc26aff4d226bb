"""What offerings are metered by."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.marketplace.plugins import get_plugin
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import enum, object_type
from gateway.schema.framework.scalars import UUID, Decimal

if TYPE_CHECKING:
    from gateway.schema.types.offering import Offering

component = tables.component.c
OFFERING_TYPE = ColumnRef(tables.offering.c.type, (component.offering_id,))


@enum
class BillingType(Enum):
    """How a component is billed."""

    FIXED = "fixed"
    """A set amount in each period."""
    USAGE = "usage"
    """By what was used."""
    LIMIT = "limit"
    """By what may be used."""
    ONE = "one"
    """Once, when the resource is made."""
    FEW = "few"
    """On every change of the plan."""


@enum
class LimitPeriod(Enum):
    """After what time a limit starts anew."""

    MONTH = "month"
    """Each month."""
    QUARTERLY = "quarterly"
    """Each quarter of a year."""
    ANNUAL = "annual"
    """Each year."""
    TOTAL = "total"
    """Never: it holds for the resource's whole life."""


def find_unit_factor(offering_type: str, component_type: str) -> int | None:
    """Give how many backend units make one of a component that the plugin brings."""
    return get_plugin(offering_type).backend_factors.get(component_type)


def is_plugin_component(offering_type: str, component_type: str) -> bool:
    """Say whether the plugin brings the component."""
    return component_type in get_plugin(offering_type).backend_factors


@object_type
class Component(Row, Node, tables=(tables.component, registry.effective_component)):
    """One thing an offering is metered by, such as CPU hours."""

    id: strawberry.ID = node_id("Component", component.uuid)
    """Identifies the component among all nodes."""
    uuid: UUID
    """Identifies the component for good."""
    offering: Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")] = one(
        component.offering_id
    )
    """What it meters."""
    type: str
    """The key of the component in limits and usages."""
    name: str
    """What people call it."""
    description: str
    """What it is."""
    billing_type: BillingType | None
    """How it is billed."""
    measured_unit: str
    """The unit that amounts are given in, such as GB."""
    unit_factor: int | None
    """How many backend units make a measured one; null in older marketplaces."""
    limit_period: LimitPeriod | None
    """After what time its limit starts anew; null if it has none."""
    limit_amount: Decimal | None
    """The most that all resources together may ask for in a period; null if there is no bound."""
    article_code: str
    """Its code in the accounts."""
    max_value: Decimal | None
    """The highest limit that can be asked for; null if there is no bound."""
    min_value: Decimal | None
    """The lowest limit that can be asked for; null if there is no bound."""
    max_available_limit: Decimal | None
    """What all resources together can have; null if there is no bound."""
    is_boolean: bool
    """Whether there is one or none of it."""
    default_limit: Decimal | None
    """The limit that a form starts with."""
    factor: int | None = computed(find_unit_factor, OFFERING_TYPE, component.type)
    """How many backend units make one; null if the offering's type does not bring the component."""
    is_builtin: bool = computed(is_plugin_component, OFFERING_TYPE, component.type)
    """Whether the offering's type brings the component."""
    is_prepaid: bool | None
    """Whether it is paid for in advance; null in older marketplaces."""
    overage_component: Annotated["Component", strawberry.lazy(__name__)] | None = one(
        component.overage_component_id
    )
    """What is charged for use beyond the prepaid limit; null if nothing is."""
    min_prepaid_duration: int | None
    """The least months that can be ordered; null if there is no bound."""
    max_prepaid_duration: int | None
    """The most months that can be ordered; null if there is no bound."""
    prepaid_duration_step: int | None
    """The months ordered are a multiple of this; null if any number goes."""
    min_renewal_duration: int | None
    """The least months of a renewal; null if there is no bound."""
    max_renewal_duration: int | None
    """The most months of a renewal; null if there is no bound."""
    renewal_duration_step: int | None
    """The months of a renewal are a multiple of this; null if any number goes."""
