"""Placing and approving orders (domain.md §6.1-6.4).

The states of an order. It passes the pending ones from left to right, and waits in the first
whose condition holds; `approval` has the conditions:

    PENDING_CONSUMER ─> PENDING_PROJECT ─> PENDING_PROVIDER ─> PENDING_START_DATE ─> EXECUTING
    the consumer        the project        the provider        the order has a        │
    reviews it          has not started    reviews it          later start date       ├─> DONE
                                                                                      └─> ERRED

`place_order` and the approvals of both sides continue it by `continue_order`. An order whose
creation needs no review starts at once, whatever its start date. Tasks of Waldur, in a demo its
provider, continue orders from PENDING_PROJECT and PENDING_START_DATE. The side that an order waits
for can reject it (REJECTED); in the states of `VersionRules.cancelable_order_states` it can be
cancelled (CANCELED). `fulfil` has what happens to the resource at the end.
"""

from dataclasses import dataclass, field

from gateway.db.tables.codes import (
    STATES_KEPT_BY_ORDERS,
    OrderState,
    OrderType,
    ResourceState,
)
from gateway.marketplace.event_log import log_event, log_order_event
from gateway.marketplace.orders.approval import (
    OrderProgress,
    find_consumer_reviewer,
    find_next_state,
)
from gateway.marketplace.problems import (
    InvalidInput,
    check_text_length,
    combine_invalid_fields,
)
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import OrderRow, ResourceRow
from gateway.marketplace.side_effects import add_quota, update_resource
from gateway.marketplace.table_row import ColumnValues, JsonObject
from gateway.marketplace.unit_of_work import UnitOfWork

_STATES_WHILE_OPEN = {
    OrderType.UPDATE: ResourceState.UPDATING,
    OrderType.TERMINATE: ResourceState.TERMINATING,
}
"""State of a resource while an order of this type is open."""
MAX_COMMENT_LENGTH = 255
"""Maximum number of characters in a comment on an order."""


@dataclass(kw_only=True)
class OrderRequest:
    """Values of an order to be placed."""

    attributes: JsonObject
    limits: JsonObject
    cost: str | None
    request_comment: str | None = None
    attachment: str | None = None
    """Path of the stored file; None without a file."""
    type: OrderType = field(default=OrderType.UPDATE)
    new_plan_id: int | None = None
    """Plan to switch to; None keeps the resource's plan."""
    start_date: str | None = None
    """Day before which the order is not carried out if it has to be reviewed; None for any day."""


def check_request_comment(comment: str | None) -> InvalidInput | None:
    """Return the problem of a comment that is too long; None if it is valid."""
    long_comment = check_text_length("requestComment", comment, MAX_COMMENT_LENGTH)
    return None if long_comment is None else combine_invalid_fields(long_comment)


async def place_order(
    unit_of_work: UnitOfWork,
    facts: ResourceFacts,
    resource: ResourceRow,
    order_request: OrderRequest,
) -> int:
    """Place an order for a resource and return its key.

    The order is approved on the consumer's side at once if the viewer needs no other approval.
    """
    order_id = await _insert_order(unit_of_work, resource, order_request)
    await add_quota(
        unit_of_work, "order_count", ("marketplace", "offering"), resource.offering_id, 1
    )
    after = resource
    if order_request.type in _STATES_WHILE_OPEN and resource.state not in STATES_KEPT_BY_ORDERS:
        state = _STATES_WHILE_OPEN[order_request.type]
        after = await update_resource(
            unit_of_work, resource, ColumnValues(ResourceRow, state=state)
        )
    await _log_request(unit_of_work, order_request.type, after)
    await _skip_consumer_review(unit_of_work, facts, after, order_id)
    return order_id


async def _skip_consumer_review(
    unit_of_work: UnitOfWork, facts: ResourceFacts, resource: ResourceRow, order_id: int
) -> None:
    """Approve a new order on the consumer's side if no review is needed."""
    order = await unit_of_work.load_row(OrderRow, order_id)
    reviewer_id = await find_consumer_reviewer(unit_of_work, facts, resource, order)
    if reviewer_id is not None:
        review = build_consumer_review(unit_of_work, reviewer_id)
        await continue_order(unit_of_work, facts, order, review, is_new=True)


