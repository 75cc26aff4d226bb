"""Mutations of many objects: results and contents as of single ones, in few statements.

docs/architecture/mutation.md states the numbers of statements.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from gateway.marketplace.change_batch import CHUNK_SIZE, INTERRUPTED, NOT_BEGUN
from gateway.resolvers.mutations.batch_field import MAX_BATCH_SIZE
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import serve_in_process
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.statement_bounds import MAX_STATEMENTS
from tests.support.statement_record import record_statements
from tests.support.table_contents import copy_database, load_contents, load_last_ids
from tests.support.time_limits import scale_seconds

Arguments = dict[str, Any]
ABSENT_UUID = "0" * 32
PLACE_ORDERS_SQL = """
insert into marketplace_order select (o).* from (
    select jsonb_populate_record(o, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_order', 'id')), 'uuid', gen_random_uuid(),
        'resource_id', r.id, 'project_id', r.project_id, 'offering_id', r.offering_id,
        'plan_id', r.plan_id, 'state', (array[1, 7, 8])[n % 3 + 1], 'type', 2, 'start_date', null,
        'attributes', '{}'::jsonb)) o
    from (select *, row_number() over (order by id) n from marketplace_resource) r
    join marketplace_order o on o.id = (select min(id) from marketplace_order),
    generate_series(1, case when n < 5 or r.state = 3 then 2 else 1 end) where r.state in (2, 3))
"""
"""Insert of one order for each resource, and of two for some."""
RESET_ORDERS_SQL = """
update marketplace_order set state = (array[1, 7, 8])[id % 3 + 1]
where attributes = '{}' and type = 2
"""
ONE_PENDING_ORDER_SQL = """
update marketplace_order set state = 1
where id in (select min(id) from marketplace_order where type = 2 group by resource_id)
"""
PENDING_ORDERS_SQL = """
select o.uuid from marketplace_order o join marketplace_resource r on r.id = o.resource_id
where o.state in (1, 7) order by r.state = 3 desc, o.id
"""
RESOURCES_SQL = "select uuid from marketplace_resource order by state in (2, 3) desc, id"
DELETE_INVOICES_SQL = """
with invoices as (
    delete from invoices_invoice v using structure_project p
    where p.uuid = %s and p.customer_id = v.customer_id returning v.id)
delete from invoices_invoiceitem i using invoices v where v.id = i.invoice_id
"""
COUNT_INVOICES_SQL = """
select count(*) from invoices_invoice v join structure_project p on p.customer_id = v.customer_id
where p.uuid = %s
"""
FINISH_CHANGES_SQL = """
update marketplace_order set state = 3;
update marketplace_resource set state = 2 where state in (4, 5)
"""
ALLOW_CHANGES_SQL = """
update marketplace_offering set state = 2,
    plugin_options = plugin_options - 'require_purchase_order_upload';
