"""Lives of orders over HTTP, as subscribers see them (domain.md §6.3-6.5, rules.md §1)."""

from collections.abc import AsyncIterator, Mapping, Sequence, Set as AbstractSet
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
import pytest_asyncio
from psycopg.types.json import Jsonb

from gateway.config.settings import load_settings
from gateway.db.driver.transactions import TransactionPool
from gateway.db.sql.compiler import StatementCompiler
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.marketplace.offers import FAIL_ORDERS_OPTION
from gateway.demo.provider import DemoProvider
from gateway.server.factory import detect_installation
from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import ORDERABLE_SQL
from tests.support.demo_with_provider import DemoWithProvider
from tests.support.gateway_server import GatewayClient
from tests.support.mutable_demo import FINISH_ORDERS_SQL
from tests.support.time_limits import scale_seconds
from tests.transports.streaming_server import ServedGateway, serve_gateway, wait_for_subscribers
from tests.transports.test_http_stream import StreamReader, open_stream

SUBSCRIPTION = """subscription {{ {field}(filter: {filter}) {{
    ... on {type} {{ kind state }} ... on ResyncRequired {{ reason }} }} }}"""
PLACING_USER, CONSUMER, PROVIDER = "admin", "owner", "staff"
"""The administrator of a project may not approve orders; the owner of its organisation may."""
ORDERED_COLUMNS = ("plan_id", "limits", "options", "end_date", "attributes")
"""Columns of a resource that orders change when they are done."""
RESET_SQL = f"""
update marketplace_resource set state = %s, error_message = '',
    ({", ".join(ORDERED_COLUMNS)}) = ({", ".join("%s" for _ in ORDERED_COLUMNS)}) where id = %s
"""
GRANT_OPTIONS_SQL = """
insert into permissions_rolepermission (role_id, permission)
select id, 'RESOURCE.UPDATE_OPTIONS' from permissions_role where name = 'PROJECT.ADMIN'
"""
PLACING_PROJECT_SQL = """
select p.uuid from structure_project p
join permissions_userrole a on a.object_id = p.id and a.is_active
    and a.user_id = (select id from core_user where username = %s)
    and a.content_type_id = (select id from django_content_type where model = 'project')
join permissions_userrole o on o.object_id = p.customer_id and o.is_active
    and o.user_id = (select id from core_user where username = %s)
    and o.content_type_id = (select id from django_content_type where model = 'customer')
where not p.is_removed and coalesce(p.start_date, current_date) <= current_date
    and coalesce(p.end_date, current_date + 1) > current_date order by p.id limit 1
"""
"""A project of the first user, in an organisation of the second."""
SET_FAILURE_SQL = """
update marketplace_offering set plugin_options = plugin_options {} where id =
    (select offering_id from marketplace_resource where uuid = %s)
"""


class OrderLife(NamedTuple):
    """A mutation that places an order, with the states that the resource has because of it."""

    field: str
    operation: str
    state_before: str
    state_while_open: str
    state_when_done: str = "OK"
    state_when_failed: str = "ERRED"
    """State after a failure of the demo's provider."""
    state_when_failed_by_agent: str = "ERRED"
    state_when_withdrawn: str = "OK"
    placing_user: str = PLACING_USER
    arguments_sql: str = "select 'uuid', uuid::text from marketplace_resource where uuid = %s"
    """Statement that returns the name and the value of an argument for a resource."""
    condition: str = "r.limits ? 'capacity'"
    """Condition for a resource; its offering must be Basic, so that the provider reviews orders."""
    changed_columns: AbstractSet[str] = frozenset()
    """The ordered columns that are changed when the order is done."""
    changed_columns_by_agent: AbstractSet[str] = frozenset()
    """The same if the provider's agent has carried it out."""


