"""Switching the plan of a resource by an order (domain.md §5.10, rules.md §1)."""

from gateway.marketplace.billing.plan_cost import estimate_update_cost
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.orders.orderable_plan import find_orderable_plan
from gateway.marketplace.orders.place import OrderRequest, place_order
from gateway.marketplace.problems import InvalidInput, build_invalid_input, raise_problem
from gateway.marketplace.rows import PlanRow, ResourceRow
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


async def order_plan_switch(
    unit_of_work: UnitOfWork, uuid: str, plan: str, if_modified: str | None
) -> ChangeResult:
    """Place an order to switch a resource to another plan of its offering."""
    facts = await unit_of_work.lock_resource(
        uuid, ResourceOperation.SWITCH_RESOURCE_PLAN, if_modified
    )
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    new_plan = await find_orderable_plan(unit_of_work, facts.offering_id, plan)
    raise_problem(await _check_billing_period(unit_of_work, resource, new_plan))
    updated = ColumnValues(ResourceRow, plan_id=new_plan.id).apply_to(resource)
    order_request = OrderRequest(
        attributes={},
        limits=resource.limits,
        cost=await estimate_update_cost(unit_of_work, updated),
        new_plan_id=new_plan.id,
    )
    return ChangeResult(facts.id, await place_order(unit_of_work, facts, resource, order_request))


async def _check_billing_period(
    unit_of_work: UnitOfWork, resource: ResourceRow, new_plan: PlanRow
) -> InvalidInput | None:
    """Return a problem if the plan's billing period has to stay and does not."""
    version_rules = unit_of_work.installation.version_rules
    if not version_rules.plan_switch_keeps_unit or resource.plan_id is None:
        return None
    old_plan = await unit_of_work.load_row(PlanRow, resource.plan_id)
    if new_plan.unit == old_plan.unit:
        return None
    message = f"must have the current plan's unit, {old_plan.unit}, but has {new_plan.unit}."
    return build_invalid_input("plan", message=message)