_REQUESTS = {
    OrderType.UPDATE: ("update_requested", "update"),
    OrderType.TERMINATE: ("terminate_requested", "deletion"),
}
"""Ends of the types of logged events, and words in their messages, by type of the order."""


async def _log_request(
    unit_of_work: UnitOfWork, order_type: OrderType, resource: ResourceRow
) -> None:
    """Log that an order was placed, if the installation's version does so (domain.md §7.1)."""
    logs_requests = unit_of_work.installation.version_rules.logs_update_steps
    if logs_requests and order_type in _REQUESTS:
        name, noun = _REQUESTS[order_type]
        message = f"Resource {resource.name} {noun} has been requested."
        await log_event(unit_of_work, f"marketplace_resource_{name}", resource, message)


async def _insert_order(
    unit_of_work: UnitOfWork, resource: ResourceRow, order_request: OrderRequest
) -> int:
    plan_id, old_plan_id = _get_plans(resource, order_request)
    return await unit_of_work.insert_row(
        OrderRow,
        state=OrderState.PENDING_CONSUMER,
        type=order_request.type,
        slug=f"order-{resource.id}-{order_request.type.value}",
        resource_id=resource.id,
        offering_id=resource.offering_id,
        project_id=resource.project_id,
        plan_id=plan_id,
        old_plan_id=old_plan_id,
        attributes=order_request.attributes,
        limits=order_request.limits,
        cost=order_request.cost,
        created_by_id=unit_of_work.requester_id,
        request_comment=order_request.request_comment,
        attachment=order_request.attachment,
        start_date=order_request.start_date,
    )


def _get_plans(resource: ResourceRow, order_request: OrderRequest) -> tuple[int | None, int | None]:
    """Return the plan after the order, and the one that it replaces."""
    if order_request.type is OrderType.TERMINATE:
        return None, None
    if order_request.new_plan_id is None:
        return resource.plan_id, None
    return order_request.new_plan_id, resource.plan_id


async def continue_order(
    unit_of_work: UnitOfWork,
    facts: ResourceFacts,
    order: OrderRow,
    review: ColumnValues[OrderRow],
    *,
    is_new: bool = False,
) -> None:
    """Store the approval of a pending order and move it to its next state.

    `is_new` is whether the order is just being placed.
    """
    progress = OrderProgress(unit_of_work, facts, review.apply_to(order), is_new)
    state = await find_next_state(progress)
    changes = ColumnValues(OrderRow, state=state) | review
    await unit_of_work.update_columns(order.id, changes)
    if state is OrderState.EXECUTING:
        await _log_approval(unit_of_work, order)


def build_consumer_review(
    unit_of_work: UnitOfWork, reviewer_id: int | None
) -> ColumnValues[OrderRow]:
    """Return the columns of a review on the consumer's side, now."""
    return ColumnValues(
        OrderRow,
        consumer_reviewed_by_id=reviewer_id,
        consumer_reviewed_at=unit_of_work.now_text,
    )


def build_provider_review(
    unit_of_work: UnitOfWork, reviewer_id: int | None
) -> ColumnValues[OrderRow]:
    """Return the columns of a review on the provider's side, now."""
    return ColumnValues(
        OrderRow,
        provider_reviewed_by_id=reviewer_id,
        provider_reviewed_at=unit_of_work.now_text,
    )


async def _log_approval(unit_of_work: UnitOfWork, order: OrderRow) -> None:
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    await log_order_event(unit_of_work, order, resource, OrderState.EXECUTING)


async def finish_order(
    unit_of_work: UnitOfWork,
    order: OrderRow,
    state: OrderState,
    values: ColumnValues[OrderRow],
) -> None:
    """Set the final state of an order, when it ended, and other columns, and log it."""
    changes = ColumnValues(OrderRow, state=state) | values
    if state is OrderState.DONE or unit_of_work.installation.version_rules.dates_every_end:
        changes |= ColumnValues(OrderRow, completed_at=unit_of_work.now_text)
    await unit_of_work.update_columns(order.id, changes)
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    await log_order_event(unit_of_work, order, resource, state)
