"""Operations from the mutation to the result: orders, approval, execution by the provider."""
# ruff: noqa: E501 - SQL

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest_asyncio

from gateway.demo.marketplace.offers import FAIL_ORDERS_OPTION
from gateway.marketplace.billing.renewal_pricing import add_months
from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import (
    DemoWithProvider,
    find_renewable_resource,
    serve_demo_with_provider,
)

OK, ERRED, UPDATING = 2, 3, 4


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a mutable demo with its provider."""
    async with serve_demo_with_provider(new_database()) as running_demo:
        yield running_demo


def load_monthly_cost(demo: DemoWithProvider, resource_row: dict[str, Any]) -> Decimal:
    """Return the monthly cost of the prepaid component of a resource."""
    ((price, limit),) = demo.run_sql(
        "select p.price, (%s::jsonb ->> c.type)::numeric from marketplace_plancomponent p"
        " join marketplace_offeringcomponent c on c.id = p.component_id and c.is_prepaid"
        " where p.plan_id = %s",
        json.dumps(resource_row["limits"]),
        resource_row["plan_id"],
    )
    return Decimal(price * limit)


def load_last_event_types(demo: DemoWithProvider, resource_id: int) -> set[str]:
    """Return the types of the last eight logged events of a resource."""
    rows = demo.run_sql(
        "select e.event_type from logging_event e join logging_feed f on f.event_id = e.id"
        " join django_content_type t on t.id = f.content_type_id and t.model = 'resource'"
        " where f.object_id = %s order by e.id desc limit 8",
        resource_id,
    )
    return {event_type for (event_type,) in rows}


async def test_a_renewal_is_ordered_approved_and_carried_out(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    before = demo.load_resource_row(uuid)
    quotas_before = demo.run_sql(
        "select count(*) from quotas_quotausage where name = 'order_count'"
    )
    order_result = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    order = order_result["order"]["uuid"]
    assert (order_result["order"]["state"], order_result["resource"]["state"]) == (
        "PENDING_PROVIDER",
        "UPDATING",
    )
    assert demo.load_resource_row(uuid)["state"] == UPDATING
    assert Decimal(order_result["order"]["cost"]) == load_monthly_cost(demo, before) * 12
    quotas_after = demo.run_sql("select count(*) from quotas_quotausage where name = 'order_count'")
    assert quotas_after[0][0] == quotas_before[0][0] + 1
    await demo.process_due_work()
    assert demo.load_resource_row(uuid)["state"] == UPDATING, (
        "an order is not carried out before its approval"
    )
    approval_result = await demo.run_mutation("approveOrder", uuid=order)
    assert approval_result["order"]["state"] == "EXECUTING"
    await demo.process_due_work()
    state, error, consumer_id, provider_id, completed_at = demo.load_order_row(order)
    assert (state, error) == (3, "")
    assert None not in (consumer_id, provider_id, completed_at)
    renewed_row = demo.load_resource_row(uuid)
    assert renewed_row["state"] == OK
    assert renewed_row["end_date"] == add_months(max(before["end_date"], date.today()), 12)  # noqa: DTZ011
    (*_, entry) = renewed_row["attributes"]["renewal_history"]
    assert entry["order_uuid"] == order
    assert entry["new_end_date"] == renewed_row["end_date"].isoformat()
    periods = 'select count(*) from marketplace_resourceplanperiod where "end" is null and resource_id = %s'
    assert demo.run_sql(periods, renewed_row["id"]) == [(1,)]
    event_types = load_last_event_types(demo, renewed_row["id"])
    assert {"marketplace_order_approved", "marketplace_order_completed"} <= event_types


async def test_increased_limits_of_a_renewal_update_the_quotas(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    before = demo.load_resource_row(uuid)
    ((name, old_limit),) = list(before["limits"].items())
    order_result = await demo.run_mutation(
        "renewResource", uuid=uuid, extensionMonths=12, limits={name: old_limit + 1}
    )
    assert order_result["__typename"] == "ResourceRenewed", order_result
    await demo.run_mutation("approveOrder", uuid=order_result["order"]["uuid"])
    await demo.process_due_work()
    assert demo.load_resource_row(uuid)["limits"] == {name: old_limit + 1}
    quota = demo.run_sql(
        'select q."limit" from marketplace_componentquota q join marketplace_offeringcomponent c'
        " on c.id = q.component_id where q.resource_id = %s and c.type = %s",
        before["id"],
        name,
    )
    assert quota == [(Decimal(old_limit + 1),)]


async def test_a_rejected_order_leaves_the_resource_unchanged(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    before = demo.load_resource_row(uuid)
    order_result = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    order = order_result["order"]["uuid"]
    rejection_result = await demo.run_mutation("rejectOrder", uuid=order, comment="Too early.")
    assert (rejection_result["order"]["state"], rejection_result["resource"]["state"]) == (
        "REJECTED",
        "OK",
    )
    assert demo.load_resource_row(uuid) == before
    second_result = await demo.run_mutation("approveOrder", uuid=order)
    assert (second_result["__typename"], second_result["state"]) == ("WrongState", "REJECTED")
    assert (await demo.run_mutation("cancelOrder", uuid=order))["__typename"] == "WrongState"


async def test_an_order_can_be_canceled_where_the_plugin_allows_it(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    order_result = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    cancellation_result = await demo.run_mutation("cancelOrder", uuid=order_result["order"]["uuid"])
    assert (cancellation_result["order"]["state"], cancellation_result["resource"]["state"]) == (
        "CANCELED",
        "OK",
    )


async def test_an_order_fails_if_the_offering_option_requests_it(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    statement = (
        "update marketplace_offering set plugin_options = plugin_options {} where id ="
        " (select offering_id from marketplace_resource where uuid = %s)"
    )
    demo.run_sql(statement.format(f"|| '{{\"{FAIL_ORDERS_OPTION}\": true}}'"), uuid)
    order_result = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    await demo.run_mutation("approveOrder", uuid=order_result["order"]["uuid"])
    await demo.process_due_work()
    assert demo.load_order_row(order_result["order"]["uuid"])[0] == 4
    assert "provider" in demo.load_order_row(order_result["order"]["uuid"])[1]
    assert demo.load_resource_row(uuid)["state"] == UPDATING
    demo.run_sql(statement.format(f"- '{FAIL_ORDERS_OPTION}'"), uuid)
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuid)
    second_result = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    await demo.run_mutation("approveOrder", uuid=second_result["order"]["uuid"])
    await demo.process_due_work()
    assert demo.load_resource_row(uuid)["state"] == OK


async def test_options_change_by_an_order_where_the_offering_requires_one(
    demo: DemoWithProvider,
) -> None:
    condition = "(o.plugin_options ->> 'create_orders_on_resource_option_change')::boolean"
    resource_uuids = await demo.find_operable_resources(
        "UPDATE_RESOURCE_OPTIONS", condition=condition
    )
    uuid = resource_uuids[0]
    before = demo.load_resource_row(uuid)["options"] or {}
    order_result = await demo.run_mutation(
        "updateResourceOptions", uuid=uuid, options={"label": "new"}
    )
    assert demo.load_resource_row(uuid)["options"] == (
        before or demo.load_resource_row(uuid)["options"]
    )
    if order_result["order"]["state"].startswith("PENDING"):
        await demo.run_mutation("approveOrder", uuid=order_result["order"]["uuid"])
    await demo.process_due_work()
    assert demo.load_resource_row(uuid)["options"] == {**before, "label": "new"}
    direct_result = await demo.run_mutation(
        "updateResourceOptions", uuid=uuid, options={"tier": "cold"}, direct=True
    )
    assert (direct_result["order"], demo.load_resource_row(uuid)["options"]["tier"]) == (
        None,
        "cold",
    )


async def test_a_pull_updates_the_resource_from_the_backend(demo: DemoWithProvider) -> None:
    uuid = (await demo.find_operable_resources("PULL_RESOURCE", "member"))[0]
    before = demo.load_resource_row(uuid)
    await demo.run_mutation("pullResource", "member", uuid=uuid)
    await demo.run_mutation("pullResource", "member", uuid=uuid)
    await demo.process_due_work()
    after = demo.load_resource_row(uuid)
    assert after["last_sync"] > (before["last_sync"] or after["last_sync"].min)
    assert demo.run_sql("select count(*) from gateway.pull") == [(0,)]
    usages = demo.run_sql(
        "select c.type, u.usage from marketplace_componentusage u"
        " join marketplace_offeringcomponent c on c.id = u.component_id where u.resource_id = %s"
        " and u.billing_period = date_trunc('month', now())",
        before["id"],
    )
    for kind, value in after["current_usages"].items():
        assert value != before["current_usages"][kind]
        assert (kind, round(Decimal(str(value)), 2)) in usages


async def test_a_move_includes_orders_invoices_and_quotas(demo: DemoWithProvider) -> None:
    ((uuid, source),) = demo.run_sql(
        "select r.uuid, r.project_id from marketplace_resource r join invoices_invoiceitem i"
        " on i.resource_id = r.id and i.project_id = r.project_id join invoices_invoice v"
        " on v.id = i.invoice_id and v.state = 'pending' order by r.id limit 1"
    )
    ((target, target_id, customer_id),) = demo.run_sql(
        "select p.uuid, p.id, p.customer_id from structure_project p join structure_customer c on"
        " c.id = p.customer_id and not c.blocked where not p.is_removed and p.customer_id <>"
        " (select customer_id from structure_project where id = %s) order by p.id limit 1",
        source,
    )
    demo.run_sql(
        "update invoices_invoice set state = 'pending' where customer_id = %s", customer_id
    )
    move_result = await demo.run_mutation("moveResource", uuid=uuid.hex, project=target.hex)
    assert move_result["__typename"] == "ResourceMoved", move_result
    id_ = demo.load_resource_row(uuid.hex)["id"]
    projects = "select distinct project_id from marketplace_order where resource_id = %s"
    assert demo.run_sql(projects, id_) == [(target_id,)]
    invoices = demo.run_sql(
        "select distinct v.customer_id, v.total_cost = round((select sum(unit_price * quantity)"
        " from invoices_invoiceitem where invoice_id = v.id), 2) from invoices_invoiceitem i"
        " join invoices_invoice v on v.id = i.invoice_id where i.resource_id = %s and i.project_id = %s",
        id_,
        target_id,
    )
    assert invoices == [(customer_id, True)]
    quota_deltas = demo.run_sql(
        "select delta from quotas_quotausage where name = 'nc_resource_count' order by id desc limit 4"
    )
    assert sorted(delta for (delta,) in quota_deltas) == [-1, -1, 1, 1]


async def test_concurrent_renewals_place_one_order(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    results = await asyncio.gather(
        *[demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12) for _ in range(6)]
    )
    names = sorted(each["__typename"] for each in results)
    assert names == ["ResourceRenewed", *["WrongState"] * 5]
    order = next(each["order"]["uuid"] for each in results if each.get("order"))
    review_results = await asyncio.gather(
        demo.run_mutation("approveOrder", uuid=order), demo.run_mutation("rejectOrder", uuid=order)
    )
    assert sorted(each["__typename"] == "WrongState" for each in review_results) == [False, True]
    await demo.process_due_work()


async def test_requests_with_the_same_idempotency_key_place_one_order(
    demo: DemoWithProvider,
) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    arguments: dict[str, Any] = {"uuid": uuid, "extensionMonths": 12, "idempotencyKey": "renewal 1"}
    results = await asyncio.gather(
        *[demo.run_mutation("renewResource", **arguments) for _ in range(6)]
    )
    assert {each["__typename"] for each in results} == {"ResourceRenewed"}
    assert len({each["order"]["uuid"] for each in results}) == 1
    conflict_result = await demo.run_mutation(
        "renewResource", **{**arguments, "extensionMonths": 24}
    )
    assert conflict_result["__typename"] == "Conflict"
    other_user_result = await demo.run_mutation("renewResource", "owner", **arguments)
    assert other_user_result["__typename"] != "ResourceRenewed", "keys are separate for each user"
    await demo.run_mutation("rejectOrder", uuid=results[0]["order"]["uuid"])
    demo.run_sql("update gateway.idempotency_key set claimed_at = claimed_at - interval '25 hours'")
    expired_key_result = await demo.run_mutation("renewResource", **arguments)
    assert expired_key_result["order"]["uuid"] != results[0]["order"]["uuid"]
    await demo.run_mutation("rejectOrder", uuid=expired_key_result["order"]["uuid"])


async def test_an_invalid_order_fails_and_blocks_no_other(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    order_result = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    order = order_result["order"]["uuid"]
    demo.run_sql(
        'update marketplace_order set attributes = attributes || \'{"new_end_date": "never"}\''
        " where uuid = %s",
        order,
    )
    await demo.run_mutation("approveOrder", uuid=order)
    await demo.process_due_work()
    assert demo.load_order_row(order)[:2] == [4, "The order can't be carried out."]
    assert demo.load_resource_row(uuid)["state"] == ERRED
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuid)
