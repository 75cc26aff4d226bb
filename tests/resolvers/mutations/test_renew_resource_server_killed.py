"""The gateway process is killed during 200 renewals: none is placed partially or twice."""

import asyncio
from typing import Any

import httpx
import psycopg

from tests.conftest import DatabaseFactory
from tests.support.bulk_renewals import RenewalWorkload, post_renewal
from tests.support.gateway_server import GatewayProcess, run_gateway_process
from tests.support.time_limits import scale_seconds, wait_until

RENEWAL_COUNT = 200


async def renew_all(gateway: GatewayProcess, renewals: RenewalWorkload) -> list[Any]:
    """Renew the resources concurrently; None for each request that was not answered."""

    async def renew_one(uuid: str) -> Any:
        try:
            response = await post_renewal(client, renewals.token, uuid)
        except httpx.HTTPError:
            return None
        return response.json()["data"]["renewResource"]

    async with httpx.AsyncClient(base_url=gateway.url, timeout=scale_seconds(30)) as client:
        return await renewals.for_each_resource(renew_one)


async def kill_during_renewals(
    gateway: GatewayProcess, connection: psycopg.Connection[Any], renewals: RenewalWorkload
) -> None:
    """Kill the process after a quarter of the orders was placed."""
    await wait_until(lambda: renewals.count_placed_orders(connection) >= RENEWAL_COUNT // 4, 20)
    gateway.popen.kill()


async def test_renewals_survive_a_killed_process(new_database: DatabaseFactory) -> None:
    url = new_database()
    renewals = RenewalWorkload(url, RENEWAL_COUNT)
    with psycopg.connect(url, autocommit=True) as connection:
        with run_gateway_process("--database-url", url, provider_seconds="off") as gateway:
            kill_task = asyncio.create_task(kill_during_renewals(gateway, connection, renewals))
            first_results = await renew_all(gateway, renewals)
            await kill_task
            gateway.popen.wait(scale_seconds(10))
        assert None in first_results, "The process was killed too late."
        assert renewals.count_incomplete_orders(connection) == 0
        with run_gateway_process("--database-url", url, provider_seconds="off") as gateway:
            second_results = await renew_all(gateway, renewals)
        assert {each["__typename"] for each in second_results} == {"ResourceRenewed"}
        for first, second in zip(first_results, second_results, strict=True):
            assert first is None or first == second
        assert renewals.count_placed_orders(connection) == RENEWAL_COUNT
