"""Orders: requests to create, change or terminate a resource."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.installation.version_rules import VersionRules
from gateway.db.queries.aggregates import PRICES_BY_PLAN
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row
from gateway.exact_json import decode_members
from gateway.marketplace.plugins import get_plugin, strip_secret_attributes
from gateway.schema.enums import BillingType, OrderState, OrderType
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


@enum
class OrderSubtype(Enum):
    """The kind of change that an order of type `UPDATE` requests."""

    RENEW = "renew"
    """The order renews a prepaid resource: a later end date, perhaps other limits."""
    UPDATE_LIMITS = "update_limits"
    """The order changes limits."""
    UPDATE_OPTIONS = "update_options"
    """The order changes values of the resource's options."""
    PLAN_SWITCH = "plan_switch"
    """The order changes the plan."""


def classify_update(
    order_type: int, attributes_json: str, old_plan_id: int | None
) -> OrderSubtype | None:
    """Return the subtype of an update order (domain.md §2.4).

    None for other orders, and for updates of an unknown kind.
    """
    if order_type != OrderType.UPDATE:
        return None
    attributes = decode_members(attributes_json) or {}
    if "action" in attributes and bytes(attributes["action"]) == b'"renew"':
        return OrderSubtype.RENEW
    if "old_limits" in attributes:
        return OrderSubtype.UPDATE_LIMITS
    if "new_options" in attributes or "old_options" in attributes:
        return OrderSubtype.UPDATE_OPTIONS
    return None if old_plan_id is None else OrderSubtype.PLAN_SWITCH


def choose_completion_time(completed_at: str | None, activated_at: str | None) -> str | None:
    """Return the time of completion, whose column was `activated` in October 2024."""
    return completed_at or activated_at


def restrict_traceback(stored_traceback: str, viewer: Viewer) -> str | None:
    """Return an order's traceback for staff and support, None for others (domain.md §3.2)."""
    return stored_traceback if viewer.sees_everything else None


def compute_fixed_price(order_type: int, plan_fixed_price: str | int) -> str:
    """Return the fixed price of a create order, 0 for others (domain.md §3.3)."""
    return format_price(plan_fixed_price if order_type == OrderType.CREATE else 0)


def compute_activation_price(
    order_type: int, one_time_price: str | int, switch_price: str | int
) -> str:
    """Return the one-time price of an order (domain.md §3.3).

    That is the sum of the `one` components for a create order, of the `few` components for an
    update, and 0 for others.
    """
    prices: dict[int, str | int] = {
        OrderType.CREATE: one_time_price,
        OrderType.UPDATE: switch_price,
    }
    return format_price(prices.get(order_type, 0))


def can_cancel_order(version_rules: VersionRules, offering_type: str, state: int) -> bool:
    """Return whether an order's type of offering and state allow cancelling (domain.md §3.3)."""
    is_cancelable = state in version_rules.cancelable_order_states
    return is_cancelable and get_plugin(offering_type).can_cancel_orders


