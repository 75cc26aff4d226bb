"""From a wish to what comes of it: orders, their approval, the provider who carries them out."""
# ruff: noqa: E501 - SQL

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest_asyncio

from gateway.demo.marketplace.offers import FAILS
from gateway.marketplace.billing.renewal_pricing import later
from tests.conftest import NewDatabase
from tests.support.demo_with_provider import Living, living, renewable

OK, ERRED, UPDATING = 2, 3, 4


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Living]:
    """Give a demo that may change, and its provider."""
    async with living(new_database()) as made:
        yield made


async def test_a_renewal_is_ordered_approved_and_carried_out(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    before = demo.row(uuid)
    quotas = demo.sql("select count(*) from quotas_quotausage where name = 'order_count'")
    placed = await demo.change("renewResource", uuid=uuid, extensionMonths=12)
    order = placed["order"]["uuid"]
    assert (placed["order"]["state"], placed["resource"]["state"]) == (
        "PENDING_PROVIDER",
        "UPDATING",
    )
    assert demo.row(uuid)["state"] == UPDATING
    ((price, limit),) = demo.sql(
        "select p.price, (%s::jsonb ->> c.type)::numeric from marketplace_plancomponent p"
        " join marketplace_offeringcomponent c on c.id = p.component_id and c.is_prepaid"
        " where p.plan_id = %s",
        json.dumps(before["limits"]),
        before["plan_id"],
    )
    assert Decimal(placed["order"]["cost"]) == price * limit * 12
    after = demo.sql("select count(*) from quotas_quotausage where name = 'order_count'")
    assert after[0][0] == quotas[0][0] + 1
    await demo.carry_out()
    assert demo.row(uuid)["state"] == UPDATING, "nobody carries out what is not approved"
    approved = await demo.change("approveOrder", uuid=order)
    assert approved["order"]["state"] == "EXECUTING"
    await demo.carry_out()
    state, error, consumer, provider, completed = demo.order(order)
    assert (state, error) == (3, "")
    assert None not in (consumer, provider, completed)
    done = demo.row(uuid)
    assert done["state"] == OK
    assert done["end_date"] == later(max(before["end_date"], date.today()), 12)  # noqa: DTZ011
    (*_, entry) = done["attributes"]["renewal_history"]
    assert (entry["extension_months"], entry["order_uuid"]) == (12, order)
    assert entry["new_end_date"] == done["end_date"].isoformat()
    periods = 'select count(*) from marketplace_resourceplanperiod where "end" is null and resource_id = %s'
    assert demo.sql(periods, done["id"]) == [(1,)]
    kinds = demo.sql(
        "select e.event_type from logging_event e join logging_feed f on f.event_id = e.id"
        " join django_content_type t on t.id = f.content_type_id and t.model = 'resource'"
        " where f.object_id = %s order by e.id desc limit 8",
        done["id"],
    )
    assert {"marketplace_order_created", "marketplace_order_completed"} <= {
        kind for (kind,) in kinds
    }


async def test_more_limits_of_a_renewal_become_quotas_and_cost(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    before = demo.row(uuid)
    ((name, low),) = list(before["limits"].items())
    placed = await demo.change(
        "renewResource", uuid=uuid, extensionMonths=12, limits={name: low + 1}
    )
    assert placed["__typename"] == "ResourceRenewed", placed
    await demo.change("approveOrder", uuid=placed["order"]["uuid"])
    await demo.carry_out()
    assert demo.row(uuid)["limits"] == {name: low + 1}
    quota = demo.sql(
        'select q."limit" from marketplace_componentquota q join marketplace_offeringcomponent c'
        " on c.id = q.component_id where q.resource_id = %s and c.type = %s",
        before["id"],
        name,
    )
    assert quota == [(Decimal(low + 1),)]


async def test_a_rejected_order_leaves_all_as_it_was(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    before = demo.row(uuid)
    placed = await demo.change("renewResource", uuid=uuid, extensionMonths=12)
    order = placed["order"]["uuid"]
    rejected = await demo.change("rejectOrder", uuid=order, comment="Too early.")
    assert (rejected["order"]["state"], rejected["resource"]["state"]) == ("REJECTED", "OK")
    assert demo.row(uuid) == before
    again = await demo.change("approveOrder", uuid=order)
    assert (again["__typename"], again["state"]) == ("WrongState", "REJECTED")
    assert (await demo.change("cancelOrder", uuid=order))["__typename"] == "WrongState"


async def test_an_order_can_be_called_off_where_the_plugin_can(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    placed = await demo.change("renewResource", uuid=uuid, extensionMonths=12)
    canceled = await demo.change("cancelOrder", uuid=placed["order"]["uuid"])
    assert (canceled["order"]["state"], canceled["resource"]["state"]) == ("CANCELED", "OK")


async def test_an_order_fails_where_the_offering_says_so(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    marked = (
        "update marketplace_offering set plugin_options = plugin_options {} where id ="
        " (select offering_id from marketplace_resource where uuid = %s)"
    )
    demo.sql(marked.format(f"|| '{{\"{FAILS}\": true}}'"), uuid)
    placed = await demo.change("renewResource", uuid=uuid, extensionMonths=12)
    await demo.change("approveOrder", uuid=placed["order"]["uuid"])
    await demo.carry_out()
    assert demo.order(placed["order"]["uuid"])[0] == 4
    assert "provider" in demo.order(placed["order"]["uuid"])[1]
    assert demo.row(uuid)["state"] == ERRED
    demo.sql(marked.format(f"- '{FAILS}'"), uuid)
    again = await demo.change("renewResource", uuid=uuid, extensionMonths=12)
    await demo.change("approveOrder", uuid=again["order"]["uuid"])
    await demo.carry_out()
    assert demo.row(uuid)["state"] == OK


async def test_options_change_by_an_order_where_the_offering_wants_one(demo: Living) -> None:
    wanted = "(o.plugin_options ->> 'create_orders_on_resource_option_change')::boolean"
    found = await demo.able("UPDATE_RESOURCE_OPTIONS", condition=wanted)
    uuid = found[0]
    before = demo.row(uuid)["options"] or {}
    placed = await demo.change("updateResourceOptions", uuid=uuid, options={"mark": "new"})
    assert demo.row(uuid)["options"] == (before or demo.row(uuid)["options"])
    if placed["order"]["state"].startswith("PENDING"):
        await demo.change("approveOrder", uuid=placed["order"]["uuid"])
    await demo.carry_out()
    assert demo.row(uuid)["options"] == {**before, "mark": "new"}
    direct = await demo.change(
        "updateResourceOptions", uuid=uuid, options={"mark": "newer"}, direct=True
    )
    assert (direct["order"], demo.row(uuid)["options"]["mark"]) == (None, "newer")


async def test_a_pull_brings_what_the_backend_says(demo: Living) -> None:
    uuid = (await demo.able("PULL_RESOURCE", "member"))[0]
    before = demo.row(uuid)
    await demo.change("pullResource", "member", uuid=uuid)
    await demo.change("pullResource", "member", uuid=uuid)
    await demo.carry_out()
    after = demo.row(uuid)
    assert after["last_sync"] > (before["last_sync"] or after["last_sync"].min)
    assert demo.sql("select count(*) from gateway.pull") == [(0,)]
    usages = demo.sql(
        "select c.type, u.usage from marketplace_componentusage u"
        " join marketplace_offeringcomponent c on c.id = u.component_id where u.resource_id = %s"
        " and u.billing_period = date_trunc('month', now())",
        before["id"],
    )
    for kind, value in after["current_usages"].items():
        assert value != before["current_usages"][kind]
        assert (kind, round(Decimal(str(value)), 2)) in usages


async def test_a_move_takes_all_along(demo: Living) -> None:
    ((uuid, source),) = demo.sql(
        "select r.uuid, r.project_id from marketplace_resource r join invoices_invoiceitem i"
        " on i.resource_id = r.id and i.project_id = r.project_id join invoices_invoice v"
        " on v.id = i.invoice_id and v.state = 'pending' order by r.id limit 1"
    )
    ((target, key, customer),) = demo.sql(
        "select p.uuid, p.id, p.customer_id from structure_project p join structure_customer c on"
        " c.id = p.customer_id and not c.blocked where not p.is_removed and p.customer_id <>"
        " (select customer_id from structure_project where id = %s) order by p.id limit 1",
        source,
    )
    demo.sql("update invoices_invoice set state = 'pending' where customer_id = %s", customer)
    moved = await demo.change("moveResource", uuid=uuid.hex, project=target.hex)
    assert moved["__typename"] == "ResourceMoved", moved
    id_ = demo.row(uuid.hex)["id"]
    projects = "select distinct project_id from marketplace_order where resource_id = %s"
    assert demo.sql(projects, id_) == [(key,)]
    invoices = demo.sql(
        "select distinct v.customer_id, v.total_cost = round((select sum(unit_price * quantity)"
        " from invoices_invoiceitem where invoice_id = v.id), 2) from invoices_invoiceitem i"
        " join invoices_invoice v on v.id = i.invoice_id where i.resource_id = %s and i.project_id = %s",
        id_,
        key,
    )
    assert invoices == [(customer, True)]
    counted = demo.sql(
        "select delta from quotas_quotausage where name = 'nc_resource_count' order by id desc limit 4"
    )
    assert sorted(delta for (delta,) in counted) == [-1, -1, 1, 1]


async def test_two_renewals_at_once_make_one_order(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    came = await asyncio.gather(
        *[demo.change("renewResource", uuid=uuid, extensionMonths=12) for _ in range(6)]
    )
    names = sorted(each["__typename"] for each in came)
    assert names == ["ResourceRenewed", *["WrongState"] * 5]
    order = next(each["order"]["uuid"] for each in came if each.get("order"))
    both = await asyncio.gather(
        demo.change("approveOrder", uuid=order), demo.change("rejectOrder", uuid=order)
    )
    assert sorted(each["__typename"] == "WrongState" for each in both) == [False, True]
    await demo.carry_out()


async def test_the_same_key_makes_one_order(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    given: dict[str, Any] = {"uuid": uuid, "extensionMonths": 12, "idempotencyKey": "a wish"}
    came = await asyncio.gather(*[demo.change("renewResource", **given) for _ in range(6)])
    assert {each["__typename"] for each in came} == {"ResourceRenewed"}
    assert len({each["order"]["uuid"] for each in came}) == 1
    other = await demo.change("renewResource", **{**given, "extensionMonths": 24})
    assert other["__typename"] == "Conflict"
    theirs = await demo.change("renewResource", "owner", **given)
    assert theirs["__typename"] != "ResourceRenewed", "a key is its user's own"
    await demo.change("rejectOrder", uuid=came[0]["order"]["uuid"])
    demo.sql("update gateway.placed set at = at - interval '25 hours'")
    later_ = await demo.change("renewResource", **given)
    assert later_["order"]["uuid"] != came[0]["order"]["uuid"]
    await demo.change("rejectOrder", uuid=later_["order"]["uuid"])


async def test_an_order_that_makes_no_sense_fails_and_holds_up_no_other(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    placed = await demo.change("renewResource", uuid=uuid, extensionMonths=12)
    order = placed["order"]["uuid"]
    demo.sql(
        'update marketplace_order set attributes = attributes || \'{"new_end_date": "never"}\''
        " where uuid = %s",
        order,
    )
    await demo.change("approveOrder", uuid=order)
    await demo.carry_out()
    assert demo.order(order)[:2] == [4, "The order can't be carried out."]
    assert demo.row(uuid)["state"] == ERRED
    demo.sql("update marketplace_resource set state = 2 where uuid = %s", uuid)
