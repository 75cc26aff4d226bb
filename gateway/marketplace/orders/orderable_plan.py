"""Plans that a resource of an offering can be ordered with (rules.md §1, §3)."""

from uuid import UUID

from gateway.db import tables
from gateway.db.queries.aggregates import RESOURCE_COUNTS_BY_PLAN
from gateway.db.query_spec import Access, ColumnRef, QuerySpec
from gateway.db.sql.aggregate import AggregateValue
from gateway.marketplace.eligibility import has_plan_capacity
from gateway.marketplace.problems import ChangeRefusedError, build_invalid_input, raise_problem
from gateway.marketplace.resource_facts import load_aggregate_value
from gateway.marketplace.rows import PlanRow
from gateway.marketplace.unit_of_work import UnitOfWork

_plan = tables.plan.c
_PLAN_QUERY_SPEC = QuerySpec(
    tables.plan,
    (ColumnRef(_plan.id), ColumnRef(_plan.uuid)),
    Access.INHERITED,
    ColumnRef(_plan.offering_id),
)
_LIVE_RESOURCES = AggregateValue(RESOURCE_COUNTS_BY_PLAN, "live", _plan.id, 0)


async def find_orderable_plan(
    unit_of_work: UnitOfWork, offering_id: int, plan_uuid: str
) -> PlanRow:
    """Return a plan of an offering that another resource can have.

    A plan with a maximum number of resources is locked until the end of the transaction. Raises
    ChangeRefusedError if the viewer can't see such a plan of the offering, if it is archived, or
    if its maximum is reached.
    """
    plan = await _find_plan(unit_of_work, offering_id, plan_uuid)
    if plan.archived:
        raise_problem(build_invalid_input("plan", message="must not be archived: choose another."))
    if plan.max_amount is not None:
        await unit_of_work.writer.lock_rows(tables.plan, plan.id)
    live_resources = await load_aggregate_value(unit_of_work.loader, _LIVE_RESOURCES, plan.id)
    if not has_plan_capacity(plan.max_amount, live_resources):
        message = f"can have at most {plan.max_amount} resources, and has {live_resources}."
        raise_problem(build_invalid_input("plan", message=message))
    return plan


async def _find_plan(unit_of_work: UnitOfWork, offering_id: int, plan_uuid: str) -> PlanRow:
    for _, plan_id, uuid in await unit_of_work.loader.load_rows(_PLAN_QUERY_SPEC, offering_id):
        if UUID(uuid) == UUID(plan_uuid):
            return await unit_of_work.load_row(PlanRow, plan_id)
    message = "must be the uuid of a plan of the offering that the viewer can see."
    raise ChangeRefusedError(build_invalid_input("plan", message=message))
