"""A renewal beside other wishes for the same resource, and beside those an offering is for."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.mutable_demo import FREE, Changing, changing

BASIC = "r.state = 2 and o.type = 'Marketplace.Basic'"
HOLD = "select id from marketplace_resource where uuid = %s for update"
TERMINATE = """
insert into marketplace_order select (n).* from (
    select jsonb_populate_record(o, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_order', 'id')), 'uuid', gen_random_uuid(),
        'state', 1, 'type', 3, 'attributes', '{}'::jsonb)) n
    from marketplace_order o join marketplace_resource r on r.id = o.resource_id
    where r.uuid = %s order by o.id limit 1)
"""
OFFERING = """
update marketplace_offering o set {} from marketplace_resource r
join structure_project p on p.id = r.project_id where o.id = r.offering_id and r.uuid = %s
"""
GROUP = """
with one as (insert into structure_organizationgroup (uuid, name)
    values (gen_random_uuid(), 'Some') returning id)
insert into marketplace_offering_organization_groups (offering_id, organizationgroup_id)
select r.offering_id, one.id from marketplace_resource r, one where r.uuid = %s
"""
JOIN = """
insert into structure_customer_organization_groups (customer_id, organizationgroup_id)
select p.customer_id, g.organizationgroup_id from marketplace_resource r
join structure_project p on p.id = r.project_id
join marketplace_offering_organization_groups g on g.offering_id = r.offering_id where r.uuid = %s
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Changing]:
    """Give a demo that may change."""
    async with changing(new_database()) as made:
        yield made


async def renewable(demo: Changing, as_: str = "staff", condition: str = BASIC) -> str:
    """Give a resource that somebody can renew."""
    return (await demo.able("RENEW_RESOURCE", as_, condition))[0]


async def renew(demo: Changing, uuid: str, as_: str = "staff") -> str:
    """Try to renew, and name what comes of it."""
    came = await demo.change("renewResource", as_, uuid=uuid, extensionMonths=12)
    return str(came.get("reason") or came["__typename"])


@pytest.mark.parametrize(
    ("state", "problem"), [(5, "WrongState"), (3, "ORDER_PENDING")], ids=["OK", "erred"]
)
async def test_whoever_terminates_at_the_same_time_is_waited_for(
    demo: Changing, state: int, problem: str
) -> None:
    """Waldur's own program, too, holds the resource: an order of its comes first, or ours."""
    uuid = await renewable(demo)
    orders = "select count(*) from marketplace_order"
    before = demo.sql(orders)[0][0]
    url = demo.connection.info.dsn
    password = demo.connection.info.password
    async with await psycopg.AsyncConnection.connect(url, password=password) as other:
        await other.execute(HOLD, [uuid])
        renewing = asyncio.create_task(renew(demo, uuid))
        await asyncio.sleep(0.3)
        assert not renewing.done()
        await other.execute(TERMINATE.encode(), [uuid])
        moved = "update marketplace_resource set state = %s where uuid = %s"
        await other.execute(moved, [state, uuid])
        await other.commit()
        assert await renewing == problem
    assert demo.sql(orders)[0][0] == before + 1
    demo.sql("update marketplace_order set state = 5 where state = 1 and type = 3")
    demo.sql("update marketplace_resource set state = 2 where uuid = %s", uuid)


async def test_of_two_orders_at_once_one_is_placed(demo: Changing) -> None:
    """A renewal and other options: either, never both."""
    uuid = await renewable(demo)
    ordering = "'{\"create_orders_on_resource_option_change\": true}'"
    demo.sql(OFFERING.format(f"plugin_options = o.plugin_options || {ordering}"), uuid)
    options = '\'{"options": {"mark": {"type": "string"}}}\''
    demo.sql(OFFERING.format(f"resource_options = {options}"), uuid)
    ((id_,),) = demo.sql("select id from marketplace_resource where uuid = %s", uuid)
    for turn in range(5):
        wishes = [
            demo.change("renewResource", uuid=uuid, extensionMonths=12),
            demo.change("updateResourceOptions", uuid=uuid, options={"mark": str(turn)}),
        ]
        came = await asyncio.gather(*(wishes if turn % 2 else reversed(wishes)))
        placed = [each["order"] for each in came if each.get("order")]
        assert len(placed) == 1
        assert "WrongState" in {each["__typename"] for each in came}
        demo.sql(FREE, id_)
        demo.sql("update marketplace_resource set state = 2 where id = %s", id_)


async def test_an_offering_for_groups_takes_orders_of_theirs(demo: Changing) -> None:
    """Domain.md §6.2: of an organisation in one of the groups, and of staff."""
    uuid = await renewable(demo, "owner", f"{BASIC} and o.shared")
    demo.sql(GROUP, uuid)
    assert await renew(demo, uuid, "owner") == "OFFERING_RESTRICTED"
    demo.sql(JOIN, uuid)
    assert await renew(demo, uuid, "owner") == "ResourceRenewed"
    other = await renewable(demo, "owner", f"r.state = 2 and o.shared and r.uuid <> '{uuid}'")
    demo.sql(GROUP, other)
    demo.sql("delete from structure_customer_organization_groups")
    assert await renew(demo, other, "owner") == "OFFERING_RESTRICTED"
    assert await renew(demo, other) == "ResourceRenewed"


PRIVATE = "shared = false, billable = false"
OTHER = "(select min(c.id) from structure_customer c where c.id <> p.customer_id)"
HERE = {
    "of nobody's": ("project_id = null, customer_id = null", "OFFERING_RESTRICTED"),
    "of another's": (f"project_id = null, customer_id = {OTHER}", "OFFERING_RESTRICTED"),
    "of their own": ("project_id = null, customer_id = p.customer_id", "ResourceRenewed"),
    "of the project": (f"project_id = p.id, customer_id = {OTHER}", "ResourceRenewed"),
}


@pytest.mark.parametrize("whose", HERE)
async def test_a_private_offering_takes_orders_where_it_is_at_home(
    demo: Changing, whose: str
) -> None:
    """Domain.md §6.2: of its own organisation, or of its own project."""
    where, gives = HERE[whose]
    uuid = await renewable(demo, condition="r.state = 2")
    ((id_, *kept),) = demo.sql(
        "select o.id, o.shared, o.billable, o.project_id, o.customer_id from marketplace_offering o"
        " join marketplace_resource r on r.offering_id = o.id where r.uuid = %s",
        uuid,
    )
    demo.sql(OFFERING.format(f"{PRIVATE}, {where}"), uuid)
    assert await renew(demo, uuid) == gives
    again = "(shared, billable, project_id, customer_id) = (%s, %s, %s, %s)"
    demo.sql(f"update marketplace_offering set {again} where id = %s", *kept, id_)
