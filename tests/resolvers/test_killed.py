"""The serving process is killed in the middle of 200 renewals: none is half done, none is done twice."""
# ruff: noqa: E501 - SQL

import asyncio
from typing import Any

import httpx
import psycopg

from gateway.db.tokens import tokens
from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.serving import Process, process

COUNT = 200
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


async def renewed(served: Process, token: str, uuids: list[str]) -> list[Any]:
    """Renew resources, many at once; None where no answer came."""
    gate = asyncio.Semaphore(16)

    async def one(client: httpx.AsyncClient, uuid: str) -> Any:
        given = {"uuid": uuid, "extensionMonths": 12, "idempotencyKey": f"renew {uuid}"}
        async with gate:
            try:
                answer = await client.post(
                    f"{served.url}/graphql", json={"query": RENEW, "variables": {"input": given}}
                )
            except httpx.HTTPError:
                return None
        return answer.json()["data"]["renewResource"]

    headers = {"Authorization": f"Token {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        return await asyncio.gather(*[one(client, uuid) for uuid in uuids])


async def killed_when(served: Process, root: psycopg.AsyncConnection, last: int) -> None:
    """Kill the process when some orders were placed."""
    while True:
        cursor = await root.execute("select count(*) from marketplace_order where id > %s", [last])
        found = await cursor.fetchone()
        if found and found[0] >= COUNT // 4:
            served.process.kill()
            return
        await asyncio.sleep(0.01)


async def test_renewals_survive_that_the_process_is_killed(new_database: NewDatabase) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        make(connection, resources=2 * COUNT, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        made = connection.execute(RENEWABLE, [COUNT]).fetchall()
        uuids = [uuid.hex for (uuid,) in made]
        ((last,),) = connection.execute("select max(id) from marketplace_order").fetchall()
        token = tokens(connection)["staff"]
    assert len(uuids) == COUNT
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as root:
        with process("--database-url", url, provider_seconds="off") as served:
            killing = asyncio.create_task(killed_when(served, root, last))
            came = await renewed(served, token, uuids)
            await killing
            served.process.wait(10)
        assert None in came, "it was killed in the middle"
        assert await (await root.execute(HALF, [last])).fetchone() == (0,)
        with process("--database-url", url, provider_seconds="off") as served:
            again = await renewed(served, token, uuids)
        assert {each["__typename"] for each in again} == {"ResourceRenewed"}
        for first, second in zip(came, again, strict=True):
            assert first is None or first == second
        placed = await (
            await root.execute("select count(*) from marketplace_order where id > %s", [last])
        ).fetchone()
        assert placed == (COUNT,)
