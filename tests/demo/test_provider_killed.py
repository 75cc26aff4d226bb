"""The demo's provider is killed again and again: each order and each pull is done exactly once."""
# ruff: noqa: E501 - SQL

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import psycopg

from tests.conftest import NewDatabase
from tests.support.bulk_renewals import Wishes, renew, until
from tests.support.gateway_server import Client, service, started

COUNT, PULLED, KILLS = 60, 40, 4
APPROVE = "mutation ($input: ApproveOrderInput!) { approveOrder(input: $input) { __typename } }"
PULL = "mutation ($input: PullResourceInput!) { pullResource(input: $input) { __typename } }"
PULLABLE = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
UNTOUCHED = """
update marketplace_resource r set last_sync = '2020-01-01',
    current_usages = (select jsonb_build_object(min(c.type), 1) from marketplace_offeringcomponent c
        where c.offering_id = r.offering_id)
where r.id in (select x.id from marketplace_resource x
    join marketplace_offeringcomponent c on c.offering_id = x.offering_id
    where x.uuid = any(%s::uuid[]) group by x.id order by x.id limit %s)
returning r.uuid
"""
PERIODS = (
    'select id, resource_id, plan_id, start, "end" from marketplace_resourceplanperiod order by id'
)
ORDERS = """
select o.state, r.state, (r.end_date::text = o.attributes ->> 'new_end_date') is true, o.completed_at is not null,
    (select count(*) from jsonb_array_elements(r.attributes -> 'renewal_history') e
        where e ->> 'order_uuid' = replace(o.uuid::text, '-', '')),
    (select count(*) from logging_event e where e.event_type = 'marketplace_order_completed'
        and e.message like '%%' || replace(o.uuid::text, '-', '') || '%%')
from marketplace_order o join marketplace_resource r on r.id = o.resource_id where o.id > %s
"""
WAITING, DONE = (2, 4, False, False, 0, 0), (3, 2, True, True, 1, 1)
"""What holds of an order and its resource before it is carried out, and afterwards."""
PULLS = """
select (select count(*) from gateway.pull p where p.resource_id = r.id), r.last_sync > '2021-01-01',
    (select min(u.value::int) from jsonb_each_text(r.current_usages) u),
    (select count(*) from marketplace_componentusage u
        where u.resource_id = r.id and u.usage = 2 and u.date > now() - interval '1 hour')
from marketplace_resource r where r.uuid = any(%s::uuid[])
"""
UNKNOWN, FOUND = (1, False, 1, 0), (0, True, 2, 1)
"""What holds of a resource before it is pulled, and afterwards."""
LEFT = """
select (select count(*) from marketplace_order where id > %s and state = 2) + (select count(*) from gateway.pull)
"""
AT_WORK = """
select count(*) from pg_stat_activity where application_name = 'marketplace-gateway' and datname = current_database()
"""


class Work:
    """What the provider has to do, and how much of it is done."""

    def __init__(self, root: psycopg.Connection[Any], wishes: Wishes) -> None:
        self.root, self.wishes = root, wishes
        self.pulled: list[str] = []
        self.periods = root.execute(PERIODS).fetchall()

    async def given(self, client: Client) -> None:
        """Place and approve the orders, and ask for the pulls."""

        async def order(uuid: str) -> Any:
            answer = (await renew(client.http, self.wishes.token, uuid)).json()
            placed = answer["data"]["renewResource"]["order"]["uuid"]
            return await client.ask(APPROVE, input={"uuid": placed})

        came = await self.wishes.each(order, at_once=4)
        assert came == [{"data": {"approveOrder": {"__typename": "OrderApproved"}}}] * COUNT
        nodes = (await client.ask(PULLABLE))["data"]["resources"]["nodes"]
        able = [each["uuid"] for each in nodes if "PULL_RESOURCE" in each["allowedOperations"]]
        made = self.root.execute(UNTOUCHED, [able, PULLED]).fetchall()
        self.pulled = [uuid.hex for (uuid,) in made]
        for uuid in self.pulled:
            came = await client.ask(PULL, input={"uuid": uuid})
            assert came == {"data": {"pullResource": {"__typename": "ResourcePulled"}}}

    def left(self) -> int:
        """See that each order and pull is done as a whole or not at all; tell how many are not."""
        orders = self.root.execute(ORDERS, [self.wishes.last]).fetchall()
        pulls = self.root.execute(PULLS, [self.pulled]).fetchall()
        assert (len(orders), len(pulls)) == (COUNT, PULLED)
        assert {*orders} <= {WAITING, DONE}
        assert {*pulls} <= {UNKNOWN, FOUND}
        assert self.root.execute(PERIODS).fetchall() == self.periods
        return orders.count(WAITING) + pulls.count(UNKNOWN)

    async def until(self, most: int) -> None:
        """Wait until no more than that is left."""

        def few() -> bool:
            ((left,),) = self.root.execute(LEFT, [self.wishes.last]).fetchall()
            return bool(left <= most)

        await until(few)

    async def nobody(self) -> None:
        """Wait until the server has done with those who were killed."""
        await until(lambda: self.root.execute(AT_WORK).fetchone() == (0,), 5)


@contextmanager
def provider(url: str) -> Iterator[None]:
    """Have a provider work in a process of its own, until it is killed in the end."""
    working = started("demo-provider", "--database-url", url, provider_seconds="0")
    try:
        yield
        assert working.poll() is None, "it works on"
    finally:
        working.kill()
        working.wait(10)


async def test_what_the_provider_is_at_survives_that_it_is_killed(
    new_database: NewDatabase,
) -> None:
    url, random = new_database(), Random(1)
    wishes = Wishes(url, COUNT)
    with psycopg.connect(url, autocommit=True) as root:
        work = Work(root, wishes)
        async with service(url) as client:
            await work.given(client)
        left = work.left()
        assert left == COUNT + PULLED
        for _ in range(KILLS):
            with provider(url):
                await work.until(left - random.randint(2, 12))
                await asyncio.sleep(random.uniform(0, 0.03))
            await work.nobody()
            left = work.left()
            assert left > 0, "it was killed while there was work"
        with provider(url):
            await work.until(0)
            await asyncio.sleep(0.5)
        await work.nobody()
        assert work.left() == 0
