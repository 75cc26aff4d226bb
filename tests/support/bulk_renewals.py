"""Workload of many renewals: a demo with renewable resources, and requests to renew them."""
# ruff: noqa: E501 - SQL

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psycopg

from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.marketplace.fill import create_marketplace

RENEW_MUTATION = """mutation ($input: RenewResourceInput!) { renewResource(input: $input) {
    __typename ... on Accepted { order { uuid } } ... on Problem { message }
} }"""
MAKE_RENEWABLE_SQL = """
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
COUNT_INCOMPLETE_ORDERS_SQL = """
select count(*) from marketplace_order o join marketplace_resource r on r.id = o.resource_id
where o.id > %s and not (r.state = 4 and o.attributes ->> 'action' = 'renew'
    and exists (select from gateway.idempotency_key k where (k.result::json ->> 1)::int = o.id)
    and exists (select from logging_event e join logging_feed f on f.event_id = e.id
        where e.message like '%%from OK to Updating%%' and f.object_id = r.id))
"""
"""Counts orders that are only partly written."""


class RenewalWorkload:
    """Renewable resources of a new demo, and counts of the orders placed for them."""

    def __init__(self, url: str, count: int) -> None:
        """Create a demo with `count` renewable resources in an empty database."""
        with psycopg.connect(url, autocommit=True) as connection:
            create_marketplace(connection, resource_count=100 + 2 * count, seed=1)
            connection.execute("delete from marketplace_offeringtermsofservice")
            connection.execute("delete from policy_projectestimatedcostpolicy")
            rows = connection.execute(MAKE_RENEWABLE_SQL, [count]).fetchall()
            ((self.last_order_id,),) = connection.execute(
                "select max(id) from marketplace_order"
            ).fetchall()
            self.token = load_tokens_by_username(connection)["staff"]
        self.uuids = [uuid.hex for (uuid,) in rows]
        assert len(self.uuids) == count

    def count_placed_orders(self, connection: psycopg.Connection[Any]) -> int:
        """Return the number of orders placed since the demo was created."""
        count_sql = "select count(*) from marketplace_order where id > %s"
        ((count,),) = connection.execute(count_sql, [self.last_order_id]).fetchall()
        return int(count)

    def count_incomplete_orders(self, connection: psycopg.Connection[Any]) -> int:
        """Return the number of those orders that are only partly written."""
        ((count,),) = connection.execute(
            COUNT_INCOMPLETE_ORDERS_SQL, [self.last_order_id]
        ).fetchall()
        return int(count)

    async def for_each_resource(
        self, operation: Callable[[str], Awaitable[Any]], concurrency: int = 16
    ) -> list[Any]:
        """Run `operation` with the UUID of each resource, at most `concurrency` at a time."""
        semaphore = asyncio.Semaphore(concurrency)

        async def run_limited(uuid: str) -> Any:
            async with semaphore:
                return await operation(uuid)

        return await asyncio.gather(*[run_limited(uuid) for uuid in self.uuids])


async def post_renewal(client: httpx.AsyncClient, token: str, uuid: str) -> httpx.Response:
    """Send a renewal with an idempotency key of the resource."""
    mutation_input = {"uuid": uuid, "extensionMonths": 12, "idempotencyKey": f"renew {uuid}"}
    payload = {"query": RENEW_MUTATION, "variables": {"input": mutation_input}}
    return await client.post("/graphql", json=payload, headers={"Authorization": f"Token {token}"})
