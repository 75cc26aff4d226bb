"""Many renewals: a demo with resources that can be renewed, and how they are asked for."""
# ruff: noqa: E501 - SQL

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psycopg

from gateway.db.queries.tokens import tokens
from gateway.demo.marketplace.fill import make

RENEW = """mutation ($input: RenewResourceInput!) { renewResource(input: $input) {
    __typename ... on Accepted { order { uuid } } ... on Problem { message }
} }"""
RENEWABLE = """
update marketplace_resource r set state = 2, plan_id = null, limits = '{}',
    offering_id = (select min(o.id) from marketplace_offering o
        join marketplace_offeringcomponent c on c.offering_id = o.id and c.is_prepaid
        where o.type = 'Marketplace.Basic' and o.state = 2)
where r.id in (select x.id from marketplace_resource x
    join structure_project p on p.id = x.project_id and p.end_date is null
    join structure_customer c on c.id = p.customer_id and not c.blocked and not c.archived
    where not exists (select from marketplace_order q where q.resource_id = x.id and q.state in (1, 2, 7))
    order by x.id limit %s)
returning r.uuid
"""
HALF = """
select count(*) from marketplace_order o join marketplace_resource r on r.id = o.resource_id
where o.id > %s and not (r.state = 4 and o.attributes ->> 'action' = 'renew'
    and exists (select from gateway.placed k where k.order_id = o.id)
    and exists (select from logging_event e join logging_feed f on f.event_id = e.id
        where e.event_type = 'marketplace_order_created' and f.object_id = r.id))
"""
"""How many orders are half placed."""


class Wishes:
    """Resources of a new demo that can be renewed, and the orders that are placed for them."""

    def __init__(self, url: str, count: int) -> None:
        """Make a demo in an empty database."""
        with psycopg.connect(url, autocommit=True) as connection:
            make(connection, resources=100 + 2 * count, seed=1)
            connection.execute("delete from marketplace_offeringtermsofservice")
            made = connection.execute(RENEWABLE, [count]).fetchall()
            ((self.last,),) = connection.execute("select max(id) from marketplace_order").fetchall()
            self.token = tokens(connection)["staff"]
        self.uuids = [uuid.hex for (uuid,) in made]
        assert len(self.uuids) == count

    def placed(self, connection: psycopg.Connection[Any]) -> int:
        """Give how many orders were placed since."""
        counting = "select count(*) from marketplace_order where id > %s"
        ((count,),) = connection.execute(counting, [self.last]).fetchall()
        return int(count)

    def half(self, connection: psycopg.Connection[Any]) -> int:
        """Give how many of them are half placed."""
        ((count,),) = connection.execute(HALF, [self.last]).fetchall()
        return int(count)

    async def each(self, do: Callable[[str], Awaitable[Any]], at_once: int = 16) -> list[Any]:
        """Do something with each resource, with so many at once."""
        gate = asyncio.Semaphore(at_once)

        async def gated(uuid: str) -> Any:
            async with gate:
                return await do(uuid)

        return await asyncio.gather(*[gated(uuid) for uuid in self.uuids])


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is true; TimeoutError if that takes too long."""
    async with asyncio.timeout(seconds):
        while True:
            if true():
                return
            await asyncio.sleep(0.005)


async def renew(client: httpx.AsyncClient, token: str, uuid: str) -> httpx.Response:
    """Renew a resource, under a key of its own."""
    given = {"uuid": uuid, "extensionMonths": 12, "idempotencyKey": f"renew {uuid}"}
    asked = {"query": RENEW, "variables": {"input": given}}
    return await client.post("/graphql", json=asked, headers={"Authorization": f"Token {token}"})
