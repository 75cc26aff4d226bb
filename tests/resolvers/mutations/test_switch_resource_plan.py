"""Switching the plan of a resource (domain.md §5.10, rules.md §1)."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider
from tests.support.mutable_demo import FINISH_ORDERS_SQL

BASIC_OFFERING = "r.state = 2 and o.type = 'Marketplace.Basic'"
COPY_PLAN_SQL = """
insert into marketplace_plan select (n).* from (
    select jsonb_populate_record(p, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_plan', 'id')), 'uuid', gen_random_uuid(),
        'unit_price', p.unit_price + 10, 'archived', false, 'max_amount', null)) n
    from marketplace_plan p join marketplace_resource r on r.plan_id = p.id where r.uuid = %s)
returning id, uuid
"""
ADD_SWITCH_PRICE_SQL = """
with component as (
    insert into marketplace_offeringcomponent select (n).* from (
        select jsonb_populate_record(c, jsonb_build_object(
            'id', nextval(pg_get_serial_sequence('marketplace_offeringcomponent', 'id')),
            'uuid', gen_random_uuid(), 'type', 'switch', 'billing_type', 'few',
            'is_prepaid', false)) n
        from marketplace_offeringcomponent c join marketplace_resource r
        on r.offering_id = c.offering_id where r.uuid = %s limit 1) returning id)
insert into marketplace_plancomponent (plan_id, component_id, amount, price)
select %s, id, 2, 3.5 from component
"""
PLAN_PERIODS_SQL = """
select plan_id, "end" is null from marketplace_resourceplanperiod where resource_id = %s order by id
"""


class PlanSwitch(NamedTuple):
    """A resource, and another plan of its offering."""

    uuid: str
    before: dict[str, Any]
    plan_id: int
    plan: str
    """UUID of the other plan."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that the tests change, and its provider."""
    async with serve_demo_with_provider(new_database(), viewer_seconds="0") as demo_with_provider:
        yield demo_with_provider


@pytest_asyncio.fixture(loop_scope="session")
async def plan_switch(demo: DemoWithProvider) -> AsyncIterator[PlanSwitch]:
    """Yield a resource of a Basic offering and a plan that costs 10 more; end its orders then."""
    uuids = await demo.find_operable_resources("SWITCH_RESOURCE_PLAN", "owner", BASIC_OFFERING)
    uuid = uuids[0]
    before = demo.load_resource_row(uuid)
    ((plan_id, plan),) = demo.run_sql(COPY_PLAN_SQL, uuid)
    yield PlanSwitch(uuid, before, plan_id, plan.hex)
    demo.run_sql(FINISH_ORDERS_SQL, before["id"])
    demo.run_sql(
        "update marketplace_resource set state = 2, plan_id = %s where uuid = %s",
        before["plan_id"],
        uuid,
    )


async def switch_plan(demo: DemoWithProvider, plan_switch: PlanSwitch) -> Any:
    """Order the other plan as staff."""
    return await demo.run_mutation(
        "switchResourcePlan", uuid=plan_switch.uuid, plan=plan_switch.plan
    )


async def test_a_switch_changes_plan_cost_and_periods(
    demo: DemoWithProvider, plan_switch: PlanSwitch
) -> None:
    demo.run_sql(ADD_SWITCH_PRICE_SQL, plan_switch.uuid, plan_switch.plan_id)
    result = await switch_plan(demo, plan_switch)
    assert (result["__typename"], result["resource"]["state"]) == (
        "ResourcePlanSwitched",
        "UPDATING",
    )
    order = result["order"]["uuid"]
    query = """query ($uuid: UUID!) { order(uuid: $uuid) {
        subtype plan { uuid } oldPlan { uuid } limits cost activationPrice } }"""
    fields = (await demo.client.execute_query(query, uuid=order))["data"]["order"]
    assert (fields["subtype"], fields["plan"]["uuid"]) == ("PLAN_SWITCH", plan_switch.plan)
    assert fields["limits"] == plan_switch.before["limits"]
    assert Decimal(fields["activationPrice"]) == 7
    assert demo.load_resource_row(plan_switch.uuid)["plan_id"] == plan_switch.before["plan_id"]
    await demo.run_mutation("approveOrder", uuid=order)
    await demo.process_due_work()
    after = demo.load_resource_row(plan_switch.uuid)
    assert (after["state"], after["plan_id"]) == (2, plan_switch.plan_id)
    assert after["limits"] == plan_switch.before["limits"]
    assert Decimal(fields["cost"]) == after["cost"] + 7
    assert demo.run_sql(PLAN_PERIODS_SQL, after["id"])[-2:] == [
        (plan_switch.before["plan_id"], False),
        (plan_switch.plan_id, True),
    ]


@pytest.mark.parametrize(
    ("setup_sql", "expected_text"),
    [
        ("archived = true", "archived"),
        ("max_amount = 0", "at most 0 resources, and has 0"),
        ("unit = 'half_month'", "must have the current plan's unit"),
        ("offering_id = (select max(id) from marketplace_offering)", "plan of the offering"),
    ],
)
async def test_plans_that_can_not_be_ordered_are_refused(
    demo: DemoWithProvider, plan_switch: PlanSwitch, setup_sql: str, expected_text: str
) -> None:
    demo.run_sql(f"update marketplace_plan set {setup_sql} where id = %s", plan_switch.plan_id)
    digest_before = demo.digest_tables()
    result = await switch_plan(demo, plan_switch)
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [["plan"]]
    assert expected_text in result["message"]
    assert demo.digest_tables() == digest_before


async def test_plans_that_are_hidden_are_like_absent_ones(
    demo: DemoWithProvider, plan_switch: PlanSwitch
) -> None:
    arguments = {"uuid": plan_switch.uuid, "as_": "owner"}
    ((group_id,),) = demo.run_sql(
        "insert into structure_organizationgroup (uuid, name)"
        " values (gen_random_uuid(), 'Of others') returning id"
    )
    demo.run_sql(
        "insert into marketplace_plan_organization_groups (plan_id, organizationgroup_id)"
        " values (%s, %s)",
        plan_switch.plan_id,
        group_id,
    )
    hidden, absent = [
        await demo.run_mutation("switchResourcePlan", plan=plan, **arguments)
        for plan in (plan_switch.plan, "0" * 32)
    ]
    assert hidden == absent
    assert hidden["__typename"] == "InvalidInput"


async def test_switches_to_the_current_plan_are_accepted(
    demo: DemoWithProvider, plan_switch: PlanSwitch
) -> None:
    """No such test was seen in Waldur."""
    ((plan,),) = demo.run_sql(
        "select uuid from marketplace_plan where id = %s", plan_switch.before["plan_id"]
    )
    result = await switch_plan(demo, plan_switch._replace(plan=plan.hex))
    assert result["__typename"] == "ResourcePlanSwitched"
