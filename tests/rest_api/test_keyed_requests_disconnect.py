"""A client disconnects while Waldur works: the request goes on and settles its key."""

import asyncio
from typing import Any

import httpx
import psycopg

from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import RenewalWorkload
from tests.support.gateway_server import run_gateway_process
from tests.support.keyed_scene import CLAIMS_SQL
from tests.support.placing_waldur import PlacingWaldur
from tests.support.rest_server import run_rest_server
from tests.support.time_limits import scale_seconds, wait_until


async def test_request_of_a_client_that_disconnects_settles_its_key(
    new_database: DatabaseFactory,
) -> None:
    url = new_database()
    workload, waldur = RenewalWorkload(url, 1), PlacingWaldur(url)
    (key,) = workload.keys
    waldur.answers_may_come.clear()
    with (
        run_rest_server() as rest_server,
        psycopg.connect(url, autocommit=True) as connection,
        run_gateway_process(
            "--database-url", url, changes="waldur", waldur_url=rest_server.url
        ) as gateway,
    ):

        def list_claims() -> list[Any]:
            return connection.execute(CLAIMS_SQL.encode()).fetchall()

        rest_server.respond = waldur
        async with httpx.AsyncClient(base_url=gateway.url, timeout=scale_seconds(30)) as client:
            task = asyncio.create_task(workload.post_order(client, key))
            await wait_until(lambda: rest_server.requests != [], 20)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert list_claims() == [(key, None)]
        await asyncio.sleep(0.5)  # so that the disconnect is noticed, as a rule
        waldur.answers_may_come.set()
        await wait_until(lambda: list_claims()[0][1] is not None, 20)
        async with httpx.AsyncClient(base_url=gateway.url, timeout=scale_seconds(30)) as client:
            result = (await workload.post_order(client, key)).json()["data"]["renewResource"]
    assert [result["order"]["uuid"]] == waldur.order_uuids
    assert len(rest_server.requests) == 1
