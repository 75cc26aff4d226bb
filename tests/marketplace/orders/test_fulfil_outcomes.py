"""Effects of orders that end on their resource, its quotas and the log.

Sources: domain.md §5.6, §6.1, §6.4 to §6.6, §7.1, with the corrections of rules.md §0.
"""
# ruff: noqa: E501 - SQL

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from gateway.db import tables
from gateway.db.installation.version_rules import RULES_2024
from gateway.db.sql.compiler import StatementCompiler
from gateway.marketplace.billing.renewal_pricing import add_months
from gateway.marketplace.orders.fulfil import OrderExecutor, fail_order, fulfil_order
from gateway.marketplace.rows import OrderRow
from gateway.marketplace.unit_of_work import UnitOfWork
from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider

OK, ERRED, UPDATING, TERMINATED = 2, 3, 4, 6
TODAY = datetime.now(UTC).date()
RENEWABLE = "r.state = 2 and o.type = 'Marketplace.Basic' and r.plan_id is not null"
QUOTAS_SQL = """
select c.type, q."limit" from marketplace_componentquota q
join marketplace_offeringcomponent c on c.id = q.component_id
where q.resource_id = %s and c.type <> 'extra' order by 1
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a mutable demo with its provider."""
    async with serve_demo_with_provider(new_database()) as running_demo:
        yield running_demo


@pytest_asyncio.fixture(loop_scope="session")
async def uuid(demo: DemoWithProvider) -> str:
    """Return the uuid of a renewable resource with one limit, which no test used before."""
    return (await demo.find_operable_resources("RENEW_RESOURCE", condition=RENEWABLE))[0]


async def place_renewal(demo: DemoWithProvider, uuid: str, **values: Any) -> str:
    """Return the uuid of an order to renew a resource, which waits for the provider."""
    arguments = {"extensionMonths": 12, **values}
    result = await demo.run_mutation("renewResource", uuid=uuid, **arguments)
    assert result["__typename"] == "ResourceRenewed", result
    return str(result["order"]["uuid"])


async def end_as(
    demo: DemoWithProvider, order_uuid: str, executor: OrderExecutor, error: str | None = None
) -> None:
    """Carry an order out, or fail it with an error, as a processor or an agent."""
    demo.run_sql("update marketplace_order set state = 2 where uuid = %s", order_uuid)

    async def end_order(unit_of_work: UnitOfWork) -> None:
        order_id = await unit_of_work.find_visible_id(tables.order, order_uuid)
        order = await unit_of_work.load_row(OrderRow, order_id)
        if error is None:
            await fulfil_order(unit_of_work, order, executor)
        else:
            await fail_order(unit_of_work, order, error, executor)

    await demo.run_as_staff(end_order)


def load_columns(demo: DemoWithProvider, uuid: str, columns: str) -> Any:
    """Return columns of a resource."""
    return demo.run_sql(f"select {columns} from marketplace_resource where uuid = %s", uuid)[0]


async def test_a_processors_failed_change_of_limits_leaves_the_resource_updating(
    demo: DemoWithProvider, uuid: str
) -> None:
    order = await place_renewal(demo, uuid)
    since_event_id = demo.load_last_event_id()
    await end_as(demo, order, OrderExecutor.PROCESSOR, "No space.")
    assert load_columns(demo, uuid, "state, error_message") == (UPDATING, "")
    assert demo.load_order_row(order)[:2] == [4, "No space."]
    (name,) = load_columns(demo, uuid, "name")
    assert demo.load_events(since_event_id) == [
        (
            "marketplace_resource_update_limits_failed",
            f"Updating limits of resource {name} has failed.",
        ),
        (
            "marketplace_order_failed",
            f"Marketplace order for resource {name} has been marked as failed. Type: Update",
        ),
    ]
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuid)


async def test_an_agents_failure_makes_the_resource_erred(
    demo: DemoWithProvider, uuid: str
) -> None:
    order = await place_renewal(demo, uuid)
    since_event_id = demo.load_last_event_id()
    await end_as(demo, order, OrderExecutor.AGENT, "No space.")
    assert load_columns(demo, uuid, "state, error_message") == (ERRED, "No space.")
    (name,) = load_columns(demo, uuid, "name")
    assert demo.load_events(since_event_id) == [
        (
            "marketplace_resource_update_succeeded",
            f"Marketplace resource '{name}' has been changed. Field 'state': from Updating to Erred.",
        ),
        ("marketplace_resource_update_failed", f"Resource {name} update has failed."),
        (
            "marketplace_order_failed",
            f"Marketplace order for resource {name} has been marked as failed. Type: Update",
        ),
    ]


