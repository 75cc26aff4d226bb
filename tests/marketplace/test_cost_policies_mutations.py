"""Mutations of resources that an exceeded cost policy forbids (rules.md §0)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.policy_demo import PolicyDemo, Target, serve_policy_demo
from tests.support.provided_resources import SETTER_ARGUMENTS

EXEMPT_OPERATIONS = {
    "PULL_RESOURCE",
    "SET_RESOURCE_ENDPOINTS",
    "SUBMIT_RESOURCE_REPORT",
    "REFRESH_RESOURCE_LAST_SYNC",
    "UNLINK_RESOURCE",
}
"""Operations that save no resource, or only columns that no policy concerns."""
LIMITED_FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: each for name, each in SETTER_ARGUMENTS.items() if name not in EXEMPT_OPERATIONS},
    "SET_RESOURCE_END_DATE": ("setResourceEndDate", {"endDate": "2099-12-31"}),
    "UPDATE_RESOURCE_OPTIONS": ("updateResourceOptions", {"options": {}}),
    "RENEW_RESOURCE": ("renewResource", {"extensionMonths": 12}),
    "MOVE_RESOURCE": ("moveResource", {"project": "0" * 32}),
    "UPDATE_RESOURCE_LIMITS": ("updateResourceLimits", {"limits": {"x": 1}}),
    "SWITCH_RESOURCE_PLAN": ("switchResourcePlan", {"plan": "0" * 32}),
    "REALLOCATE_RESOURCE_LIMITS": ("reallocateResourceLimits", {"limits": {}, "targets": []}),
    "TERMINATE_RESOURCE": ("terminateResource", {}),
}
"""Mutations that a cost policy forbids, by operation, with arguments."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[PolicyDemo]:
    """Yield a demo without invoices and policies."""
    async with serve_policy_demo(new_database(), "2026") as policy_demo:
        yield policy_demo


@pytest.fixture(autouse=True)
def _clear_policies(demo: PolicyDemo) -> None:
    demo.clear_policies()


@pytest.mark.parametrize("operation", LIMITED_FIELDS)
@pytest.mark.parametrize("scope", ["project", "organisation"])
async def test_exceeded_policies_forbid_changes(
    demo: PolicyDemo, scope: str, operation: str
) -> None:
    target = await demo.find_target(operation)
    demo.add_policy(scope, target)
    demo.add_item(target, "100")
    allowed_operations = await demo.list_allowed_operations(target)
    assert operation in allowed_operations
    demo.add_item(target, "0.01")
    assert await demo.list_allowed_operations(target) == allowed_operations & EXEMPT_OPERATIONS
    digest_before = demo.digest_tables()
    field, arguments = LIMITED_FIELDS[operation]
    result = await demo.run_mutation(field, uuid=target.uuid, **arguments)
    assert (result["__typename"], result["reason"]) == ("NotPossible", "COST_POLICY")
    assert result["message"] == (
        f"A cost policy of the {scope} forbids changes of resources:"
        " the cost of the current month exceeds the limit of 100."
    )
    assert demo.digest_tables() == digest_before


@pytest.mark.parametrize("operation", sorted(EXEMPT_OPERATIONS & SETTER_ARGUMENTS.keys()))
async def test_what_saves_no_such_column_is_not_forbidden(demo: PolicyDemo, operation: str) -> None:
    target = await demo.find_target(operation)
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    field, arguments = SETTER_ARGUMENTS[operation]
    result = await demo.run_mutation(field, uuid=target.uuid, **arguments)
    assert result["__typename"] in ("ResourceUpdated", "ResourceUnlinked")


async def test_direct_updates_of_options_are_forbidden(demo: PolicyDemo) -> None:
    target = await demo.find_target("UPDATE_RESOURCE_OPTIONS")
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    arguments: dict[str, Any] = {"uuid": target.uuid, "options": {}, "direct": True}
    result = await demo.run_mutation("updateResourceOptions", **arguments)
    assert result["reason"] == "COST_POLICY"


async def test_the_viewer_needs_the_permission_first(demo: PolicyDemo) -> None:
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    arguments = {"uuid": target.uuid, "endDate": "2099-12-31"}
    result = await demo.run_mutation("setResourceEndDate", "support", **arguments)
    assert result["__typename"] == "NotPermitted"


async def test_a_move_is_checked_in_the_new_project(demo: PolicyDemo) -> None:
    """The policy of the target project is met when the resource is saved."""
    target = await demo.find_target("MOVE_RESOURCE")
    ((project_id, project),) = demo.run_sql(
        "select p.id, p.uuid from structure_project p join structure_customer c"
        " on c.id = p.customer_id where p.id <> %s and not is_removed and not c.blocked"
        " and not c.archived limit 1",
        target.project,
    )
    elsewhere = Target(target.uuid, target.id, project_id, target.organisation, target.offering)
    demo.add_policy("project", elsewhere)
    demo.add_item(elsewhere, "101")
    digest_before = demo.digest_tables()
    arguments = {"uuid": target.uuid, "project": project.hex}
    result = await demo.run_mutation("moveResource", **arguments)
    assert result["reason"] == "COST_POLICY"
    assert demo.digest_tables() == digest_before


@pytest.mark.parametrize("field", ["rejectOrder", "cancelOrder"])
async def test_withdrawals_that_change_the_resource_are_forbidden(
    demo: PolicyDemo, field: str
) -> None:
    target = await demo.find_target("RENEW_RESOURCE", "o.type = 'Marketplace.Basic'")
    renewal = await demo.run_mutation("renewResource", uuid=target.uuid, extensionMonths=12)
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    digest_before = demo.digest_tables()
    result = await demo.run_mutation(field, uuid=renewal["order"]["uuid"])
    assert result["reason"] == "COST_POLICY"
    assert demo.digest_tables() == digest_before
    demo.clear_policies()
    result = await demo.run_mutation(field, uuid=renewal["order"]["uuid"])
    assert result["resource"]["uuid"] == target.uuid


