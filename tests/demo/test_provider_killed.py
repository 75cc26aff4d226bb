"""Test of a provider that is killed repeatedly: each order and pull is done exactly once."""
# ruff: noqa: E501 - SQL

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import psycopg
import pytest

from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import RenewalWorkload
from tests.support.gateway_server import GatewayClient, serve_in_process, start_command
from tests.support.time_limits import scale_seconds, wait_until

ORDER_COUNT, PULL_COUNT, KILL_COUNT = 40, 30, 2
APPROVE_MUTATION = (
    "mutation ($input: ApproveOrderInput!) { approveOrder(input: $input) { __typename } }"
)
PULL_MUTATION = (
    "mutation ($input: PullResourceInput!) { pullResource(input: $input) { __typename } }"
)
PULLABLE_QUERY = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
RESET_RESOURCES_SQL = """
update marketplace_resource r set last_sync = '2020-01-01',
    current_usages = (select jsonb_build_object(min(c.type), 1) from marketplace_offeringcomponent c
        where c.offering_id = r.offering_id)
where r.id in (select x.id from marketplace_resource x
    join marketplace_offeringcomponent c on c.offering_id = x.offering_id
    where x.uuid = any(%s::uuid[]) group by x.id order by x.id limit %s)
returning r.uuid
"""
PERIODS_SQL = (
    'select id, resource_id, plan_id, start, "end" from marketplace_resourceplanperiod order by id'
)
ORDERS_SQL = """
select o.state, r.state, (r.end_date::text = o.attributes ->> 'new_end_date') is true, o.completed_at is not null,
    (select count(*) from jsonb_array_elements(r.attributes -> 'renewal_history') e
        where e ->> 'order_uuid' = replace(o.uuid::text, '-', '')),
    (select count(*) from logging_event e join logging_feed f on f.event_id = e.id
        join django_content_type t on t.id = f.content_type_id and t.model = 'order'
        where e.event_type = 'marketplace_order_completed' and f.object_id = o.id)
from marketplace_order o join marketplace_resource r on r.id = o.resource_id where o.id > %s
"""
PENDING_ORDER, DONE_ORDER = (2, 4, False, False, 0, 0), (3, 2, True, True, 1, 1)
"""Rows of ORDERS_SQL for an order before it is carried out, and afterwards."""
PULLS_SQL = """
select (select count(*) from gateway.pull p where p.resource_id = r.id), r.last_sync > '2021-01-01',
    (select min(u.value::int) from jsonb_each_text(r.current_usages) u),
    (select count(*) from marketplace_componentusage u
        where u.resource_id = r.id and u.usage = 2 and u.date > now() - interval '1 hour')
from marketplace_resource r where r.uuid = any(%s::uuid[])
"""
PENDING_PULL, DONE_PULL = (1, False, 1, 0), (0, True, 2, 1)
"""Rows of PULLS_SQL for a resource before it is pulled, and afterwards."""
REMAINING_SQL = """
select (select count(*) from marketplace_order where id > %s and state = 2) + (select count(*) from gateway.pull)
"""
ACTIVE_CONNECTIONS_SQL = """
select count(*) from pg_stat_activity where application_name = 'marketplace-gateway' and datname = current_database()
"""