RESOURCE_STATES = {"OK": 2, "ERRED": 3, "UPDATING": 4, "TERMINATED": 6}
ORDER_LIVES = {
    "limits": OrderLife(
        "updateResourceLimits",
        "UPDATE_RESOURCE_LIMITS",
        "OK",
        "UPDATING",
        state_when_failed="UPDATING",
        arguments_sql="select 'limits', r.limits || jsonb_build_object('capacity',"
        " 1000 - (r.limits ->> 'capacity')::int) from marketplace_resource r where r.uuid = %s",
        changed_columns={"limits"},
        changed_columns_by_agent={"limits"},
    ),
    "plan": OrderLife(
        "switchResourcePlan",
        "SWITCH_RESOURCE_PLAN",
        "OK",
        "UPDATING",
        arguments_sql="select 'plan', p.uuid::text from marketplace_resource r"
        " join marketplace_plan p on p.offering_id = r.offering_id and p.id <> r.plan_id"
        " where r.uuid = %s and not p.archived limit 1",
        changed_columns={"plan_id"},
        changed_columns_by_agent={"plan_id"},
    ),
    "options": OrderLife(
        "updateResourceOptions",
        "UPDATE_RESOURCE_OPTIONS",
        "OK",
        "UPDATING",
        arguments_sql="select 'options', '{\"label\": \"new\"}'::jsonb"
        " from marketplace_resource where uuid = %s",
        condition="(o.plugin_options ->> 'create_orders_on_resource_option_change')::boolean",
        changed_columns={"options"},
        changed_columns_by_agent={"options"},
    ),
    "renewal": OrderLife(
        "renewResource",
        "RENEW_RESOURCE",
        "OK",
        "UPDATING",
        state_when_failed="UPDATING",
        arguments_sql="select 'extensionMonths', 12 from marketplace_resource where uuid = %s",
        condition="true",
        changed_columns={"end_date", "attributes"},
    ),
    "terminate": OrderLife(
        "terminateResource", "TERMINATE_RESOURCE", "OK", "TERMINATING", "TERMINATED", "OK", "OK"
    ),
    "restore": OrderLife(
        "restoreResource",
        "RESTORE_RESOURCE",
        "TERMINATED",
        "CREATING",
        placing_user="staff",
    ),
}
PROCESS, FAIL = "process", "fail"
"""Steps of the demo's provider; others are mutations of the order by `PROVIDER`."""
EXECUTE: Mapping[str, str] = {"state": "EXECUTING"}
STEPS_BY_OUTCOME: Mapping[str, Sequence[tuple[str, Mapping[str, str]]]] = {
    "done": (("approveOrder", {}), (PROCESS, {})),
    "erred": (("approveOrder", {}), (FAIL, {})),
    "retried": (("approveOrder", {}), (FAIL, {}), ("retryOrder", {}), (PROCESS, {})),
    "done by an agent": (("setOrderState", EXECUTE), ("setOrderState", {"state": "DONE"})),
    "erred by an agent": (
        ("setOrderState", EXECUTE),
        ("setOrderState", {"state": "ERRED", "errorMessage": "The disk is full."}),
    ),
    "retried by an agent": (
        ("setOrderState", {"state": "ERRED"}),
        ("setOrderState", EXECUTE),
        ("setOrderState", {"state": "DONE"}),
    ),
    "rejected by the provider": (("rejectOrder", {}),),
    "canceled": (("cancelOrder", {}),),
    "rejected by the consumer": (),
}
"""What follows the approval by the consumer."""
ORDER_STATES_BY_OUTCOME: Mapping[str, Sequence[str]] = {
    "done": ("PENDING_PROVIDER", "EXECUTING", "DONE"),
    "erred": ("PENDING_PROVIDER", "EXECUTING", "ERRED"),
    "retried": ("PENDING_PROVIDER", "EXECUTING", "ERRED", "EXECUTING", "DONE"),
    "done by an agent": ("PENDING_PROVIDER", "EXECUTING", "DONE"),
    "erred by an agent": ("PENDING_PROVIDER", "EXECUTING", "ERRED"),
    "retried by an agent": ("PENDING_PROVIDER", "ERRED", "EXECUTING", "DONE"),
    "rejected by the provider": ("PENDING_PROVIDER", "REJECTED"),
    "canceled": ("PENDING_PROVIDER", "CANCELED"),
    "rejected by the consumer": ("REJECTED",),
}
"""States of an order after `PENDING_CONSUMER`."""


class SubscribedDemo(NamedTuple):
    """A demo whose gateway has subscribers."""

    demo: DemoWithProvider
    gateway: ServedGateway


