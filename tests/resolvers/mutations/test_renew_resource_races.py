"""Renewals concurrent with other orders, and of offerings restricted to some organisations."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import FINISH_ORDERS_SQL, MutableDemo, serve_mutable_demo

BASIC_CONDITION = "r.state = 2 and o.type = 'Marketplace.Basic'"
LOCK_RESOURCE_SQL = "select id from marketplace_resource where uuid = %s for update"
INSERT_TERMINATION_SQL = """
insert into marketplace_order select (n).* from (
    select jsonb_populate_record(o, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_order', 'id')), 'uuid', gen_random_uuid(),
        'state', 1, 'type', 3, 'attributes', '{}'::jsonb)) n
    from marketplace_order o join marketplace_resource r on r.id = o.resource_id
    where r.uuid = %s order by o.id limit 1)
"""
UPDATE_OFFERING_SQL = """
update marketplace_offering o set {} from marketplace_resource r
join structure_project p on p.id = r.project_id where o.id = r.offering_id and r.uuid = %s
"""
RESTRICT_OFFERING_SQL = """
with one as (insert into structure_organizationgroup (uuid, name)
    values (gen_random_uuid(), 'Some') returning id)
insert into marketplace_offering_organization_groups (offering_id, organizationgroup_id)
select r.offering_id, one.id from marketplace_resource r, one where r.uuid = %s
"""
JOIN_GROUP_SQL = """
insert into structure_customer_organization_groups (customer_id, organizationgroup_id)
select p.customer_id, g.organizationgroup_id from marketplace_resource r
join structure_project p on p.id = r.project_id
join marketplace_offering_organization_groups g on g.offering_id = r.offering_id where r.uuid = %s
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


async def find_renewable_resource(
    demo: MutableDemo, username: str = "staff", condition: str = BASIC_CONDITION
) -> str:
    """Return the uuid of a resource that a user can renew."""
    return (await demo.find_operable_resources("RENEW_RESOURCE", username, condition))[0]


async def try_renewal(demo: MutableDemo, uuid: str, username: str = "staff") -> str:
    """Renew a resource, and return the reason of the problem or the type of the result."""
    result = await demo.run_mutation("renewResource", username, uuid=uuid, extensionMonths=12)
    return str(result.get("reason") or result["__typename"])


@pytest.mark.parametrize(
    ("state", "problem"), [(5, "WrongState"), (3, "ORDER_PENDING")], ids=["OK", "erred"]
)
async def test_a_concurrent_termination_is_waited_for(
    demo: MutableDemo, state: int, problem: str
) -> None:
    """Waldur locks the resource as well, so that one of two concurrent orders comes first."""
    uuid = await find_renewable_resource(demo)
    count_sql = "select count(*) from marketplace_order"
    count_before = demo.run_sql(count_sql)[0][0]
    url = demo.connection.info.dsn
    password = demo.connection.info.password
    async with await psycopg.AsyncConnection.connect(url, password=password) as other_connection:
        await other_connection.execute(LOCK_RESOURCE_SQL, [uuid])
        renewal_task = asyncio.create_task(try_renewal(demo, uuid))
        await asyncio.sleep(0.3)
        assert not renewal_task.done()
        await other_connection.execute(INSERT_TERMINATION_SQL.encode(), [uuid])
        update_state_sql = "update marketplace_resource set state = %s where uuid = %s"
        await other_connection.execute(update_state_sql, [state, uuid])
        await other_connection.commit()
        assert await renewal_task == problem
    assert demo.run_sql(count_sql)[0][0] == count_before + 1
    demo.run_sql("update marketplace_order set state = 5 where state = 1 and type = 3")
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuid)


