"""Statements are compiled once: a repeated mutation, and the provider's work, compile none."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from gateway.db.driver.statement import DIALECT
from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import ORDERABLE_SQL
from tests.support.demo_with_provider import (
    DemoWithProvider,
    find_renewable_resource,
    serve_demo_with_provider,
)
from tests.support.mutable_demo import FINISH_ORDERS_SQL

PENDING_ORDERS_SQL = """
update marketplace_order set state = (array[1, 7])[id % 2 + 1] where type = 2
"""
REPETITIONS, MANY_OBJECTS = 4, 40
RESET_RESOURCE_SQL = "update marketplace_resource set state = 2 where id = %s"
TARGET_PROJECTS_SQL = """
select p.uuid from structure_project p join structure_customer c on c.id = p.customer_id
where not p.is_removed and not c.blocked and not c.archived and p.id not in (
    select project_id from marketplace_resource where id = %s
) order by p.id limit 2
"""
REALLOCATION_CONDITION = (
    "o.name = 'Project file shares' and (r.limits ->> 'capacity')::int between 20 and 1000"
)
OTHER_PLANS_SQL = """
select p.uuid from marketplace_plan p join marketplace_resource r on r.offering_id = p.offering_id
where r.id = %s and not p.archived order by p.id = r.plan_id, p.id limit 2
"""


class CompilationRecord(NamedTuple):
    """The SQL of the statements that SQLAlchemy compiles in this process."""

    statements: list[str]

    def take_statements(self) -> list[str]:
        """Return the statements that were compiled since the last call."""
        new_statements = [*self.statements]
        self.statements.clear()
        return new_statements


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompilationRecord]:
    """Record each compilation: SQLAlchemy makes a compiler of the dialect's class for it."""
    record = CompilationRecord([])
    compiler_class: Any = DIALECT.statement_compiler

    class RecordingCompiler(compiler_class):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            record.statements.append(str(self))

    monkeypatch.setattr(DIALECT, "statement_compiler", RecordingCompiler)
    yield record
    record.statements.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that the tests change, and its provider."""
    async with serve_demo_with_provider(new_database()) as demo_with_provider:
        yield demo_with_provider


async def record_runs(
    demo: DemoWithProvider,
    compilations: CompilationRecord,
    field: str,
    resource_id: int,
    inputs: list[dict[str, Any]],
) -> list[list[str]]:
    """Run a mutation with each input, and the provider; return what each run compiled."""
    compiled_statements = []
    for input_values in inputs:
        compilations.take_statements()
        result = await demo.run_mutation(field, **input_values)
        assert "message" not in result, result
        await demo.process_due_work()
        compiled_statements.append(compilations.take_statements())
        demo.run_sql(FINISH_ORDERS_SQL, resource_id)
        demo.run_sql(RESET_RESOURCE_SQL, resource_id)
    return compiled_statements


async def find_resource(
    demo: DemoWithProvider, operation: str, condition: str = "true"
) -> tuple[str, int]:
    """Return the UUID and key of a resource that matches and allows staff an operation."""
    condition = f"r.state = 2 and {condition}"
    uuid = (await demo.find_operable_resources(operation, condition=condition))[0]
    return uuid, int(demo.load_resource_row(uuid)["id"])


async def test_repeated_pulls_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(demo, "PULL_RESOURCE")
    inputs = [{"uuid": uuid}] * REPETITIONS
    # The first pull of a month inserts usages, the second is the first that updates them.
    _, _, *later_runs = await record_runs(demo, compilations, "pullResource", resource_id, inputs)
    assert later_runs == [[]] * (REPETITIONS - 2)


async def test_repeated_moves_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(demo, "MOVE_RESOURCE")
    projects = [each.hex for (each,) in demo.run_sql(TARGET_PROJECTS_SQL, resource_id)]
    inputs = [{"uuid": uuid, "project": projects[i % 2]} for i in range(REPETITIONS)]
    _, *later_runs = await record_runs(demo, compilations, "moveResource", resource_id, inputs)
    assert later_runs == [[]] * (REPETITIONS - 1)


@pytest.mark.parametrize("has_idempotency_key", [True, False])
async def test_repeated_renewals_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord, has_idempotency_key: bool
) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Slurm")
    resource_id = demo.load_resource_row(uuid)["id"]
    keys = [
        {"idempotencyKey": f"key {i}"} if has_idempotency_key else {} for i in range(REPETITIONS)
    ]
    inputs = [{"uuid": uuid, "extensionMonths": 12, **each} for each in keys]
    _, *later_runs = await record_runs(demo, compilations, "renewResource", resource_id, inputs)
    assert later_runs == [[]] * (REPETITIONS - 1)


@pytest.mark.parametrize("has_idempotency_key", [True, False])
async def test_repeated_creations_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord, has_idempotency_key: bool
) -> None:
    ((*uuids,),) = demo.run_sql(ORDERABLE_SQL)
    names = zip(("offering", "plan", "project"), [each.hex for each in uuids], strict=True)
    values = {**dict(names), "attributes": {"description": "For tests"}}
    inputs = [
        {
            **values,
            "name": f"resource {number}",
            **({"idempotencyKey": f"creation {number}"} if has_idempotency_key else {}),
        }
        for number in range(REPETITIONS)
    ]
    _, *later_runs = await record_runs(demo, compilations, "createOrder", 0, inputs)
    assert later_runs == [[]] * (REPETITIONS - 1)


async def test_repeated_limit_updates_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(
        demo, "UPDATE_RESOURCE_LIMITS", "o.type = 'Marketplace.Script' and r.limits ? 'seats'"
    )
    inputs = [{"uuid": uuid, "limits": {"seats": each}} for each in range(1, REPETITIONS + 1)]
    _, *later_runs = await record_runs(
        demo, compilations, "updateResourceLimits", resource_id, inputs
    )
    assert later_runs == [[]] * (REPETITIONS - 1)


async def test_repeated_plan_switches_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(
        demo, "SWITCH_RESOURCE_PLAN", "o.type = 'OpenStack.Tenant'"
    )
    plans = [each.hex for (each,) in demo.run_sql(OTHER_PLANS_SQL, resource_id)]
    inputs = [{"uuid": uuid, "plan": plans[i % 2]} for i in range(REPETITIONS)]
    _, *later_runs = await record_runs(
        demo, compilations, "switchResourcePlan", resource_id, inputs
    )
    assert later_runs == [[]] * (REPETITIONS - 1)


async def test_repeated_reallocations_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuids = await demo.find_operable_resources(
        "REALLOCATE_RESOURCE_LIMITS", condition=f"r.state = 2 and {REALLOCATION_CONDITION}"
    )
    source_id, target_id = (demo.load_resource_row(each)["id"] for each in uuids[:2])
    limits = {"capacity": 1}
    targets = [{"resource": uuids[1], "limits": limits}]
    runs = []
    for _ in range(REPETITIONS):
        inputs = [{"uuid": uuids[0], "limits": limits, "targets": targets}]
        runs += await record_runs(demo, compilations, "reallocateResourceLimits", source_id, inputs)
        demo.run_sql(FINISH_ORDERS_SQL, target_id)
        demo.run_sql(RESET_RESOURCE_SQL, target_id)
    assert runs[1:] == [[]] * (REPETITIONS - 1)


async def test_repeated_terminations_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(demo, "TERMINATE_RESOURCE")
    inputs = [{"uuid": uuid}] * REPETITIONS
    _, *later_runs = await record_runs(demo, compilations, "terminateResource", resource_id, inputs)
    assert later_runs == [[]] * (REPETITIONS - 1)


async def test_repeated_restorations_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(
        demo, "TERMINATE_RESOURCE", "(o.plugin_options ->> 'can_restore_resource')::boolean"
    )
    runs = []
    for _ in range(REPETITIONS):
        demo.run_sql("update marketplace_resource set state = 6 where id = %s", resource_id)
        runs += await record_runs(
            demo, compilations, "restoreResource", resource_id, [{"uuid": uuid}]
        )
    assert runs[1:] == [[]] * (REPETITIONS - 1)


async def test_repeated_end_dates_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(demo, "SET_RESOURCE_END_DATE")
    inputs = [{"uuid": uuid, "endDate": f"2099-01-{day:02}"} for day in range(1, REPETITIONS + 1)]
    _, *later_runs = await record_runs(
        demo, compilations, "setResourceEndDate", resource_id, inputs
    )
    assert later_runs == [[]] * (REPETITIONS - 1)


async def test_repeated_adjustments_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(demo, "ADJUST_RESOURCE_DATES")
    dates = {"startDate": "2026-01-01", "endDate": "2099-01-01"}
    inputs = [{"uuid": uuid, **dates}] * REPETITIONS
    _, *later_runs = await record_runs(
        demo, compilations, "adjustResourceDates", resource_id, inputs
    )
    assert later_runs == [[]] * (REPETITIONS - 1)


@pytest.mark.parametrize("needs_order", [True, False])
async def test_repeated_option_updates_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord, needs_order: bool
) -> None:
    uuid, resource_id = await find_resource(
        demo,
        "UPDATE_RESOURCE_OPTIONS",
        f"o.plugin_options ? 'create_orders_on_resource_option_change' = {needs_order}",
    )
    inputs = [{"uuid": uuid, "options": {}}] * REPETITIONS
    _, *later_runs = await record_runs(
        demo, compilations, "updateResourceOptions", resource_id, inputs
    )
    assert later_runs == [[]] * (REPETITIONS - 1)


async def test_repeated_reports_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuid, resource_id = await find_resource(
        demo, "UPDATE_RESOURCE_LIMITS", "o.type = 'Marketplace.Basic' and r.limits ? 'capacity'"
    )
    runs: list[list[str]] = []
    for index in range(REPETITIONS):
        limits = {"capacity": index + 1, "snapshots": 1}
        result = await demo.run_mutation("updateResourceLimits", uuid=uuid, limits=limits)
        order = result["order"]["uuid"]
        compilations.take_statements()
        for state in ("ERRED", "EXECUTING", "ERRED", None, "DONE"):
            field, arguments = ("setOrderState", {"state": state}) if state else ("retryOrder", {})
            report = await demo.run_mutation(field, uuid=order, **arguments)
            assert "message" not in report, report
        runs.append(compilations.take_statements())
        demo.run_sql(RESET_RESOURCE_SQL, resource_id)
    assert runs[1:] == [[]] * (REPETITIONS - 1)


NOT_PREPAID_CONDITION = """not exists (
    select from marketplace_offeringcomponent c where c.offering_id = o.id and c.is_prepaid)"""
SETTER_INPUTS: dict[str, dict[str, Any]] = {
    "updateResource": {"name": "Name #", "endDate": "2099-01-1#"},
    "setResourceSlug": {"slug": "slug-#"},
    "setResourceFlags": {"flag": {"paused": True}},
    "setResourceBackendId": {"identifier": {"backendId": "id-#"}},
    "setResourceBackendMetadata": {"backendMetadata": {"number": "#"}},
    "setResourceEndpoints": {"endpoints": [{"name": "Login #", "url": "ssh://example.org"}]},
    "setResourceLimits": {"limits": {}},
    "setResourceState": {"state": {"erred": {"message": "Error #"}}},
    "submitResourceReport": {"report": [{"header": "Report #", "body": "Fine."}]},
    "refreshResourceLastSync": {},
}
"""Inputs of mutations that set values, with a place for a number that makes them different."""


@pytest.mark.parametrize("field", SETTER_INPUTS)
async def test_repeated_setters_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord, field: str
) -> None:
    uuid, resource_id = await find_resource(
        demo, "UPDATE_RESOURCE", "not r.attributes ? 'renewal_history'"
    )
    input_json = json.dumps(SETTER_INPUTS[field])
    inputs = [
        {"uuid": uuid, **json.loads(input_json.replace("#", str(i)))} for i in range(REPETITIONS)
    ]
    _, *later_runs = await record_runs(demo, compilations, field, resource_id, inputs)
    assert later_runs == [[]] * (REPETITIONS - 1)


async def test_repeated_deletions_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord
) -> None:
    uuids = await demo.find_operable_resources("UNLINK_RESOURCE", condition="o.type ~ 'Tenant'")
    runs = []
    for uuid in uuids[:REPETITIONS]:
        inputs = [{"uuid": uuid}]
        runs += await record_runs(demo, compilations, "unlinkResource", 0, inputs)
    assert runs[1:] == [[]] * (REPETITIONS - 1)


@pytest.mark.parametrize("field", ["approveOrder", "rejectOrder", "cancelOrder"])
async def test_repeated_reviews_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord, field: str
) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    resource_id = demo.load_resource_row(uuid)["id"]
    runs = []
    for _ in range(REPETITIONS):
        renewal = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
        inputs = [{"uuid": renewal["order"]["uuid"]}]
        runs += await record_runs(demo, compilations, field, resource_id, inputs)
    assert runs[1:] == [[]] * (REPETITIONS - 1)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("pullResources", {}),
        ("moveResources", {"project": None}),
        ("setResourcesEndDate", {"endDate": "2098-12-31"}),
        ("terminateResources", {}),
        ("approveOrders", {}),
        ("rejectOrders", {}),
    ],
)
async def test_repeated_mutations_of_many_objects_compile_nothing(
    demo: DemoWithProvider, compilations: CompilationRecord, field: str, arguments: dict[str, Any]
) -> None:
    source = (
        "marketplace_order where type = 2" if field.endswith("Orders") else "marketplace_resource"
    )
    rows = demo.run_sql(f"select uuid from {source} order by id limit {MANY_OBJECTS}")
    projects = [each.hex for (each,) in demo.run_sql(TARGET_PROJECTS_SQL, 1)]
    for number in range(2):
        demo.run_sql(PENDING_ORDERS_SQL)
        values = {**arguments, "project": projects[number]} if "project" in arguments else arguments
        compilations.take_statements()
        items = await demo.run_many(field, uuids=[each.hex for (each,) in rows], **values)
        assert [each for each in items if "message" not in each["result"]]
    demo.run_sql("update marketplace_order set state = 3")
    assert compilations.take_statements() == []
