"""Each mutation of one object, repeated with inputs that are accepted and change something.

Tests record what the later runs of a case do. A case yields its inputs one after the other, and
resets the demo after each run.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias
from uuid import uuid4

from tests.support.bulk_orders import ORDERABLE_SQL
from tests.support.demo_with_provider import DemoWithProvider, find_renewable_resource
from tests.support.mutable_demo import FINISH_ORDERS_SQL

REPETITIONS = 4
InputValues: TypeAlias = dict[str, Any]
InputIterator: TypeAlias = AsyncIterator[InputValues]
EXECUTING, ERRED, PENDING_PROVIDER = 2, 4, 7
"""Stored states of orders."""
OK, FAILED, TERMINATED = 2, 3, 6
"""Stored states of resources."""
SET_STATE_SQL = "update marketplace_resource set state = %s where id = %s"
TARGET_PROJECTS_SQL = """
select p.uuid from structure_project p join structure_customer c on c.id = p.customer_id
where not p.is_removed and not c.blocked and not c.archived and p.id not in (
    select project_id from marketplace_resource where id = %s
) order by p.id limit 2
"""
OTHER_PLANS_SQL = """
select p.uuid from marketplace_plan p join marketplace_resource r on r.offering_id = p.offering_id
where r.id = %s and not p.archived order by p.id = r.plan_id, p.id limit 2
"""
SET_ORDER_STATE_SQL = "update marketplace_order set state = %s where uuid = %s"
REALLOCATION_CONDITION = (
    "o.name = 'Project file shares' and (r.limits ->> 'capacity')::int between 20 and 1000"
)
SHARES_CONDITION = "o.name = 'Project file shares' and r.limits ? 'capacity'"
NO_HISTORY_CONDITION = "not r.attributes ? 'renewal_history'"
RESTORABLE_CONDITION = "(o.plugin_options ->> 'can_restore_resource')::boolean"
OPTION_ORDERS_CONDITION = "o.plugin_options ? 'create_orders_on_resource_option_change'"


class MutationCase(NamedTuple):
    """A mutation, and the inputs of its runs."""

    field: str
    iter_inputs: Callable[[DemoWithProvider], InputIterator]
    """Yields the input of each run; goes on when that is complete."""


def _repeat_values(
    field: str,
    values: Mapping[str, Any] | None = None,
    condition: str = "true",
    state: int = OK,
) -> MutationCase:
    """Return the case of a mutation of one resource, which matches and is in a state.

    In `values`, "#" is the number of the run, "odd" whether it is odd, and "unique" a new text.
    """

    async def iter_inputs(demo: DemoWithProvider) -> InputIterator:
        operation = re.sub("([A-Z])", r"_\1", field).upper()
        uuid, resource_id = await _find_resource(demo, operation, condition, state)
        template = json.dumps(values or {})
        for number in range(1, REPETITIONS + 1):
            text = template.replace('"#"', str(number)).replace("#", str(number))
            text = text.replace('"odd"', json.dumps(number % 2 == 1)).replace("unique", uuid4().hex)
            yield {"uuid": uuid, **json.loads(text)}
            _reset_resource(demo, resource_id, state)

    return MutationCase(field, iter_inputs)


async def _find_resource(
    demo: DemoWithProvider, operation: str, condition: str, state: int = OK
) -> tuple[str, int]:
    """Return the UUID and key of a resource that matches and allows staff an operation."""
    condition = f"r.state = {state} and {condition}"
    uuid = (await demo.find_operable_resources(operation, condition=condition))[0]
    return uuid, int(demo.load_resource_row(uuid)["id"])


def _reset_resource(demo: DemoWithProvider, resource_id: int, state: int = OK) -> None:
    """Finish the orders of a resource and set its state."""
    demo.run_sql(FINISH_ORDERS_SQL, resource_id)
    demo.run_sql(SET_STATE_SQL, state, resource_id)


async def _repeat_moves(demo: DemoWithProvider) -> InputIterator:
    """Yield inputs that move a resource between two projects."""
    uuid, resource_id = await _find_resource(demo, "MOVE_RESOURCE", "true")
    projects = [each.hex for (each,) in demo.run_sql(TARGET_PROJECTS_SQL, resource_id)]
    for number in range(REPETITIONS):
        yield {"uuid": uuid, "project": projects[number % 2]}


async def _repeat_plan_switches(demo: DemoWithProvider) -> InputIterator:
    """Yield inputs that switch a resource between two plans; no order waits for a review."""
    condition = "o.type = 'OpenStack.Tenant'"
    uuid, resource_id = await _find_resource(demo, "SWITCH_RESOURCE_PLAN", condition)
    plans = [each.hex for (each,) in demo.run_sql(OTHER_PLANS_SQL, resource_id)]
    for number in range(REPETITIONS):
        yield {"uuid": uuid, "plan": plans[number % 2]}
        _reset_resource(demo, resource_id)


async def _repeat_reallocations(demo: DemoWithProvider, target_count: int) -> InputIterator:
    """Yield inputs that move limits from a resource to others."""
    condition = f"r.state = 2 and {REALLOCATION_CONDITION}"
    uuids = await demo.find_operable_resources("REALLOCATE_RESOURCE_LIMITS", condition=condition)
    uuids = uuids[: target_count + 1]
    for _ in range(REPETITIONS):
        targets = [{"resource": each, "limits": {"capacity": 1}} for each in uuids[1:]]
        yield {"uuid": uuids[0], "limits": {"capacity": target_count}, "targets": targets}
        for each in uuids:
            _reset_resource(demo, demo.load_resource_row(each)["id"])


async def _repeat_deletions(demo: DemoWithProvider) -> InputIterator:
    """Yield inputs that delete the records of different resources."""
    uuids = await demo.find_operable_resources("UNLINK_RESOURCE", condition="o.type ~ 'Tenant'")
    for uuid in uuids[:REPETITIONS]:
        yield {"uuid": uuid}


async def _repeat_reviews(demo: DemoWithProvider) -> InputIterator:
    """Yield inputs that name a renewal which waits for the provider."""
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    for _ in range(REPETITIONS):
        renewal = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
        yield {"uuid": renewal["order"]["uuid"]}
        _reset_resource(demo, demo.load_resource_row(uuid)["id"])


async def _repeat_reports(demo: DemoWithProvider, order_state: int, **values: Any) -> InputIterator:
    """Yield inputs that name an order of other limits, in a state."""
    uuid, resource_id = await _find_resource(demo, "UPDATE_RESOURCE_LIMITS", SHARES_CONDITION)
    for _ in range(REPETITIONS):
        limits = demo.load_resource_row(uuid)["limits"]
        limits["capacity"] = limits["capacity"] % 50 + 1
        result = await demo.run_mutation("updateResourceLimits", uuid=uuid, limits=limits)
        demo.run_sql(SET_ORDER_STATE_SQL, order_state, result["order"]["uuid"])
        if order_state == ERRED:
            demo.run_sql(SET_STATE_SQL, FAILED, resource_id)
        yield {"uuid": result["order"]["uuid"], **values}
        _reset_resource(demo, resource_id)


async def _repeat_creations(demo: DemoWithProvider, *, has_key: bool) -> InputIterator:
    """Yield inputs that order new resources of an offering."""
    ((*uuids,),) = demo.run_sql(ORDERABLE_SQL)
    names = zip(("offering", "plan", "project"), [each.hex for each in uuids], strict=True)
    values = {**dict(names), "attributes": {"description": "For tests"}}
    for number in range(REPETITIONS):
        key = {"idempotencyKey": uuid4().hex} if has_key else {}
        yield {**values, **key, "name": f"resource {number}"}


_RENEWAL = {"extensionMonths": 12}
_RENEWABLE_CONDITION = "o.type = 'Marketplace.Slurm'"
_OPTIONS = {"options": {"label": "#"}}
MUTATION_CASES = {
    "createOrder": MutationCase("createOrder", partial(_repeat_creations, has_key=False)),
    "createOrder, idempotencyKey": MutationCase(
        "createOrder", partial(_repeat_creations, has_key=True)
    ),
    "pullResource": _repeat_values("pullResource"),
    "moveResource": MutationCase("moveResource", _repeat_moves),
    "renewResource": _repeat_values("renewResource", _RENEWAL, _RENEWABLE_CONDITION),
    "renewResource, idempotencyKey": _repeat_values(
        "renewResource", {**_RENEWAL, "idempotencyKey": "unique"}, _RENEWABLE_CONDITION
    ),
    "updateResourceLimits": _repeat_values(
        "updateResourceLimits", {"limits": {"capacity": "#", "snapshots": 1}}, SHARES_CONDITION
    ),
    "switchResourcePlan": MutationCase("switchResourcePlan", _repeat_plan_switches),
    "reallocateResourceLimits, 1 target": MutationCase(
        "reallocateResourceLimits", partial(_repeat_reallocations, target_count=1)
    ),
    "reallocateResourceLimits, 2 targets": MutationCase(
        "reallocateResourceLimits", partial(_repeat_reallocations, target_count=2)
    ),
    "terminateResource": _repeat_values("terminateResource"),
    "restoreResource": _repeat_values("restoreResource", state=TERMINATED),
    "setResourceEndDate": _repeat_values("setResourceEndDate", {"endDate": "2099-01-0#"}),
    "adjustResourceDates": _repeat_values(
        "adjustResourceDates", {"startDate": "2026-01-0#", "endDate": "2099-01-01"}
    ),
    "updateResourceOptions": _repeat_values(
        "updateResourceOptions", _OPTIONS, f"not {OPTION_ORDERS_CONDITION}"
    ),
    "updateResourceOptions, by an order": _repeat_values(
        "updateResourceOptions", _OPTIONS, OPTION_ORDERS_CONDITION
    ),
    "updateResource": _repeat_values(
        "updateResource", {"name": "Name #", "endDate": "2099-01-1#"}, NO_HISTORY_CONDITION
    ),
    "setResourceSlug": _repeat_values("setResourceSlug", {"slug": "slug-#"}),
    "setResourceFlags": _repeat_values("setResourceFlags", {"flag": {"paused": "odd"}}),
    "setResourceBackendId": _repeat_values(
        "setResourceBackendId", {"identifier": {"backendId": "id-#"}}
    ),
    "setResourceBackendMetadata": _repeat_values(
        "setResourceBackendMetadata", {"backendMetadata": {"number": "#"}}
    ),
    "setResourceEndpoints": _repeat_values(
        "setResourceEndpoints", {"endpoints": [{"name": "Login #", "url": "ssh://example.org"}]}
    ),
    "setResourceLimits": _repeat_values(
        "setResourceLimits", {"limits": {"capacity": "#", "snapshots": 0}}, SHARES_CONDITION
    ),
    "setResourceState": _repeat_values(
        "setResourceState", {"state": {"erred": {"message": "Error #"}}}
    ),
    "submitResourceReport": _repeat_values(
        "submitResourceReport", {"report": [{"header": "Report #", "body": "Fine."}]}
    ),
    "refreshResourceLastSync": _repeat_values("refreshResourceLastSync"),
    "unlinkResource": MutationCase("unlinkResource", _repeat_deletions),
    "approveOrder": MutationCase("approveOrder", _repeat_reviews),
    "rejectOrder": MutationCase("rejectOrder", _repeat_reviews),
    "cancelOrder": MutationCase("cancelOrder", _repeat_reviews),
    "setOrderState, EXECUTING": MutationCase(
        "setOrderState", partial(_repeat_reports, order_state=PENDING_PROVIDER, state="EXECUTING")
    ),
    "setOrderState, DONE": MutationCase(
        "setOrderState", partial(_repeat_reports, order_state=EXECUTING, state="DONE")
    ),
    "setOrderState, ERRED": MutationCase(
        "setOrderState", partial(_repeat_reports, order_state=EXECUTING, state="ERRED")
    ),
    "retryOrder": MutationCase("retryOrder", partial(_repeat_reports, order_state=ERRED)),
}
"""Cases by the name by which docs/architecture/mutation.md states the number of statements."""


async def record_runs(
    demo: DemoWithProvider, case: MutationCase, record: list[str], *, with_provider: bool
) -> list[list[str]]:
    """Run a mutation with each input; return what each run has added to a record.

    The work of the demo's provider afterwards is a part of the run if `with_provider`.
    """
    runs = []
    async for input_values in case.iter_inputs(demo):
        record.clear()
        result = await demo.run_mutation(case.field, **input_values)
        assert "message" not in result, result
        run = [*record]
        await demo.process_due_work()
        runs.append([*record] if with_provider else run)
    assert len(runs) == REPETITIONS
    return runs