class EventStreams(NamedTuple):
    """Streams of the events of a resource and of its orders."""

    resource: StreamReader
    order: StreamReader


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def subscribed_demo(new_database: DatabaseFactory) -> AsyncIterator[SubscribedDemo]:
    """Yield a demo that is served by a port, and its provider."""
    url = new_database()
    settings = load_settings({"GATEWAY_DATABASE_URL": url})
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=300, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        connection.execute(GRANT_OPTIONS_SQL)
        transactions = TransactionPool(url, statement_seconds=10)
        await transactions.open()
        async with (
            serve_gateway(url, rate_cost="off") as gateway,
            httpx.AsyncClient(
                base_url=gateway.url.removesuffix("/graphql"), timeout=scale_seconds(20)
            ) as http,
        ):
            demo = DemoWithProvider(GatewayClient(http, gateway.tokens), connection)
            statement_compiler = StatementCompiler(detect_installation(settings))
            demo.provider = DemoProvider(transactions, lambda: statement_compiler, 0)
            yield SubscribedDemo(demo, gateway)
        await transactions.close()


@asynccontextmanager
async def open_streams(
    gateway: ServedGateway, resource_filter: str, order_filter: str
) -> AsyncIterator[EventStreams]:
    """Open the streams of the events of resources and of orders, as staff."""
    resource_query = SUBSCRIPTION.format(
        field="resourceChanged", filter=resource_filter, type="ResourceEvent"
    )
    order_query = SUBSCRIPTION.format(field="orderChanged", filter=order_filter, type="OrderEvent")
    async with (
        open_stream(gateway, resource_query) as resource_stream,
        open_stream(gateway, order_query) as order_stream,
    ):
        await wait_for_subscribers(gateway, 2)
        yield EventStreams(resource_stream, order_stream)
    await wait_for_subscribers(gateway, 0)


async def read_states(
    stream: StreamReader, field: str, expected_states: Sequence[str]
) -> list[str]:
    """Return the states of as many events that change the state as are expected."""
    states: list[str] = []
    while len(states) < len(expected_states):
        _, data = await stream.read_event()
        event = data["data"][field]
        if event["kind"] in ("CREATED", "STATE_CHANGED"):
            states.append(event["state"])
    return states


async def find_resource(demo: DemoWithProvider, life: OrderLife) -> str:
    """Return a resource of a Basic offering on which the placing user and the reviewer may act."""
    number = RESOURCE_STATES[life.state_before]
    condition = (
        f"r.state = {number} and o.type = 'Marketplace.Basic' and {life.condition} and"
        " o.customer_id not in (select customer_id from structure_project where id = r.project_id)"
    )
    uuids = await demo.find_operable_resources(life.operation, life.placing_user, condition)
    reviewer = CONSUMER if life.placing_user == PLACING_USER else PROVIDER
    reviewed_uuids = await demo.find_operable_resources(life.operation, reviewer, condition)
    return next(each for each in uuids if each in reviewed_uuids)


async def place_order(demo: DemoWithProvider, life: OrderLife, uuid: str) -> str:
    """Place the order of a life and return its UUID."""
    arguments = {"uuid": uuid, **dict(demo.run_sql(life.arguments_sql, uuid))}
    result = await demo.run_mutation(life.field, life.placing_user, **arguments)
    assert result["resource"]["state"] == life.state_while_open, result
    ((order,),) = demo.run_sql(
        "select uuid from marketplace_order order by id desc limit 1",
    )
    return str(order.hex)


async def end_order(
    demo: DemoWithProvider, life: OrderLife, outcome: str, uuid: str, order: str
) -> None:
    """Bring a placed order to an outcome."""
    if outcome == "rejected by the consumer":
        assert (await demo.run_mutation("rejectOrder", CONSUMER, uuid=order))["order"]
    elif life.placing_user != "staff":
        assert (await demo.run_mutation("approveOrder", CONSUMER, uuid=order))["order"]
    for step, arguments in STEPS_BY_OUTCOME[outcome]:
        if step == FAIL:
            demo.run_sql(SET_FAILURE_SQL.format(f"|| '{{\"{FAIL_ORDERS_OPTION}\": true}}'"), uuid)
        if step in (PROCESS, FAIL):
            await demo.process_due_work()
            demo.run_sql(SET_FAILURE_SQL.format(f"- '{FAIL_ORDERS_OPTION}'"), uuid)
        else:
            result = await demo.run_mutation(step, PROVIDER, uuid=order, **arguments)
            assert "message" not in result, result


