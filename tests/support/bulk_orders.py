"""Workloads of many orders: a demo, and requests to renew its resources or to order others."""
# ruff: noqa: E501 - SQL

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psycopg

from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.marketplace.fill import create_marketplace

ORDER_MUTATION = """mutation ($input: {type}!) {{ {field}(input: $input) {{
    __typename ... on Accepted {{ order {{ uuid }} }} ... on Problem {{ message }}
}} }}"""
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
where o.id > %s and not ({condition}
    and exists (select from gateway.idempotency_key k where (k.result::json ->> 1)::int = o.id)
    and exists (select from logging_event e join logging_feed f on f.event_id = e.id
        where e.message like '{message}' and f.object_id = r.id))
"""
"""Counts orders that are only partly written."""
ORDERABLE_SQL = """
select o.uuid, p.uuid, j.uuid from marketplace_offering o
join marketplace_plan p on p.offering_id = o.id and not p.archived and p.max_amount is null
join structure_project j on not j.is_removed and j.end_date is null
join structure_customer c on c.id = j.customer_id and not c.blocked and not c.archived
where o.type = 'Marketplace.Basic' and o.state = 2 and o.shared and not o.id in (
    select offering_id from marketplace_offeringcomponent where is_prepaid) and not exists (
    select from jsonb_each(o.options -> 'options') q where (q.value ->> 'required')::boolean)
order by o.id, p.id, j.id limit 1
"""


class OrderWorkload(ABC):
    """Orders of staff in a new demo, each with a key, and counts of those that were placed."""

    field: str
    """Mutation that places an order."""
    payload_type: str
    """Type of its result."""
    condition: str
    """SQL condition on an order `o` and its resource `r` that is met if both are written."""
    message: str
    """Pattern of the message of an event that is written with them."""

    def __init__(self, url: str, count: int) -> None:
        """Create a demo in an empty database, in which `count` orders can be placed."""
        with psycopg.connect(url, autocommit=True) as connection:
            create_marketplace(connection, resource_count=100 + 2 * count, seed=1)
            connection.execute("delete from marketplace_offeringtermsofservice")
            connection.execute("delete from policy_projectestimatedcostpolicy")
            self.keys = self.prepare_keys(connection, count)
            ((self.last_order_id,),) = connection.execute(
                "select max(id) from marketplace_order"
            ).fetchall()
            self.token = load_tokens_by_username(connection)["staff"]
        assert len(self.keys) == count

    @abstractmethod
    def prepare_keys(self, connection: psycopg.Connection[Any], count: int) -> list[str]:
        """Prepare the demo, and return the idempotency keys of the orders."""

    @abstractmethod
    def build_input(self, key: str) -> dict[str, Any]:
        """Return the input of the order with a key, without the key."""

    async def post_order(self, client: httpx.AsyncClient, key: str) -> httpx.Response:
        """Send the request for the order with a key."""
        type_name = f"{self.field[0].upper()}{self.field[1:]}Input"
        payload = {
            "query": ORDER_MUTATION.format(field=self.field, type=type_name),
            "variables": {"input": {**self.build_input(key), "idempotencyKey": key}},
        }
        headers = {"Authorization": f"Token {self.token}"}
        return await client.post("/graphql", json=payload, headers=headers)

    def count_placed_orders(self, connection: psycopg.Connection[Any]) -> int:
        """Return the number of orders placed since the demo was created."""
        count_sql = "select count(*) from marketplace_order where id > %s"
        ((count,),) = connection.execute(count_sql, [self.last_order_id]).fetchall()
        return int(count)

    def count_incomplete_orders(self, connection: psycopg.Connection[Any]) -> int:
        """Return the number of those orders that are only partly written."""
        statement = COUNT_INCOMPLETE_ORDERS_SQL.format(
            condition=self.condition, message=self.message
        )
        ((count,),) = connection.execute(statement.encode(), [self.last_order_id]).fetchall()
        return int(count)

    async def for_each_key(
        self, operation: Callable[[str], Awaitable[Any]], concurrency: int = 16
    ) -> list[Any]:
        """Run `operation` with each key, at most `concurrency` at a time."""
        semaphore = asyncio.Semaphore(concurrency)

        async def run_limited(key: str) -> Any:
            async with semaphore:
                return await operation(key)

        return await asyncio.gather(*[run_limited(key) for key in self.keys])


class RenewalWorkload(OrderWorkload):
    """Renewals of as many resources; the keys are their UUIDs."""

    field, payload_type = "renewResource", "ResourceRenewed"
    condition = "r.state = 4 and o.attributes ->> 'action' = 'renew'"
    message = "%%from OK to Updating%%"

    def prepare_keys(self, connection: psycopg.Connection[Any], count: int) -> list[str]:
        """Make resources renewable, and return their UUIDs."""
        rows = connection.execute(MAKE_RENEWABLE_SQL, [count]).fetchall()
        return [uuid.hex for (uuid,) in rows]

    def build_input(self, key: str) -> dict[str, Any]:
        """Return the input to renew a resource."""
        return {"uuid": key, "extensionMonths": 12}


class CreationWorkload(OrderWorkload):
    """Orders for new resources in one project; the keys are the names of the resources."""

    field, payload_type = "createOrder", "OrderCreated"
    condition = "r.state = 1 and o.type = 1 and r.name = o.attributes ->> 'name'"
    message = "Resource %% creation has been requested."

    def prepare_keys(self, connection: psycopg.Connection[Any], count: int) -> list[str]:
        """Choose an offering, and return names of resources."""
        ((*uuids,),) = connection.execute(ORDERABLE_SQL).fetchall()
        self._offering, self._plan, self._project = (each.hex for each in uuids)
        return [f"resource {number}" for number in range(count)]

    def build_input(self, key: str) -> dict[str, Any]:
        """Return the input to order a resource."""
        return {
            "offering": self._offering,
            "plan": self._plan,
            "project": self._project,
            "name": key,
        }