@pytest.mark.parametrize("outcome", ["done", "erred", "rejected", "canceled"])
async def test_every_end_has_a_time(demo: DemoWithProvider, uuid: str, outcome: str) -> None:
    """October 2024 stores it only if the order is done."""
    order = await place_renewal(demo, uuid)
    if outcome in ("rejected", "canceled"):
        await demo.run_mutation(
            "rejectOrder" if outcome == "rejected" else "cancelOrder", uuid=order
        )
    else:
        error = "No space." if outcome == "erred" else None
        await end_as(demo, order, OrderExecutor.PROCESSOR, error)
    completed_at = demo.load_order_row(order)[-1]
    assert abs(datetime.now(UTC) - completed_at) < timedelta(hours=1)
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuid)
    newest_compiler = demo.statement_compiler
    installation = replace(newest_compiler.installation, version_rules=RULES_2024)
    demo.statement_compiler = StatementCompiler(installation)
    try:
        order = await place_renewal(demo, uuid)
        await end_as(demo, order, OrderExecutor.PROCESSOR, "No." if outcome != "done" else None)
        assert (demo.load_order_row(order)[-1] is not None) == (outcome == "done")
    finally:
        demo.statement_compiler = newest_compiler
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuid)


async def test_a_renewal_by_a_processor(demo: DemoWithProvider, uuid: str) -> None:
    """rules.md §0 on §5.6 and §6.5: cost, history, who requested the end date."""
    demo.run_sql("update marketplace_resource set cost = 17 where uuid = %s", uuid)
    before = demo.load_resource_row(uuid)
    ((component, limit),) = before["limits"].items()
    order = await place_renewal(demo, uuid, limits={component: limit + 1})
    ((cost, approver),) = demo.run_sql(
        "update marketplace_order set provider_reviewed_by_id = (select id from core_user where username = 'provider')"
        " where uuid = %s returning cost, provider_reviewed_by_id",
        order,
    )
    await end_as(demo, order, OrderExecutor.PROCESSOR)
    after = demo.load_resource_row(uuid)
    new_end_date = add_months(max(before["end_date"] or TODAY, TODAY), 12)
    assert (after["state"], after["cost"], after["end_date"]) == (OK, 17, new_end_date)
    assert load_columns(demo, uuid, "end_date_requested_by_id") == (approver,)
    (*_, entry) = after["attributes"]["renewal_history"]
    assert datetime.now(UTC) - datetime.fromisoformat(entry.pop("date")) < timedelta(hours=1)
    assert Decimal(str(entry.pop("cost"))) == cost
    assert entry == {
        "type": "renewal",
        "order_uuid": order,
        "old_limits": {component: limit},
        "new_limits": {component: limit + 1},
        "old_end_date": before["end_date"] and before["end_date"].isoformat(),
        "new_end_date": new_end_date.isoformat(),
    }


@pytest.mark.parametrize(
    ("reviewers", "expected_column"),
    [
        ("provider_reviewed_by_id = null", "consumer_reviewed_by_id"),
        ("provider_reviewed_by_id = null, consumer_reviewed_by_id = null", "created_by_id"),
    ],
)
async def test_who_approved_last_requested_the_end_date(
    demo: DemoWithProvider, uuid: str, reviewers: str, expected_column: str
) -> None:
    order = await place_renewal(demo, uuid)
    ids = "(select min(id) from core_user)", "(select max(id) from core_user)"
    demo.run_sql(
        f"update marketplace_order set created_by_id = {ids[0]}, consumer_reviewed_by_id = {ids[1]}"
        " where uuid = %s",
        order,
    )
    ((expected_id,),) = demo.run_sql(
        f"update marketplace_order set {reviewers} where uuid = %s returning {expected_column}",
        order,
    )
    await end_as(demo, order, OrderExecutor.PROCESSOR)
    assert load_columns(demo, uuid, "end_date_requested_by_id") == (expected_id,)


async def test_an_agent_applies_the_limits_and_estimates_the_cost(
    demo: DemoWithProvider, uuid: str
) -> None:
    """rules.md §0 on §6.5; domain.md §5.6: only a processor moves the end date."""
    end_date = add_months(TODAY, 5)
    demo.run_sql(
        "update marketplace_resource set cost = 17, end_date = %s where uuid = %s", end_date, uuid
    )
    before = demo.load_resource_row(uuid)
    ((component, limit),) = before["limits"].items()
    order = await place_renewal(demo, uuid, limits={component: limit + 1})
    since_event_id = demo.load_last_event_id()
    await end_as(demo, order, OrderExecutor.AGENT)
    after = demo.load_resource_row(uuid)
    assert (after["state"], after["end_date"]) == (OK, end_date)
    assert after["limits"] == {component: limit + 1}
    assert after["attributes"] == before["attributes"]
    ((unit_price, price),) = demo.run_sql(
        "select p.unit_price, k.price from marketplace_plan p"
        " join marketplace_plancomponent k on k.plan_id = p.id"
        " join marketplace_offeringcomponent c on c.id = k.component_id and c.type = %s"
        " where p.id = %s",
        component,
        before["plan_id"],
    )
    assert after["cost"] == unit_price + price * (limit + 1) * 5
    assert [event_type for event_type, _ in demo.load_events(since_event_id)] == [
        "marketplace_resource_update_succeeded",
        "marketplace_resource_update_limits_succeeded",
        "marketplace_order_completed",
    ]