def list_resource_states(life: OrderLife, outcome: str) -> list[str]:
    """Return the states that a resource is expected to have after that before the order."""
    is_agent = outcome.endswith("agent")
    failed = life.state_when_failed_by_agent if is_agent else life.state_when_failed
    states = [life.state_while_open]
    if outcome.startswith(("erred", "retried")):
        states.append(failed)
    if outcome.startswith("retried"):
        states.append(life.state_while_open)
    if outcome.startswith(("done", "retried")):
        states.append(life.state_when_done)
    if outcome.startswith(("rejected", "canceled")):
        states.append(life.state_when_withdrawn)
    return [state for state, _ in groupby(states)]


def list_changed_columns(life: OrderLife, outcome: str) -> AbstractSet[str]:
    """Return the ordered columns that an outcome is expected to change."""
    if ORDER_STATES_BY_OUTCOME[outcome][-1] != "DONE":
        return frozenset()
    return life.changed_columns_by_agent if outcome.endswith("agent") else life.changed_columns


def find_changed_columns(before: Mapping[str, Any], after: Mapping[str, Any]) -> AbstractSet[str]:
    """Return the ordered columns whose values differ."""
    return {name for name in ORDERED_COLUMNS if before[name] != after[name]}


CASES = [
    (name, outcome)
    for name, life in ORDER_LIVES.items()
    for outcome in ORDER_STATES_BY_OUTCOME
    if life.placing_user == PLACING_USER or outcome != "rejected by the consumer"
]
"""Lives and outcomes; orders of staff need no review by the consumer."""


@pytest.mark.parametrize(("name", "outcome"), CASES)
async def test_subscribers_see_each_state(
    subscribed_demo: SubscribedDemo, name: str, outcome: str
) -> None:
    life, (demo, gateway) = ORDER_LIVES[name], subscribed_demo
    uuid = await find_resource(demo, life)
    before = demo.load_resource_row(uuid)
    order_states = ["PENDING_CONSUMER", *ORDER_STATES_BY_OUTCOME[outcome]]
    expected_states = list_resource_states(life, outcome)
    filters = f'{{ uuids: ["{uuid}"] }}', f'{{ resource: "{uuid}" }}'
    async with open_streams(gateway, *filters) as streams:
        order = await place_order(demo, life, uuid)
        await end_order(demo, life, outcome, uuid, order)
        assert await read_states(streams.order, "orderChanged", order_states) == order_states
        assert await read_states(streams.resource, "resourceChanged", expected_states) == (
            expected_states
        )
    after = demo.load_resource_row(uuid)
    assert after["state"] == RESOURCE_STATES[expected_states[-1]]
    assert find_changed_columns(before, after) == list_changed_columns(life, outcome)
    demo.run_sql(FINISH_ORDERS_SQL, before["id"])
    columns = [before[name] for name in ORDERED_COLUMNS]
    values = [Jsonb(each) if isinstance(each, dict) else each for each in columns]
    demo.run_sql(RESET_SQL, RESOURCE_STATES[life.state_before], *values, before["id"])


CREATION = OrderLife(
    "createOrder",
    "",
    "",
    "CREATING",
    state_when_failed="TERMINATED",
    state_when_failed_by_agent="TERMINATED",
    state_when_withdrawn="TERMINATED",
)


@pytest.mark.parametrize("outcome", ORDER_STATES_BY_OUTCOME)
async def test_subscribers_see_each_state_of_a_new_resource(
    subscribed_demo: SubscribedDemo, outcome: str
) -> None:
    demo, gateway = subscribed_demo
    ((offering, plan, _),) = demo.run_sql(ORDERABLE_SQL)
    ((project,),) = demo.run_sql(PLACING_PROJECT_SQL, PLACING_USER, CONSUMER)
    uuids = {"offering": offering.hex, "plan": plan.hex, "project": project.hex}
    order_states = ["PENDING_CONSUMER", *ORDER_STATES_BY_OUTCOME[outcome]]
    expected_states = list_resource_states(CREATION, outcome)
    filters = [f'{{ offering: "{offering.hex}", project: "{project.hex}" }}'] * 2
    async with open_streams(gateway, *filters) as streams:
        result = await demo.run_mutation("createOrder", PLACING_USER, name="New", **uuids)
        resource, order = result["resource"]["uuid"], result["order"]["uuid"]
        await end_order(demo, CREATION, outcome, resource, order)
        assert await read_states(streams.order, "orderChanged", order_states) == order_states
        assert await read_states(streams.resource, "resourceChanged", expected_states) == (
            expected_states
        )
    assert demo.load_resource_row(resource)["state"] == RESOURCE_STATES[expected_states[-1]]