@object_type
class Order(Row, Node, tables=(tables.order,)):
    """A request to create, change, terminate or restore a resource.

    `Query.orders` contains the orders that the viewer may list as a consumer (on the project or its
    organisation) or as a provider. `Resource.creationOrder` and `Resource.orderInProgress` are
    visible to all who see the resource, even if `Query.order` returns null for them.
    """

    id: strawberry.ID = node_id("Order", order.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the order."""
    slug: str | None
    """Short name for URLs; not unique, may be empty. Null in older versions of Waldur."""
    state: OrderState | None
    """State of the order; null if this version of the API does not know the value."""
    type: OrderType | None
    """What the order requests; null if this version of the API does not know the value."""
    subtype: OrderSubtype | None = computed(
        classify_update, order.type, order.attributes, order.old_plan_id
    )
    """The kind of change that an `UPDATE` order requests.

    Null for other types, and for updates of another kind.
    """
    created: DateTime
    """Time at which the order was placed."""
    modified: DateTime
    """Time of the last change."""
    completed_at: DateTime | None = computed(
        choose_completion_time, order.completed_at, order.activated
    )
    """Time at which the order became `DONE`; null if it did not.

    Waldur of 2026 also sets it for orders that became `ERRED`, `CANCELED` or `REJECTED`.
    """
    start_date: Date | None
    """The earliest date on which the order is carried out.

    Null without such a restriction, and in older versions of Waldur.
    """
    cost: Decimal | None
    """Estimated cost of the order, at the time when it was placed.

    For `CREATE` it is the price of the resource per plan period and `activationPrice`; for `UPDATE`
    the price per plan period with the new plan and limits, and `activationPrice`; for a renewal the
    price of the prepaid components for all its months, and nothing else; for an update of options
    that was placed by this API `Resource.cost`; for `RESTORE` the price per plan period. Null for
    `TERMINATE`, and without a plan.
    """
    fixed_price: Decimal = computed(
        compute_fixed_price,
        order.type,
        AggregateValue(PRICES_BY_PLAN, BillingType.FIXED, order.plan_id, 0),
    )
    """Price of the plan's fixed components per plan period.

    It is 0 for all orders but those of type `CREATE`.
    """
    activation_price: Decimal = computed(
        compute_activation_price,
        order.type,
        AggregateValue(PRICES_BY_PLAN, BillingType.ONE, order.plan_id, 0),
        AggregateValue(PRICES_BY_PLAN, BillingType.FEW, order.plan_id, 0),
    )
    """One-time price of carrying the order out.

    It is the plan's `initPrice` for an order of type `CREATE`, its `switchPrice` for an `UPDATE`,
    and 0 for others.
    """
    limits: JSON
    """The limits that the resource has after the order, by `Component.type`.

    An object of numbers such as `{"cores": 4, "ram": 8192}`, in the unit of `Resource.limits`. It
    may be empty for orders that don't change limits.
    """
    attributes: JSON = computed(strip_secret_attributes, order.attributes, OFFERING_TYPE)
    """The attributes of the order, an object without secrets.

    It has the values of the order form and, for an update, old and new values such as `old_limits`
    or `new_options`, with snake_case keys.
    """
    output: str
    """Output of the backend while it carried the order out; may be empty."""
    error_message: str
    """Error message of a failed order; empty without an error."""
    error_traceback: str | None = computed(
        restrict_traceback, order.error_traceback, ContextFact.VIEWER
    )
    """Traceback of a failed order; empty without an error.

    Visible to staff and support only: null for other viewers.
    """
    request_comment: str | None
    """Comment of the user who placed the order; may be empty. Null without one."""
    attachment: str | None = computed(
        build_attachment_url,
        order.attachment,
        order.uuid,
        ContextFact.MEDIA_URL,
        ContextFact.ATTACHMENT_ROOT_PATH,
    )
    """URL of the purchase order (PDF); null without one.

    It is a path on this server if this API stored the file. Viewers who see the order in
    `Query.orders` can download it.
    """
    termination_comment: str | None
    """Comment on the termination of the resource; may be empty. Null without one."""
    backend_id: str
    """Identifier of the order in the provider's backend; may be empty."""
    callback_url: str | None
    """URL to which a portal redirects when the order is completed; null without one."""
    provider_message: str | None
    """Message from the provider to the consumer; may be empty. Null in older versions of Waldur."""
    consumer_message: str | None
    """Message from the consumer to the provider; may be empty. Null in older versions of Waldur."""
    consumer_rejection_comment: str | None
    """Why the consumer rejected the order; may be empty.

    Null in older versions of Waldur.
    """
    provider_rejection_comment: str | None
    """Why the provider rejected the order; may be empty.

    Null in older versions of Waldur.
    """
    can_terminate: bool = computed(
        can_cancel_order, ContextFact.VERSION_RULES, OFFERING_TYPE, order.state
    )
    """Whether `cancelOrder` is possible (the name is that of the REST API).

    True if the offering's plugin supports cancelling and the order is `PENDING_CONSUMER`,
    `PENDING_PROVIDER` or `EXECUTING` or, in the newest Waldur, `PENDING_START_DATE`; the viewer's
    permission is not considered.
    """
    resource: Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")] | None = one(
        order.resource_id
    )
    """The resource that the order creates, changes, terminates or restores.

    It has only `id`, `uuid` and `name` if the viewer does not see it. Null only if its record was
    deleted meanwhile.
    """
    offering: Offering | None = one(order.offering_id)
    """The offering of the order; null only if its record was deleted meanwhile."""
    project: Project | None = one(order.project_id, "id uuid name")
    """The project that the resource belongs to.

    It has only `id`, `uuid` and `name` if the viewer does not see it. Null only if its record was
    deleted meanwhile.
    """
    plan: Plan | None = one(order.plan_id)
    """The plan of the resource when the order is done; null without a plan."""
    old_plan: Plan | None = one(order.old_plan_id)
    """The plan before a plan switch; null for other orders."""
    created_by: User | None = one(order.created_by_id, f"{PERSON_FIELDS} email")
    """The user who placed the order; null if it was placed by the marketplace itself."""
    consumer_reviewed_by: User | None = one(order.consumer_reviewed_by_id, PERSON_FIELDS)
    """The user who approved or rejected the order for the consumer.

    Null if there was no such review yet.
    """
    consumer_reviewed_at: DateTime | None
    """Time of the consumer's review; null if there was none yet."""
    provider_reviewed_by: User | None = one(order.provider_reviewed_by_id, PERSON_FIELDS)
    """The user who approved or rejected the order for the provider.

    Null if there was no such review yet.
    """
    provider_reviewed_at: DateTime | None
    """Time of the provider's review; null if there was none yet."""
