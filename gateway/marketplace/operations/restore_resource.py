"""Restoring a terminated resource by an order (domain.md §5.12, rules.md §1)."""

from gateway.db.tables.codes import OrderType, ResourceState
from gateway.marketplace.billing.plan_cost import estimate_plan_cost
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.orders.place import OrderRequest, place_order
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.side_effects import update_resource
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


async def order_restoration(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Place an order to create a terminated resource again as it was."""
    facts = await unit_of_work.lock_resource(uuid, ResourceOperation.RESTORE_RESOURCE, if_modified)
    terminated = await unit_of_work.load_row(ResourceRow, facts.id)
    resource = await update_resource(
        unit_of_work, terminated, ColumnValues(ResourceRow, state=ResourceState.CREATING)
    )
    order_request = OrderRequest(
        type=OrderType.RESTORE,
        attributes=resource.attributes,
        limits=resource.limits,
        cost=await estimate_plan_cost(unit_of_work, resource),
    )
    return ChangeResult(facts.id, await place_order(unit_of_work, facts, resource, order_request))
