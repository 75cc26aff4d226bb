"""Chaos of the database: each subscriber receives all events in order, each once."""

import asyncio
import random

import psycopg
import pytest

from tests.support.gateway_server import GatewayProcess
from tests.system.chaos.chaos_environment import (
    GATEWAY_BACKENDS,
    LISTENING_BACKENDS,
    ChaosEnvironment,
)
from tests.system.chaos.load_writers import LoadWriter, run_writer
from tests.system.chaos.scenarios import create_crowd, run_scenario


def create_writer(environment: ChaosEnvironment, seed: int) -> LoadWriter:
    return LoadWriter(environment.url, [*environment.project_uuids], seed)


async def test_listener_backend_is_terminated(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    async with run_scenario(
        "listener terminated", environment, create_crowd(environment, gateway_process.url)
    ) as scenario:
        async with run_writer(create_writer(environment, 1), 2.6):
            for _ in range(4):
                await asyncio.sleep(0.6)
                terminated_count = await asyncio.to_thread(
                    environment.server.terminate_backends,
                    f"{GATEWAY_BACKENDS} and ({LISTENING_BACKENDS})",
                )
                assert terminated_count > 0
        assert scenario.resync_reasons == {}


async def test_all_backends_are_terminated_repeatedly(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    client_backends = "backend_type = 'client backend' and pid <> pg_backend_pid()"
    subscribers = create_crowd(environment, gateway_process.url)
    for subscriber in subscribers[::2]:
        subscriber.choose_stay_seconds = lambda: random.uniform(0.1, 0.8)
    async with run_scenario("all terminated", environment, subscribers) as scenario:
        async with run_writer(create_writer(environment, 2), 3):
            for _ in range(6):
                await asyncio.sleep(0.4)
                await asyncio.to_thread(environment.server.terminate_backends, client_backends)
        for subscriber in subscribers:
            subscriber.choose_stay_seconds = None
        assert scenario.resync_reasons == {}


@pytest.mark.parametrize("is_immediate", [False, True], ids=["fast", "immediate"])
async def test_postgresql_is_restarted(
    environment: ChaosEnvironment, gateway_process: GatewayProcess, is_immediate: bool
) -> None:
    mode = "immediate" if is_immediate else "fast"
    async with run_scenario(
        f"restarted, {mode}", environment, create_crowd(environment, gateway_process.url)
    ) as scenario:
        async with run_writer(create_writer(environment, 3 + is_immediate), 4):
            await asyncio.sleep(0.7)
            await asyncio.to_thread(environment.server.stop_server, is_immediate=is_immediate)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(environment.server.start_server)
        assert scenario.resync_reasons == {}


async def test_long_transaction_delays_but_skips_nothing(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    async with run_scenario(
        "long transaction", environment, create_crowd(environment, gateway_process.url)
    ) as scenario:
        blocking_connection = await psycopg.AsyncConnection.connect(environment.url)
        await blocking_connection.execute(
            "update marketplace_resource set name = 'long' where id % 7 = 0"
        )
        await scenario.wait_until_delivered()
        positions_before = [subscriber.position for subscriber in scenario.subscribers]
        async with run_writer(create_writer(environment, 5), 2.5):
            await asyncio.sleep(2)
            assert [subscriber.position for subscriber in scenario.subscribers] == positions_before
            await blocking_connection.commit()
        await blocking_connection.close()
        assert scenario.resync_reasons == {}


async def test_a_burst_in_one_transaction_and_in_a_thousand(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    async with run_scenario(
        "bursts", environment, create_crowd(environment, gateway_process.url)
    ) as scenario:
        rename_statement = (
            "update marketplace_resource set name = 'burst' || %s where id in (select id"
        )
        rename_statement += " from marketplace_resource order by id limit 20)"
        async with await psycopg.AsyncConnection.connect(environment.url) as connection:
            for number in range(50):
                await connection.execute(rename_statement.encode(), [number])
        await scenario.wait_until_delivered()
        async with await psycopg.AsyncConnection.connect(
            environment.url, autocommit=True
        ) as autocommit_connection:
            for number in range(1000):
                await autocommit_connection.execute(
                    "update marketplace_resource set name = 'each' || %s where id = "
                    "(select id from marketplace_resource order by id offset %s limit 1)",
                    [number, number % 50],
                )
        await scenario.wait_until_delivered()
        assert scenario.resync_reasons == {}