update structure_project set end_date = null;
update structure_customer set blocked = false, archived = false;
update marketplace_resource set state = 2 where state = 5
"""
TARGET_PROJECT_SQL = """
select p.uuid from structure_project p join structure_customer c on c.id = p.customer_id
where not p.is_removed and not c.blocked and not c.archived order by p.id offset %s limit 1
"""


class ManyCase(NamedTuple):
    """A mutation of many objects, the one of a single object, and what they need."""

    single_field: str
    arguments: Arguments
    operation: str = ""
    """The value of `Resource.allowedOperations`; empty for orders."""

    @property
    def changes_orders(self) -> bool:
        """Whether the objects are orders."""
        return not self.operation


MANY_CASES = {
    "pullResources": ManyCase("pullResource", {}, "PULL_RESOURCE"),
    "moveResources": ManyCase("moveResource", {}, "MOVE_RESOURCE"),
    "setResourcesEndDate": ManyCase(
        "setResourceEndDate", {"endDate": "2099-12-31"}, "SET_RESOURCE_END_DATE"
    ),
    "terminateResources": ManyCase("terminateResource", {}, "TERMINATE_RESOURCE"),
    "approveOrders": ManyCase("approveOrder", {}),
    "rejectOrders": ManyCase("rejectOrder", {"comment": 'No, "thanks" \\ {}'}),
}


class DemoPair(NamedTuple):
    """Two demos that are equal as long as both are changed alike."""

    single: MutableDemo
    """The demo that is changed by mutations of single objects."""
    many: MutableDemo
    """The demo that is changed by mutations of many objects."""
    last_ids: dict[str, int]
    """The largest ids before the changes."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo_pair(
    server: EmbeddedPostgres, new_database: DatabaseFactory
) -> AsyncIterator[DemoPair]:
    """Yield two equal demos with pending orders."""
    urls = [new_database()]
    with psycopg.connect(urls[0], autocommit=True) as connection:
        create_marketplace(connection, resource_count=300, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        connection.execute(PLACE_ORDERS_SQL)
        project = connection.execute(TARGET_PROJECT_SQL, [0]).fetchall()[0][0]
        connection.execute(DELETE_INVOICES_SQL, [project])
        connection.execute("update invoices_invoice set state = 'pending'")
    urls.append(copy_database(server, urls[0]))
    async with AsyncExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(each, autocommit=True)) for each in urls]
        clients = [await stack.enter_async_context(serve_in_process(each)) for each in urls]
        single_demo, demo = map(MutableDemo, clients, connections)
        yield DemoPair(single_demo, demo, load_last_ids(demo.connection))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        mutable_demo.run_sql(PLACE_ORDERS_SQL)
        yield mutable_demo


def build_arguments(demo: MutableDemo, field: str, target_index: int = 0) -> Arguments:
    """Return the arguments of a mutation that all objects have in common."""
    if field != "moveResources":
        return MANY_CASES[field].arguments
    return {"project": demo.run_sql(TARGET_PROJECT_SQL, target_index)[0][0].hex}


def list_objects(demo: MutableDemo, field: str) -> list[str]:
    """Return the uuids of resources or orders; first those that can be changed."""
    statement = PENDING_ORDERS_SQL if MANY_CASES[field].changes_orders else RESOURCES_SQL
    return [uuid.hex for (uuid,) in demo.run_sql(statement)]


@pytest.mark.parametrize("username", ["staff", "owner"])
@pytest.mark.parametrize("field", MANY_CASES)
async def test_many_at_once_equal_single_mutations(
    demo_pair: DemoPair, field: str, username: str
) -> None:
    single_demo, demo, last_ids = demo_pair
    for each in (single_demo, demo):
        each.run_sql(RESET_ORDERS_SQL)
    case, arguments = MANY_CASES[field], build_arguments(demo, field)
    uuids = [*list_objects(demo, field)[: 2 * CHUNK_SIZE - 5], ABSENT_UUID]
    results = [
        await single_demo.run_mutation(case.single_field, username, uuid=each, **arguments)
        for each in uuids
    ]
    items = await demo.run_many(field, username, uuids=uuids, **arguments)
    assert [each["uuid"] for each in items] == uuids
    for each in [*results, *[item["result"] for item in items]]:
        if case.single_field == "terminateResource" and each.get("order"):
            del each["order"]["uuid"]
    assert [each["result"] for each in items] == results
    assert {each["__typename"] for each in results} > {"NotFound"}
    contents, single_contents = (
        load_contents(each.connection, last_ids) for each in (demo, single_demo)
    )
    assert {
        table: (contents[table] - rows, rows - contents[table])
        for table, rows in single_contents.items()
        if contents[table] != rows
    } == {}
    if (field, username) == ("moveResources", "staff"):
        ((invoice_count,),) = demo.run_sql(COUNT_INVOICES_SQL, arguments["project"])
        assert invoice_count > 1, "No invoices were created."


