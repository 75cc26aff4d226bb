"""Chaos of the source of events: whatever happens to it, no subscriber misses a change silently."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from gateway.db.events.triggers import install_triggers, uninstall_triggers
from tests.support.gateway_server import GatewayProcess
from tests.support.time_limits import time_limit, wait_until
from tests.system.chaos.chaos_environment import (
    ChaosEnvironment,
    create_environment,
    fetch_metrics,
)
from tests.system.chaos.model_subscribers import ModelScenario, run_models

CHANGE_TRIGGER = "alter table marketplace_resource {action} trigger gateway_update"


@pytest.fixture(scope="module")
def environment() -> Iterator[ChaosEnvironment]:
    """Yield a demo on a server of its own, which the tests of this module restore."""
    with create_environment() as chaos_environment:
        yield chaos_environment


@pytest.fixture(scope="module")
def gateway_process(environment: ChaosEnvironment) -> Iterator[GatewayProcess]:
    """Yield a gateway that verifies its source every second."""
    with environment.serve_gateway_process(events_watch_seconds="1") as process:
        yield process


async def wait_for_source(gateway_process: GatewayProcess, kind: str) -> None:
    """Wait until the metrics name the source."""
    async with time_limit(60, f"the source {kind}"):
        while True:
            metrics = await fetch_metrics(gateway_process)
            if f'gateway_events_source{{kind="{kind}"}} 1.0' in metrics:
                return
            await asyncio.sleep(0.2)


async def expect_source(
    scenario: ModelScenario, gateway_process: GatewayProcess, kind: str
) -> None:
    """Expect that a source was taken up and all subscribers learned of it; let it serve a while."""
    await wait_for_source(gateway_process, kind)
    await scenario.wait_until_resynced()
    await asyncio.sleep(1)
    scenario.forget_resyncs()
    await asyncio.sleep(1)
    assert scenario.count_resyncs("SOURCE_CHANGED") == 0


async def test_triggers_are_disabled_for_a_while(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    await wait_for_source(gateway_process, "triggers")
    async with run_models(environment, gateway_process.url) as scenario:
        for action, kind in (("disable", "poll"), ("enable", "triggers")):
            statement = CHANGE_TRIGGER.format(action=action)
            await asyncio.to_thread(environment.execute_sql, statement)
            await expect_source(scenario, gateway_process, kind)


async def test_triggers_are_uninstalled_and_installed(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    await wait_for_source(gateway_process, "triggers")

    def run_step(step: Callable[[psycopg.Connection[Any]], None]) -> None:
        with psycopg.connect(environment.url) as connection:
            step(connection)

    async with run_models(environment, gateway_process.url) as scenario:
        for step, kind in ((uninstall_triggers, "poll"), (install_triggers, "triggers")):
            await asyncio.to_thread(run_step, step)
            await expect_source(scenario, gateway_process, kind)


async def test_database_is_restored_from_a_dump(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    await wait_for_source(gateway_process, "triggers")
    dump_file = await asyncio.to_thread(environment.server.dump_database)
    async with run_models(environment, gateway_process.url) as scenario:
        await asyncio.sleep(1)
        await asyncio.to_thread(environment.server.restore_database, dump_file)
        await expect_source(scenario, gateway_process, "triggers")


async def test_standby_is_promoted(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    """A fail-over that loses nothing: a new timeline, and a resync, since it might have."""
    await wait_for_source(gateway_process, "triggers")
    async with run_models(environment, gateway_process.url) as scenario:
        await asyncio.sleep(1)
        await asyncio.to_thread(environment.server.promote_copy)
        await expect_source(scenario, gateway_process, "triggers")


async def test_server_is_restored_to_an_earlier_point(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    """The transactions since are lost, and their numbers are used again."""
    await wait_for_source(gateway_process, "triggers")
    await asyncio.to_thread(environment.server.stop_server)
    backup_folder = await asyncio.to_thread(environment.server.copy_files)
    await asyncio.to_thread(environment.server.start_server)
    async with run_models(environment, gateway_process.url) as scenario:
        await asyncio.sleep(2)
        await asyncio.to_thread(environment.server.promote_copy, backup_folder)
        await expect_source(scenario, gateway_process, "triggers")


async def test_signature_is_the_same_over_restarts(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    await wait_for_source(gateway_process, "triggers")
    async with run_models(environment, gateway_process.url) as scenario:
        await wait_until(lambda: all(each.names for each in scenario.subscribers))
        scenario.forget_resyncs()
        for is_immediate in (False, True):
            await asyncio.to_thread(environment.server.stop_server, is_immediate=is_immediate)
            await asyncio.to_thread(environment.server.start_server)
            await asyncio.sleep(2)
        assert scenario.count_resyncs("SOURCE_CHANGED") == 0
        assert scenario.count_resyncs("CURSOR_UNKNOWN") == 0
