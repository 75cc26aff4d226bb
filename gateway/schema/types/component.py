"""Components: the billable quantities of an offering."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.marketplace.plugins import get_plugin
from gateway.schema.enums import BillingType, LimitPeriod
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID, Decimal

if TYPE_CHECKING:
    from gateway.schema.types.offering import Offering

component = tables.component.c
OFFERING_TYPE = ColumnRef(tables.offering.c.type, (component.offering_id,))


def find_unit_factor(offering_type: str, component_type: str) -> int | None:
    """Return the backend units per unit of a built-in component; None if it is not built in."""
    return get_plugin(offering_type).backend_factors.get(component_type)


def is_plugin_component(offering_type: str, component_type: str) -> bool:
    """Return whether the plugin of an offering type defines the component."""
    return component_type in get_plugin(offering_type).backend_factors


@object_type
class Component(Row, Node, tables=(tables.component, registry.effective_component)):
    """A quantity of an offering that is measured and billed, such as CPU hours or storage."""

    id: strawberry.ID = node_id("Component", component.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the component."""
    offering: Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")] | None = one(
        component.offering_id
    )
    """The offering that the component belongs to; null only if its record was deleted meanwhile."""
    type: str
    """Key of the component in `limits` and `currentUsages`; unique within its offering."""
    name: str
    """Display name."""
    description: str
    """Description of the component; may be empty."""
    billing_type: BillingType | None
    """How the component is billed; null if this version of the API does not know the value."""
    measured_unit: str
    """Unit of usages and prices, such as `GB`; may be empty.

    A limit divided by `factor` is in this unit, too.
    """
    unit_factor: int | None
    """Number of backend units in one measured unit, as the provider configured it.

    The provider's backend uses it to convert limits and usages; the marketplace's prices don't
    depend on it. Null in older versions of Waldur.
    """
    limit_period: LimitPeriod | None
    """The period that the limit applies to.

    Null if no period is set, or if this version of the API does not know the value.
    """
    limit_amount: Decimal | None
    """Upper bound of the limits of all resources together in one limit period.

    It is in the unit of `Resource.limits`. An order is refused if its limit and all limits that
    were changed in the current calendar month, quarter or year (`limitPeriod`; with `TOTAL` all
    limits) exceed it. Null or 0 without a bound; without `limitPeriod` the sum is not checked.
    """
    article_code: str
    """Article code for accounting; may be empty."""
    max_value: Decimal | None
    """Highest limit that can be ordered for one resource, in the unit of `Resource.limits`.

    Null or 0 without a bound.
    """
    min_value: Decimal | None
    """Lowest limit that can be ordered for one resource, in the unit of `Resource.limits`.

    Null or 0 without a bound.
    """
    max_available_limit: Decimal | None
    """Upper bound of the limits of all the offering's resources together.

    It is in the unit of `Resource.limits`. An order is refused unless its limit and the limits of
    all other resources, terminated ones included, stay below it. Null or 0 without a bound.
    """
    is_boolean: bool
    """Whether the component is an option that is either on (limit 1) or off (limit 0)."""
    default_limit: Decimal | None
    """The limit that order forms should preset, in the unit of `Resource.limits`.

    Null without a preset.
    """
    factor: int | None = computed(find_unit_factor, OFFERING_TYPE, component.type)
    """Divisor that converts a limit into measured units; null is the same as 1.

    It is defined by the offering's plugin. For example, limits of the RAM of an OpenStack tenant
    are in MB and its prices are per GB: the factor is 1024, and the limit 2048 costs two times the
    price. Null if the plugin does not define the component.
    """
    is_builtin: bool = computed(is_plugin_component, OFFERING_TYPE, component.type)
    """Whether the offering's plugin defines the component."""
    is_prepaid: bool | None
    """Whether the component is prepaid; null in older versions of Waldur.

    Prepaid components are paid in advance for a number of months, and can be renewed.
    """
    overage_component: Annotated["Component", strawberry.lazy(__name__)] | None = one(
        component.overage_component_id
    )
    """The component that bills usage above the prepaid limit.

    Null if such usage is not billed, and in older versions of Waldur.
    """
    min_prepaid_duration: int | None
    """Minimum number of months of a new prepaid resource; null without a bound."""
    max_prepaid_duration: int | None
    """Maximum number of months of a new prepaid resource; null without a bound."""
    prepaid_duration_step: int | None
    """Step of the number of months of a new prepaid resource.

    Null if any number of months is allowed.
    """
    min_renewal_duration: int | None
    """Minimum number of months of a renewal; null without a bound."""
    max_renewal_duration: int | None
    """Maximum number of months of a renewal; null without a bound."""
    renewal_duration_step: int | None
    """Step of the number of months of a renewal.

    It is counted from `minRenewalDuration`, or from 0 if that is null. Null if any number of months
    is allowed.
    """