@pytest.mark.parametrize("field", MANY_CASES)
async def test_the_number_of_statements_is_bounded(demo: MutableDemo, field: str) -> None:
    demo.run_sql(ALLOW_CHANGES_SQL)
    demo.run_sql(FINISH_CHANGES_SQL)
    case, counts = MANY_CASES[field], {}
    if case.changes_orders:
        demo.run_sql(ONE_PENDING_ORDER_SQL)
    uuids = (
        list_objects(demo, field)
        if case.changes_orders
        else await demo.find_operable_resources(case.operation)
    )
    for index, size in enumerate((1, 10, MAX_BATCH_SIZE)):
        arguments = build_arguments(demo, field, index)
        with record_statements() as statements:
            items = await demo.run_many(field, uuids=uuids[:size], **arguments)
        assert len(items) == size
        assert not [each for each in items if "message" in each["result"]]
        counts[size] = len(statements)
        del uuids[:size]
    assert all(
        count <= MAX_STATEMENTS[field] * ceil(size / CHUNK_SIZE) for size, count in counts.items()
    ), counts


async def test_a_uuid_that_is_listed_twice_is_changed_once(demo: MutableDemo) -> None:
    demo.run_sql(RESET_ORDERS_SQL)
    demo.run_sql("delete from gateway.pull")
    (pulled, *_) = await demo.find_operable_resources("PULL_RESOURCE")
    spellings = [pulled, str(UUID(pulled)), ABSENT_UUID, pulled.upper()]
    items = await demo.run_many("pullResources", uuids=spellings)
    assert [each["uuid"] for each in items] == [pulled, pulled, ABSENT_UUID, pulled]
    assert [each["result"]["__typename"] for each in items] == [
        "ResourcePulled",
        "ResourcePulled",
        "NotFound",
        "ResourcePulled",
    ]
    assert demo.run_sql("select count(*) from gateway.pull") == [(1,)]
    approved = list_objects(demo, "approveOrders")[0]
    items = await demo.run_many("approveOrders", uuids=[approved, approved])
    assert [each["result"]["__typename"] for each in items] == ["OrderApproved"] * 2


async def test_too_many_uuids_change_nothing(demo: MutableDemo) -> None:
    (uuid, *_) = await demo.find_operable_resources("PULL_RESOURCE")
    digest_before = demo.digest_tables()
    items = await demo.run_many("pullResources", uuids=[uuid] * (MAX_BATCH_SIZE + 1))
    message = "`uuids` must have at most 100 items, got 101."
    problem = {"__typename": "InvalidInput", "message": message}
    fields = [{"path": ["uuids"], "message": message}]
    assert items == [{"uuid": uuid, "result": {**problem, "fields": fields}}] * 101
    assert await demo.run_many("pullResources", uuids=[]) == []
    assert demo.digest_tables() == digest_before


async def test_a_value_that_no_object_can_have_is_invalid_for_each(demo: MutableDemo) -> None:
    demo.run_sql(RESET_ORDERS_SQL)
    uuids = list_objects(demo, "rejectOrders")[:2]
    digest_before = demo.digest_tables()
    items = await demo.run_many("rejectOrders", uuids=uuids, comment="a\0b")
    assert [each["result"]["fields"][0]["path"] for each in items] == [["comment"]] * 2
    assert demo.digest_tables() == digest_before


async def test_anonymous_clients_change_nothing(demo: MutableDemo) -> None:
    uuids = list_objects(demo, "pullResources")[:3]
    items = await demo.run_many("pullResources", None, uuids=uuids)
    assert [each["result"]["__typename"] for each in items] == ["NotPermitted"] * 3


async def test_if_modified_applies_to_each_object(demo: MutableDemo) -> None:
    uuids = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[:3]
    ((last_modified,),) = demo.run_sql(
        "select max(modified) from marketplace_resource where uuid = any(%s::uuid[])", uuids
    )
    demo.run_sql(
        "update marketplace_resource set modified = now() + interval '1 second' where uuid = %s",
        uuids[1],
    )
    items = await demo.run_many(
        "setResourcesEndDate",
        uuids=uuids,
        ifModified=last_modified.isoformat(),
        endDate="2097-01-01",
    )
    assert [each["result"]["__typename"] for each in items] == [
        "ResourceEndDateSet",
        "Conflict",
        "ResourceEndDateSet",
    ]


