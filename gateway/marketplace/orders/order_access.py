"""Access of operations to an order: lock, facts and permissions (domain.md §4.11)."""

from collections.abc import Sequence

from gateway.db import tables
from gateway.db.access.token_scopes import RoleScope
from gateway.db.access.viewer import Viewer
from gateway.marketplace.preconditions import build_permission_problem
from gateway.marketplace.problems import ChangeRefusedError, raise_problem
from gateway.marketplace.resource_facts import ResourceFacts, load_resource_facts
from gateway.marketplace.rows import OrderKeyRow, OrderRow
from gateway.marketplace.unit_of_work import UnitOfWork, build_not_found


async def lock_order(unit_of_work: UnitOfWork, uuid: str) -> OrderRow:
    """Lock an order and its resource until the end of the transaction and return the order.

    Raises ChangeRefusedError if the viewer can't see the order.
    """
    order_id = await unit_of_work.find_visible_id(tables.order, uuid)
    if unit_of_work.writer.takes_locks:
        snapshot = await unit_of_work.load_row(OrderKeyRow, order_id)
        await unit_of_work.writer.lock_rows(tables.resource, snapshot.resource_id)
        await unit_of_work.writer.lock_rows(tables.order, order_id)
        await unit_of_work.find_visible_id(tables.order, uuid)
    order = unit_of_work.locked_order = await unit_of_work.load_row(OrderRow, order_id)
    return order


async def load_order_facts(unit_of_work: UnitOfWork, order: OrderRow) -> ResourceFacts:
    """Return the facts of an order's resource, even if the viewer can't see the resource."""
    facts = await load_resource_facts(unit_of_work.unrestricted_loader, order.resource_id)
    if facts is None:
        raise ChangeRefusedError(build_not_found("resource"))
    return facts


def require_order_permission(
    viewer: Viewer, permission: str, scopes: Sequence[RoleScope], scope_text: str
) -> None:
    """Raise ChangeRefusedError unless the viewer has a permission on one of the scopes.

    `scope_text` names the scopes.
    """
    if not viewer.has_permission(permission, *scopes):
        message = f"This operation needs a role with {permission} on {scope_text}."
        raise_problem(build_permission_problem(viewer, (permission,), scopes, message))
