"""The gateway process is killed while many orders are placed: none is written in part or twice."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import CreationWorkload, OrderWorkload, RenewalWorkload
from tests.support.gateway_server import GatewayProcess, run_gateway_process
from tests.support.time_limits import scale_seconds, wait_until


async def place_all(gateway: GatewayProcess, workload: OrderWorkload) -> list[Any]:
    """Place the orders concurrently; None for each request that was not answered."""

    async def place_one(key: str) -> Any:
        try:
            response = await workload.post_order(client, key)
        except httpx.HTTPError:
            return None
        return response.json()["data"][workload.field]

    async with httpx.AsyncClient(base_url=gateway.url, timeout=scale_seconds(30)) as client:
        return await workload.for_each_key(place_one)


async def kill_meanwhile(
    gateway: GatewayProcess, connection: psycopg.Connection[Any], workload: OrderWorkload
) -> None:
    """Kill the process after a quarter of the orders was placed."""
    minimum = len(workload.keys) // 4
    await wait_until(lambda: workload.count_placed_orders(connection) >= minimum, 20)
    gateway.popen.kill()


@pytest.mark.parametrize(
    ("workload_class", "count"), [(RenewalWorkload, 200), (CreationWorkload, 100)]
)
async def test_orders_survive_a_killed_process(
    new_database: DatabaseFactory, workload_class: type[OrderWorkload], count: int
) -> None:
    url = new_database()
    workload = workload_class(url, count)
    with psycopg.connect(url, autocommit=True) as connection:
        with run_gateway_process("--database-url", url, provider_seconds="off") as gateway:
            kill_task = asyncio.create_task(kill_meanwhile(gateway, connection, workload))
            first_results = await place_all(gateway, workload)
            await kill_task
            gateway.popen.wait(scale_seconds(10))
        assert None in first_results, "The process was killed too late."
        assert workload.count_incomplete_orders(connection) == 0
        with run_gateway_process("--database-url", url, provider_seconds="off") as gateway:
            second_results = await place_all(gateway, workload)
        assert {each["__typename"] for each in second_results} == {workload.payload_type}, (
            second_results
        )
        for first, second in zip(first_results, second_results, strict=True):
            assert first is None or first == second
        assert workload.count_placed_orders(connection) == count
