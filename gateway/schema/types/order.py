"""What is asked of providers: a new resource, a change of one, its end."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import msgspec
import strawberry

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.queries.aggregates import BLOCKING_ORDER_STATES, PRICES_BY_PLAN
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row
from gateway.marketplace.plugins import get_plugin, strip_secret_attributes
from gateway.schema.enums import OrderState, OrderType
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import enum, object_type
from gateway.schema.framework.scalars import JSON, UUID, Date, DateTime, Decimal
from gateway.schema.types.endpoint import build_attachment_url
from gateway.schema.types.offering import Offering
from gateway.schema.types.plan import Plan, format_price
from gateway.schema.types.project import Project
from gateway.schema.types.user import User

if TYPE_CHECKING:
    from gateway.schema.types.resource import Resource

order = tables.order.c
OFFERING_TYPE = ColumnRef(tables.offering.c.type, (order.offering_id,))
PERSON_FIELDS = "id uuid username full_name"
CREATE_TYPE, UPDATE_TYPE = OrderType.CREATE.value, OrderType.UPDATE.value


@enum
class OrderSubtype(Enum):
    """What an order of type UPDATE changes."""

    RENEW = "renew"
    """The end of the resource."""
    UPDATE_LIMITS = "update_limits"
    """The limits of the resource."""
    UPDATE_OPTIONS = "update_options"
    """The options of the resource."""
    PLAN_SWITCH = "plan_switch"
    """The plan of the resource."""


def classify_update(
    order_type: int, attributes_json: str, old_plan_id: int | None
) -> OrderSubtype | None:
    """Say what an order changes; null unless it is an update that can be told (domain.md §2.4)."""
    decoded = msgspec.json.decode(attributes_json)
    if order_type != UPDATE_TYPE:
        return None
    attributes = decoded if isinstance(decoded, dict) else {}
    if attributes.get("action") == "renew":
        return OrderSubtype.RENEW
    if "old_limits" in attributes:
        return OrderSubtype.UPDATE_LIMITS
    if "new_options" in attributes or "old_options" in attributes:
        return OrderSubtype.UPDATE_OPTIONS
    return None if old_plan_id is None else OrderSubtype.PLAN_SWITCH


def choose_completion_time(completed_at: str | None, activated_at: str | None) -> str | None:
    """Give when an order was carried out, under its name of today or of October 2024."""
    return completed_at or activated_at


def restrict_traceback(stored_traceback: str, viewer: Viewer) -> str | None:
    """Show where an order failed to staff and support only (domain.md §3.2)."""
    return stored_traceback if viewer.sees_everything else None


def compute_fixed_price(order_type: int, plan_fixed_price: str | int) -> str:
    """Give what a new resource costs whatever its limits are (domain.md §3.3)."""
    return format_price(plan_fixed_price if order_type == CREATE_TYPE else 0)


def compute_activation_price(
    order_type: int, one_time_price: str | int, switch_price: str | int
) -> str:
    """Give what is paid once the order is carried out (domain.md §3.3)."""
    return format_price({CREATE_TYPE: one_time_price, UPDATE_TYPE: switch_price}.get(order_type, 0))


def can_cancel_order(offering_type: str, state: int) -> bool:
    """Say whether an order can be called off (domain.md §3.3)."""
    return get_plugin(offering_type).can_cancel_orders and state in BLOCKING_ORDER_STATES


@object_type
class Order(Row, Node, tables=(tables.order,)):
    """What somebody asked of a provider: a new resource, a change of one, or its end.

    Whoever sees a resource sees its first order, and the one in progress.
    """

    id: strawberry.ID = node_id("Order", order.uuid)
    """Identifies the order among all nodes."""
    uuid: UUID
    """Identifies the order for good."""
    slug: str | None
    """A short name for addresses; null in older marketplaces."""
    state: OrderState | None
    """Where it is in its life."""
    type: OrderType | None
    """What it asks for."""
    subtype: OrderSubtype | None = computed(
        classify_update, order.type, order.attributes, order.old_plan_id
    )
    """What an update changes; null for other orders."""
    created: DateTime
    """When it was made."""
    modified: DateTime
    """When it last changed."""
    completed_at: DateTime | None = computed(
        choose_completion_time, order.completed_at, order.activated
    )
    """When it was carried out; null if it was not."""
    start_date: Date | None
    """The day it is to be carried out at the earliest; null for at once."""
    cost: Decimal | None
    """What the resource is to cost in a period of its plan; null without a plan."""
    fixed_price: Decimal = computed(
        compute_fixed_price, order.type, AggregateValue(PRICES_BY_PLAN, "fixed", order.plan_id, 0)
    )
    """What a new resource costs in a period whatever its limits are; 0 for other orders."""
    activation_price: Decimal = computed(
        compute_activation_price,
        order.type,
        AggregateValue(PRICES_BY_PLAN, "one", order.plan_id, 0),
        AggregateValue(PRICES_BY_PLAN, "few", order.plan_id, 0),
    )
    """What is paid once, when it is carried out."""
    limits: JSON
    """How much of each component the resource is to have, by the component's type."""
    attributes: JSON = computed(strip_secret_attributes, order.attributes, OFFERING_TYPE)
    """What the order says besides; without secrets."""
    output: str
    """What the backend printed."""
    error_message: str
    """What went wrong; empty if nothing did."""
    error_traceback: str | None = computed(
        restrict_traceback, order.error_traceback, ContextFact.VIEWER
    )
    """Where in the program it went wrong; for staff and support only."""
    request_comment: str | None
    """What was said with it; null if nothing was."""
    attachment: str | None = computed(
        build_attachment_url,
        order.attachment,
        order.uuid,
        ContextFact.MEDIA_URL,
        ContextFact.STORES_ATTACHMENTS,
    )
    """The address of its purchase order, from this server's root if it keeps it; null without one.

    It is there for whoever finds the order among `orders`.
    """
    termination_comment: str | None
    """Why the resource is to end; null if nobody said."""
    backend_id: str
    """What the backend calls it."""
    callback_url: str | None
    """Where a browser goes once it is carried out; null if nobody said."""
    provider_message: str | None
    """What the provider tells those who ordered; null in older marketplaces."""
    consumer_message: str | None
    """What those who ordered tell the provider; null in older marketplaces."""
    consumer_rejection_comment: str | None
    """Why those who pay refused it; null in older marketplaces."""
    provider_rejection_comment: str | None
    """Why the provider refused it; null in older marketplaces."""
    can_terminate: bool = computed(can_cancel_order, OFFERING_TYPE, order.state)
    """Whether it can be called off at present."""
    resource: Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")] | None = one(
        order.resource_id
    )
    """What is made, changed or ended."""
    offering: Offering | None = one(order.offering_id)
    """What it orders from."""
    project: Project | None = one(order.project_id, "id uuid name")
    """Whose resource it is."""
    plan: Plan | None = one(order.plan_id)
    """How the resource is to be paid for; null without a plan."""
    old_plan: Plan | None = one(order.old_plan_id)
    """How it was paid for before a switch; null if the plan stays."""
    created_by: User | None = one(order.created_by_id, f"{PERSON_FIELDS} email")
    """Who made the order."""
    consumer_reviewed_by: User | None = one(order.consumer_reviewed_by_id, PERSON_FIELDS)
    """Who approved or refused it for those who pay; null if nobody did."""
    consumer_reviewed_at: DateTime | None
    """When they did; null if nobody did."""
    provider_reviewed_by: User | None = one(order.provider_reviewed_by_id, PERSON_FIELDS)
    """Who approved or refused it for the provider; null if nobody did."""
    provider_reviewed_at: DateTime | None
    """When they did; null if nobody did."""
