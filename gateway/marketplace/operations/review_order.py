"""Approving, rejecting and cancelling orders (domain.md §4.11, §6.3, §6.4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from gateway.db.access.token_scopes import RoleScope
from gateway.db.access.viewer import Viewer
from gateway.db.tables.codes import OrderState
from gateway.marketplace.orders.approval import needs_purchase_order
from gateway.marketplace.orders.fulfil import withdraw_order
from gateway.marketplace.orders.order_access import (
    load_order_facts,
    lock_order,
    require_order_permission,
)
from gateway.marketplace.orders.place import (
    build_consumer_review,
    build_provider_review,
    continue_order,
)
from gateway.marketplace.preconditions import (
    CUSTOMER_PRECONDITIONS,
    CurrentRules,
    Precondition,
    find_first_problem,
    lacks_capability,
    require_running_project,
)
from gateway.marketplace.problems import (
    NotPossible,
    Problem,
    Reason,
    raise_problem,
)
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import OfferingRow, OrderRow, ProjectRow
from gateway.marketplace.states import check_state
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import (
    ChangeResult,
    UnitOfWork,
    check_unmodified,
)


@dataclass(frozen=True, eq=False)
class ReviewSide:
    """Consumer or provider: when and by which rules it reviews orders."""

    pending_state: OrderState
    """The state in which an order waits for this side."""
    approval_preconditions: Sequence[Precondition]
    build_review: Callable[[UnitOfWork, int | None], ColumnValues[OrderRow]]
    build_comment: Callable[[str], ColumnValues[OrderRow]]
    """Function that returns the column of the reason for a rejection."""


def _require_project_of_provider_approval(
    viewer: Viewer, facts: ResourceFacts, current: CurrentRules
) -> Problem | None:
    """Return a problem if the provider can't approve because the project has ended."""
    if not current.version_rules.checks_project_of_provider_approvals:
        return None
    return require_running_project(viewer, facts, current)


CONSUMER_SIDE = ReviewSide(
    OrderState.PENDING_CONSUMER,
    (*CUSTOMER_PRECONDITIONS, require_running_project),
    build_consumer_review,
    lambda comment: ColumnValues(OrderRow, consumer_rejection_comment=comment),
)
PROVIDER_SIDE = ReviewSide(
    OrderState.PENDING_PROVIDER,
    (*CUSTOMER_PRECONDITIONS, _require_project_of_provider_approval),
    build_provider_review,
    lambda comment: ColumnValues(OrderRow, provider_rejection_comment=comment),
)


class LockedOrder(NamedTuple):
    """Order that is locked until the end of the transaction, with the scopes of roles on it."""

    order: OrderRow
    facts: ResourceFacts
    scopes: Mapping[ReviewSide, Sequence[RoleScope]]