@pytest.mark.parametrize("limits", [None, {}])
async def test_empty_limits_are_not_given(
    demo: DemoWithProvider, uuid: str, limits: dict[str, Any] | None
) -> None:
    """rules.md §0 on §5.6: an empty object keeps the limits, and costs as much as they do."""
    before = demo.load_resource_row(uuid)
    quotas = demo.run_sql(QUOTAS_SQL, before["id"])
    order = await place_renewal(demo, uuid, limits=limits)
    ((order_limits, cost),) = demo.run_sql(
        "select limits, cost from marketplace_order where uuid = %s", order
    )
    assert order_limits == before["limits"] != {}
    assert cost > 0
    await end_as(demo, order, OrderExecutor.PROCESSOR)
    assert demo.load_resource_row(uuid)["limits"] == before["limits"]
    assert demo.run_sql(QUOTAS_SQL, before["id"]) == quotas


async def test_a_renewal_without_a_plan_costs_nothing(demo: DemoWithProvider, uuid: str) -> None:
    (plan_id,) = load_columns(demo, uuid, "plan_id")
    demo.run_sql("update marketplace_resource set plan_id = null where uuid = %s", uuid)
    query = """query ($uuid: UUID!) { resource(uuid: $uuid) { renewalEstimate(extensionMonths: 12) {
        ... on RenewalEstimate { total subscriptionTotal components { total } } } } }"""
    estimate = (await demo.client.execute_query(query, "staff", uuid=uuid))["data"]["resource"]
    zero = "0.0000000000"
    assert estimate["renewalEstimate"] == {
        "total": zero,
        "subscriptionTotal": zero,
        "components": [],
    }
    order = await place_renewal(demo, uuid)
    assert demo.run_sql("select cost from marketplace_order where uuid = %s", order) == [(0,)]
    await end_as(demo, order, OrderExecutor.AGENT)
    demo.run_sql("update marketplace_resource set plan_id = %s where uuid = %s", plan_id, uuid)


async def test_the_quota_of_a_lost_limit_is_deleted(demo: DemoWithProvider) -> None:
    condition = "r.state = 2 and (select count(*) from jsonb_object_keys(r.limits)) = 2"
    uuid = (await demo.find_operable_resources("RENEW_RESOURCE", condition=condition))[0]
    before = demo.load_resource_row(uuid)
    (kept, kept_limit), (lost, _) = sorted(before["limits"].items())
    assert {name for name, _ in demo.run_sql(QUOTAS_SQL, before["id"])} == {kept, lost}
    months = 12
    order = await place_renewal(demo, uuid, limits={kept: kept_limit}, extensionMonths=months)
    await end_as(demo, order, OrderExecutor.PROCESSOR)
    assert demo.run_sql(QUOTAS_SQL, before["id"]) == [(kept, kept_limit)]
    second_order = await place_renewal(demo, uuid, limits=before["limits"])
    await end_as(demo, second_order, OrderExecutor.PROCESSOR)
    assert dict(demo.run_sql(QUOTAS_SQL, before["id"])) == before["limits"]


async def test_events_of_a_renewal_by_a_processor(demo: DemoWithProvider, uuid: str) -> None:
    ((component, limit),) = demo.load_resource_row(uuid)["limits"].items()
    order = await place_renewal(demo, uuid, limits={component: limit + 1})
    since_event_id = demo.load_last_event_id()
    version_count = demo.run_sql("select count(*) from reversion_version")
    await end_as(demo, order, OrderExecutor.PROCESSOR)
    (name,) = load_columns(demo, uuid, "name")
    (change_event, limits_event, order_event) = demo.load_events(since_event_id)
    assert change_event[0] == "marketplace_resource_update_succeeded"
    assert change_event[1].startswith(
        f"Marketplace resource '{name}' has been changed. Field 'attributes': from "
    )
    expected_end = f", field 'limits': from {{'{component}': {limit}}} to {{'{component}': {limit + 1}}}, field 'state': from Updating to OK."
    assert change_event[1].endswith(expected_end)
    assert limits_event == (
        "marketplace_resource_update_limits_succeeded",
        f"Limits of resource {name} have been updated.",
    )
    assert order_event == (
        "marketplace_order_completed",
        f"Marketplace order for resource {name} has been completed. Type: Update",
    )
    assert demo.run_sql("select count(*) from reversion_version") == version_count


@pytest.mark.parametrize("history", ["null", "{}", '"none"', "7"])
async def test_an_odd_history_does_not_prevent_a_renewal(
    demo: DemoWithProvider, uuid: str, history: str
) -> None:
    demo.run_sql(
        "update marketplace_resource set attributes ="
        " jsonb_build_object('renewal_history', %s::jsonb) where uuid = %s",
        history,
        uuid,
    )
    order = await place_renewal(demo, uuid)
    await end_as(demo, order, OrderExecutor.PROCESSOR)
    (entry,) = demo.load_resource_row(uuid)["attributes"]["renewal_history"]
    assert entry["order_uuid"] == order