async def test_one_of_two_concurrent_orders_is_placed(demo: MutableDemo) -> None:
    """A renewal and a change of options by order exclude each other."""
    uuid = await find_renewable_resource(demo)
    by_order_option = "'{\"create_orders_on_resource_option_change\": true}'"
    demo.run_sql(
        UPDATE_OFFERING_SQL.format(f"plugin_options = o.plugin_options || {by_order_option}"), uuid
    )
    options = '\'{"options": {"note": {"type": "string"}}}\''
    demo.run_sql(UPDATE_OFFERING_SQL.format(f"resource_options = {options}"), uuid)
    ((resource_id,),) = demo.run_sql("select id from marketplace_resource where uuid = %s", uuid)
    for turn in range(5):
        changes = [
            demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12),
            demo.run_mutation("updateResourceOptions", uuid=uuid, options={"note": str(turn)}),
        ]
        results = await asyncio.gather(*(changes if turn % 2 else reversed(changes)))
        placed_orders = [each["order"] for each in results if each.get("order")]
        assert len(placed_orders) == 1
        assert "WrongState" in {each["__typename"] for each in results}
        demo.run_sql(FINISH_ORDERS_SQL, resource_id)
        demo.run_sql("update marketplace_resource set state = 2 where id = %s", resource_id)


async def test_organisation_groups_restrict_orders(demo: MutableDemo) -> None:
    """Orders are allowed for organisations in one of the groups and for staff (domain.md §6.2)."""
    uuid = await find_renewable_resource(demo, "owner", f"{BASIC_CONDITION} and o.shared")
    demo.run_sql(RESTRICT_OFFERING_SQL, uuid)
    assert await try_renewal(demo, uuid, "owner") == "OFFERING_RESTRICTED"
    demo.run_sql(JOIN_GROUP_SQL, uuid)
    assert await try_renewal(demo, uuid, "owner") == "ResourceRenewed"
    other_uuid = await find_renewable_resource(
        demo, "owner", f"r.state = 2 and o.shared and r.uuid <> '{uuid}'"
    )
    demo.run_sql(RESTRICT_OFFERING_SQL, other_uuid)
    demo.run_sql("delete from structure_customer_organization_groups")
    assert await try_renewal(demo, other_uuid, "owner") == "OFFERING_RESTRICTED"
    assert await try_renewal(demo, other_uuid) == "ResourceRenewed"


PRIVATE_COLUMNS = "shared = false, billable = false"
OTHER_CUSTOMER_SQL = "(select min(c.id) from structure_customer c where c.id <> p.customer_id)"
PRIVATE_OFFERING_CASES = {
    "no owner": ("project_id = null, customer_id = null", "OFFERING_RESTRICTED"),
    "another organisation": (
        f"project_id = null, customer_id = {OTHER_CUSTOMER_SQL}",
        "OFFERING_RESTRICTED",
    ),
    "own organisation": ("project_id = null, customer_id = p.customer_id", "ResourceRenewed"),
    "own project": (f"project_id = p.id, customer_id = {OTHER_CUSTOMER_SQL}", "ResourceRenewed"),
}


@pytest.mark.parametrize("case_name", PRIVATE_OFFERING_CASES)
async def test_private_offerings_restrict_orders(demo: MutableDemo, case_name: str) -> None:
    """Orders are allowed for the offering's own organisation or project (domain.md §6.2)."""
    owner_columns, expected = PRIVATE_OFFERING_CASES[case_name]
    uuid = await find_renewable_resource(demo, condition="r.state = 2")
    ((offering_id, *original_values),) = demo.run_sql(
        "select o.id, o.shared, o.billable, o.project_id, o.customer_id from marketplace_offering o"
        " join marketplace_resource r on r.offering_id = o.id where r.uuid = %s",
        uuid,
    )
    demo.run_sql(UPDATE_OFFERING_SQL.format(f"{PRIVATE_COLUMNS}, {owner_columns}"), uuid)
    assert await try_renewal(demo, uuid) == expected
    restore_sql = "(shared, billable, project_id, customer_id) = (%s, %s, %s, %s)"
    demo.run_sql(
        f"update marketplace_offering set {restore_sql} where id = %s",
        *original_values,
        offering_id,
    )