class ProviderWorkload:
    """Orders and pulls for the provider, with checks of what is done."""

    def __init__(self, connection: psycopg.Connection[Any], renewals: RenewalWorkload) -> None:
        self.connection, self.renewals = connection, renewals
        self.pulled_uuids: list[str] = []
        self.periods = connection.execute(PERIODS_SQL).fetchall()

    async def submit_work(self, client: GatewayClient) -> None:
        """Place and approve the orders, and request the pulls."""

        async def place_and_approve_order(uuid: str) -> Any:
            response = (await self.renewals.post_order(client.http, uuid)).json()
            order_uuid = response["data"]["renewResource"]["order"]["uuid"]
            return await client.execute_query(APPROVE_MUTATION, input={"uuid": order_uuid})

        responses = await self.renewals.for_each_key(place_and_approve_order, concurrency=4)
        assert (
            responses == [{"data": {"approveOrder": {"__typename": "OrderApproved"}}}] * ORDER_COUNT
        )
        nodes = (await client.execute_query(PULLABLE_QUERY))["data"]["resources"]["nodes"]
        pullable_uuids = [
            each["uuid"] for each in nodes if "PULL_RESOURCE" in each["allowedOperations"]
        ]
        reset_rows = self.connection.execute(
            RESET_RESOURCES_SQL, [pullable_uuids, PULL_COUNT]
        ).fetchall()
        self.pulled_uuids = [uuid.hex for (uuid,) in reset_rows]
        for uuid in self.pulled_uuids:
            responses = await client.execute_query(PULL_MUTATION, input={"uuid": uuid})
            assert responses == {"data": {"pullResource": {"__typename": "ResourcePulled"}}}

    def count_remaining(self) -> int:
        """Check that each order and pull is done completely or not at all; return how many are not."""
        orders = self.connection.execute(ORDERS_SQL, [self.renewals.last_order_id]).fetchall()
        pulls = self.connection.execute(PULLS_SQL, [self.pulled_uuids]).fetchall()
        assert (len(orders), len(pulls)) == (ORDER_COUNT, PULL_COUNT)
        assert {*orders} <= {PENDING_ORDER, DONE_ORDER}
        assert {*pulls} <= {PENDING_PULL, DONE_PULL}
        assert self.connection.execute(PERIODS_SQL).fetchall() == self.periods
        return orders.count(PENDING_ORDER) + pulls.count(PENDING_PULL)

    async def wait_until_remaining(self, maximum: int) -> None:
        """Wait until at most `maximum` orders and pulls remain."""

        def is_reached() -> bool:
            ((remaining,),) = self.connection.execute(
                REMAINING_SQL, [self.renewals.last_order_id]
            ).fetchall()
            return bool(remaining <= maximum)

        await wait_until(is_reached, 20)

    async def wait_for_disconnect(self) -> None:
        """Wait until the server has closed the connections of the killed provider."""
        await wait_until(
            lambda: self.connection.execute(ACTIVE_CONNECTIONS_SQL).fetchone() == (0,), 5
        )


@contextmanager
def run_provider(url: str) -> Iterator[None]:
    """Run a provider in a process of its own; kill it at the end."""
    process = start_command("demo-provider", "--database-url", url, provider_seconds="0")
    try:
        yield
        assert process.poll() is None, "the provider ended by itself"
    finally:
        process.kill()
        process.wait(scale_seconds(10))


@pytest.mark.parametrize("seed", [1, 2])
async def test_work_survives_a_killed_provider(new_database: DatabaseFactory, seed: int) -> None:
    url, random, interrupted_count = new_database(), Random(seed), 0
    renewals = RenewalWorkload(url, ORDER_COUNT)
    with psycopg.connect(url, autocommit=True) as connection:
        workload = ProviderWorkload(connection, renewals)
        async with serve_in_process(url) as client:
            await workload.submit_work(client)
        remaining = workload.count_remaining()
        assert remaining == ORDER_COUNT + PULL_COUNT
        for _ in range(KILL_COUNT):
            with run_provider(url):
                await workload.wait_until_remaining(max(0, remaining - random.randint(2, 12)))
                await asyncio.sleep(random.uniform(0, 0.03))
            await workload.wait_for_disconnect()
            remaining = workload.count_remaining()
            interrupted_count += remaining > 0
        # On a slow machine a provider may finish before it is killed.
        assert interrupted_count > 0, "no provider was killed while work was due"
        with run_provider(url):
            await workload.wait_until_remaining(0)
            await asyncio.sleep(0.5)
        await workload.wait_for_disconnect()
        assert workload.count_remaining() == 0