async def test_an_unreadable_row_has_an_error_of_its_own(demo: MutableDemo) -> None:
    uuids = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[:3]
    demo.run_sql("update marketplace_resource set state = 99 where uuid = %s", uuids[1])
    document = """mutation ($input: SetResourcesEndDateInput!) {
        setResourcesEndDate(input: $input) { result { __typename } } }"""
    values = {"uuids": uuids, "endDate": "2096-01-01"}
    response = await demo.client.execute_query(document, "staff", input=values)
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuids[1])
    result_set = {"result": {"__typename": "ResourceEndDateSet"}}
    assert response["data"]["setResourcesEndDate"] == [result_set, {"result": None}, result_set]
    (error,) = response["errors"]
    assert error["path"] == ["setResourcesEndDate", 1, "result"]
    assert error["extensions"]["code"] == "INVALID_DATA"


async def find_terminable_resources(demo: MutableDemo) -> list[str]:
    """Return the uuids of resources, all without open orders, that can be terminated."""
    demo.run_sql(FINISH_CHANGES_SQL)
    return await demo.find_operable_resources("TERMINATE_RESOURCE")


async def test_an_idempotency_key_applies_to_each_resource(demo: MutableDemo) -> None:
    uuids = (await find_terminable_resources(demo))[:4]
    arguments = {"idempotencyKey": "k" * 255}
    with record_statements() as statements:
        first_items = await demo.run_many("terminateResources", uuids=uuids[:2], **arguments)
    assert len(statements) <= MAX_STATEMENTS["terminateResources"]
    items = await demo.run_many(
        "terminateResources", uuids=[ABSENT_UUID, *reversed(uuids)], **arguments
    )
    assert items[3:] == first_items[::-1]
    assert items[0]["result"]["__typename"] == "NotFound"
    orders = [each["result"]["order"]["uuid"] for each in items[1:]]
    assert len({*orders}) == len(uuids)
    assert await demo.run_many("terminateResources", uuids=uuids[::-1], **arguments) == items[1:]
    items = await demo.run_many(
        "terminateResources", uuids=uuids[:1], attributes={"wipe": True}, **arguments
    )
    assert items[0]["result"]["__typename"] == "Conflict"


async def test_concurrent_requests_with_one_key_place_each_order_once(demo: MutableDemo) -> None:
    uuids = (await find_terminable_resources(demo))[:CHUNK_SIZE]
    arguments = {"idempotencyKey": "once"}
    first_items, items = await asyncio.gather(
        demo.run_many("terminateResources", uuids=uuids, **arguments),
        demo.run_many("terminateResources", uuids=uuids[::-1], **arguments),
    )
    assert items[::-1] == first_items
    assert {each["result"]["__typename"] for each in items} == {"ResourceTerminationOrdered"}


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_an_invalid_idempotency_key_changes_nothing(demo: MutableDemo, key: str) -> None:
    uuids = (await find_terminable_resources(demo))[:2]
    digest_before = demo.digest_tables()
    items = await demo.run_many("terminateResources", uuids=uuids, idempotencyKey=key)
    assert [each["result"]["fields"][0]["path"] for each in items] == [["idempotencyKey"]] * 2
    assert demo.digest_tables() == digest_before


async def test_objects_whose_turn_does_not_come_are_unchanged(
    new_database: DatabaseFactory,
) -> None:
    """A lock holds up the first chunk until most of the request's time is over."""
    url, seconds = new_database(), str(ceil(scale_seconds(0.5)))
    async with serve_mutable_demo(url, request_seconds=seconds, statement_seconds=seconds) as demo:
        uuids = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[: CHUNK_SIZE + 5]
        digest_before = demo.digest_tables()
        with psycopg.connect(url) as blocker:
            blocker.execute(
                "select from marketplace_resource where uuid = %s for update", [uuids[3]]
            )
            items = await demo.run_many("setResourcesEndDate", uuids=uuids, endDate="2096-01-01")
        assert demo.digest_tables() == digest_before
    messages = [each["result"]["message"] for each in items]
    assert messages == [INTERRUPTED.message] * CHUNK_SIZE + [NOT_BEGUN.message] * 5