async def test_an_order_fails_if_a_policy_is_exceeded_meanwhile(demo: PolicyDemo) -> None:
    """The save of the resource is refused, so it keeps its state, as the order says."""
    target = await demo.find_target("RENEW_RESOURCE", "o.type = 'Marketplace.Basic'")
    renewal = await demo.run_mutation("renewResource", uuid=target.uuid, extensionMonths=12)
    order = renewal["order"]["uuid"]
    demo.add_policy("organisation", target)
    demo.add_item(target, "101")
    resource_before = demo.load_resource_row(target.uuid)
    assert (await demo.run_mutation("approveOrder", uuid=order))["order"]["state"] == "EXECUTING"
    await demo.process_due_work()
    state, error_message, *_ = demo.load_order_row(order)
    assert state == 4
    assert error_message.startswith("A cost policy of the organisation forbids changes")
    assert demo.load_resource_row(target.uuid) == resource_before
    demo.run_sql("update marketplace_resource set state = 2 where id = %s", target.id)


async def test_an_order_for_an_erred_resource_does_not_change_it(demo: PolicyDemo) -> None:
    target = await demo.find_target("RENEW_RESOURCE", "o.type = 'Marketplace.Slurm'")
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    demo.run_sql("update marketplace_resource set state = 3 where id = %s", target.id)
    order_operations = {"RENEW_RESOURCE", "TERMINATE_RESOURCE"}
    assert order_operations <= await demo.list_allowed_operations(target)
    renewal = await demo.run_mutation("renewResource", uuid=target.uuid, extensionMonths=12)
    assert renewal["__typename"] == "ResourceRenewed"
    demo.run_sql("delete from marketplace_order where uuid = %s", renewal["order"]["uuid"])
    demo.run_sql("update marketplace_resource set state = 2 where id = %s", target.id)


async def test_a_termination_that_keeps_the_state_is_ordered(demo: PolicyDemo) -> None:
    """That of an erred resource is placed, and one that waits for the consumer is approved."""
    target = await demo.find_target("TERMINATE_RESOURCE", "o.type = 'Marketplace.Basic'")
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    demo.run_sql("update marketplace_resource set state = 3 where id = %s", target.id)
    termination = await demo.run_mutation("terminateResource", uuid=target.uuid)
    assert termination["__typename"] == "ResourceTerminationOrdered"
    order = termination["order"]["uuid"]
    demo.run_sql("update marketplace_order set state = 1 where uuid = %s", order)
    demo.run_sql("update marketplace_resource set state = 5 where id = %s", target.id)
    assert "TERMINATE_RESOURCE" in await demo.list_allowed_operations(target)
    approval = await demo.run_mutation("terminateResource", uuid=target.uuid)
    assert approval["order"] == {**termination["order"], "state": "PENDING_PROVIDER"}
    demo.run_sql("delete from marketplace_order where uuid = %s", order)
    demo.run_sql("update marketplace_resource set state = 2 where id = %s", target.id)


async def test_failures_can_be_reported_and_leave_the_resource(demo: PolicyDemo) -> None:
    """A report that the order is done would change the resource, and so would a retry."""
    target = await demo.find_target("TERMINATE_RESOURCE", "o.type = 'Marketplace.Basic'")
    order = (await demo.run_mutation("terminateResource", uuid=target.uuid))["order"]["uuid"]
    await demo.run_mutation("setOrderState", uuid=order, state="EXECUTING")
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    digest_before = demo.digest_tables()
    result = await demo.run_mutation("setOrderState", uuid=order, state="DONE")
    assert result["reason"] == "COST_POLICY"
    assert demo.digest_tables() == digest_before
    result = await demo.run_mutation("setOrderState", uuid=order, state="ERRED")
    assert (result["order"]["state"], result["resource"]["state"]) == ("ERRED", "TERMINATING")
    demo.run_sql("update marketplace_resource set state = 2 where id = %s", target.id)
    result = await demo.run_mutation("retryOrder", uuid=order)
    assert result["reason"] == "COST_POLICY"
    demo.run_sql("delete from marketplace_order where uuid = %s", order)


async def pull_resource(demo: PolicyDemo) -> Any:
    """Pull a resource under a policy; return its usages, metadata and last synchronisation."""
    target = await demo.find_target("PULL_RESOURCE")
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    demo.run_sql(
        "update marketplace_resource set last_sync = '2020-01-01', backend_metadata = '{}',"
        " current_usages = '{\"x\": 1}' where id = %s",
        target.id,
    )
    await demo.run_mutation("pullResource", uuid=target.uuid)
    await demo.process_due_work()
    assert demo.run_sql("select count(*) from gateway.pull") == [(0,)]
    return demo.run_sql(
        "select current_usages, backend_metadata, last_sync > '2021-01-01'"
        " from marketplace_resource where id = %s",
        target.id,
    )


async def test_reports_of_usage_are_saved_in_spite_of_a_policy(demo: PolicyDemo) -> None:
    assert await pull_resource(demo) == [({"x": 2}, {}, True)]


async def test_policies_of_2024_forbid_each_save(new_database: DatabaseFactory) -> None:
    async with serve_policy_demo(new_database(), "2024") as old_demo:
        old_demo.clear_policies()
        assert await pull_resource(old_demo) == [({"x": 1}, {}, False)]