async def approve_pending_order(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Approve an order on the side, consumer or provider, for which it waits."""
    locked_order = await _lock_order(unit_of_work, uuid)
    order, facts, _ = locked_order
    sides = _list_permitted_sides(unit_of_work, locked_order, "ORDER.APPROVE")
    side = _select_side(unit_of_work, locked_order, sides, "ORDER.APPROVE", if_modified)
    _check_rules(unit_of_work, facts, side.approval_preconditions)
    if side is CONSUMER_SIDE:
        _require_purchase_order(unit_of_work, locked_order)
    review = side.build_review(unit_of_work, unit_of_work.actor_id)
    await continue_order(unit_of_work, facts, order, review)
    return ChangeResult(order.resource_id, order.id)


async def reject_pending_order(
    unit_of_work: UnitOfWork, uuid: str, comment: str | None, if_modified: str | None
) -> ChangeResult:
    """Reject an order on the side, consumer or provider, for which it waits."""
    locked_order = await _lock_order(unit_of_work, uuid)
    order, facts, _ = locked_order
    sides = _list_permitted_sides(unit_of_work, locked_order, "ORDER.REJECT")
    if order.created_by_id == unit_of_work.actor_id:
        sides = [CONSUMER_SIDE, *sides]
    side = _select_side(unit_of_work, locked_order, sides, "ORDER.REJECT", if_modified)
    if unit_of_work.installation.version_rules.checks_customer_of_rejections:
        _check_rules(unit_of_work, facts, CUSTOMER_PRECONDITIONS)
    review = side.build_review(unit_of_work, unit_of_work.actor_id)
    rejection = review | side.build_comment(comment or "")
    await withdraw_order(unit_of_work, order, OrderState.REJECTED, rejection)
    return ChangeResult(order.resource_id, order.id)


async def cancel_open_order(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Cancel an unfinished order."""
    order, facts, scopes = await _lock_order(unit_of_work, uuid)
    require_order_permission(
        unit_of_work.viewer,
        "ORDER.CANCEL",
        scopes[CONSUMER_SIDE],
        "the project or its organisation",
    )
    check_unmodified(order.modified, if_modified)
    cancelable_states = unit_of_work.installation.version_rules.cancelable_order_states
    raise_problem(check_state(OrderState, order.state.value, cancelable_states, "order"))
    if lacks_capability(facts, unit_of_work.current_rules, "can_cancel_orders"):
        message = "The offering's plugin does not support cancelling orders."
        raise_problem(NotPossible(message=message, reason=Reason.ORDERS_FIXED))
    await withdraw_order(unit_of_work, order, OrderState.CANCELED, ColumnValues(OrderRow))
    return ChangeResult(order.resource_id, order.id)


def _list_permitted_sides(
    unit_of_work: UnitOfWork, locked_order: LockedOrder, permission: str
) -> list[ReviewSide]:
    """Return the sides on which the viewer has a permission."""
    return [
        side
        for side, scopes in locked_order.scopes.items()
        if unit_of_work.viewer.has_permission(permission, *scopes)
    ]


def _select_side(
    unit_of_work: UnitOfWork,
    locked_order: LockedOrder,
    sides: Sequence[ReviewSide],
    permission: str,
    if_modified: str | None,
) -> ReviewSide:
    """Return the side, of those that the viewer may act for, for which an order waits.

    Raises ChangeRefusedError if there is none, or if the order was changed after `if_modified`.
    """
    order, _, scopes = locked_order
    if not sides:
        require_order_permission(
            unit_of_work.viewer,
            permission,
            [*chain.from_iterable(scopes.values())],
            "the project, its organisation or the provider",
        )
    check_unmodified(order.modified, if_modified)
    pending_states = list(dict.fromkeys(each.pending_state for each in sides))
    raise_problem(check_state(OrderState, order.state.value, pending_states, "order"))
    return next(each for each in sides if each.pending_state is order.state)


def _check_rules(
    unit_of_work: UnitOfWork, facts: ResourceFacts, preconditions: Sequence[Precondition]
) -> None:
    raise_problem(
        find_first_problem(preconditions, unit_of_work.viewer, facts, unit_of_work.current_rules)
    )


def _require_purchase_order(unit_of_work: UnitOfWork, locked_order: LockedOrder) -> None:
    order, facts, _ = locked_order
    if needs_purchase_order(facts, order, unit_of_work.installation.version_rules):
        message = "The offering requires a purchase order, and none is attached to the order."
        raise_problem(NotPossible(message=message, reason=Reason.PURCHASE_ORDER_REQUIRED))


async def _lock_order(unit_of_work: UnitOfWork, uuid: str) -> LockedOrder:
    order = await lock_order(unit_of_work, uuid)
    project = await unit_of_work.load_row(ProjectRow, order.project_id)
    offering = await unit_of_work.load_row(OfferingRow, order.offering_id)
    return LockedOrder(
        order,
        await load_order_facts(unit_of_work, order),
        {
            CONSUMER_SIDE: (("project", project.id), ("customer", project.customer_id)),
            PROVIDER_SIDE: (("customer", offering.customer_id),),
        },
    )
