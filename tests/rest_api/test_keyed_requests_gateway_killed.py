"""The gateway process is killed while Waldur works: the request is carried out once."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import CreationWorkload, OrderWorkload, RenewalWorkload
from tests.support.gateway_server import GatewayProcess, run_gateway_process
from tests.support.keyed_scene import AGE_CLAIMS_SQL, LONG_AGO
from tests.support.placing_waldur import Fate, PlacingWaldur
from tests.support.rest_server import RestServer, run_rest_server
from tests.support.time_limits import scale_seconds, wait_until


async def place_order(gateway: GatewayProcess, workload: OrderWorkload) -> Any:
    """Place the order of the first key; None if the request is not answered."""
    async with httpx.AsyncClient(base_url=gateway.url, timeout=scale_seconds(30)) as client:
        try:
            response = await workload.post_order(client, workload.keys[0])
        except httpx.HTTPError:
            return None
    return response.json()["data"][workload.field]


async def kill_during_request(
    url: str, workload: OrderWorkload, rest_server: RestServer, waldur: PlacingWaldur
) -> None:
    """Kill a gateway after Waldur has received its request."""
    with run_gateway_process(
        "--database-url", url, changes="waldur", waldur_url=rest_server.url
    ) as gateway:
        task = asyncio.create_task(place_order(gateway, workload))
        await wait_until(lambda: rest_server.requests != [], 20)
        waldur.answers_may_come.set()
        await wait_until(lambda: waldur.is_waiting, 20)
        gateway.popen.kill()
        assert await task is None


@pytest.mark.parametrize(
    ("workload_class", "fate"), [(RenewalWorkload, Fate.SILENT), (CreationWorkload, Fate.LOST)]
)
async def test_request_of_a_killed_process_is_carried_out_once(
    new_database: DatabaseFactory, workload_class: type[OrderWorkload], fate: Fate
) -> None:
    url = new_database()
    workload, waldur = workload_class(url, 1), PlacingWaldur(url)
    with run_rest_server() as rest_server:
        rest_server.respond = waldur
        waldur.fates = [fate]
        await kill_during_request(url, workload, rest_server, waldur)
        with run_gateway_process(
            "--database-url", url, changes="waldur", waldur_url=rest_server.url
        ) as gateway:
            result = await place_order(gateway, workload)
            if fate is Fate.LOST:
                assert result["__typename"] == "Unavailable"
                assert len(rest_server.requests) == 1
                with psycopg.connect(url) as connection:
                    connection.execute(AGE_CLAIMS_SQL.encode(), [LONG_AGO])
                result = await place_order(gateway, workload)
            assert result["__typename"] == workload.payload_type, result
            assert [result["order"]["uuid"]] == waldur.order_uuids
            assert await place_order(gateway, workload) == result
        waldur.finish()
    assert len(rest_server.requests) == (2 if fate is Fate.LOST else 1)
