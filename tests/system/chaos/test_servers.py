"""Chaos of the servers: reconnected subscribers receive all events in order, each once."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from tests.support.gateway_server import GatewayProcess
from tests.support.time_limits import assert_duration
from tests.system.chaos.chaos_environment import ChaosEnvironment
from tests.system.chaos.load_writers import LoadWriter, run_writer
from tests.system.chaos.scenarios import (
    create_crowd,
    create_pausable_subscribers,
    print_figure,
    run_scenario,
)

MAX_SHUTDOWN_SECONDS = 6
"""Seconds within which a server must end after SIGTERM."""


@contextmanager
def restart_gateway(
    environment: ChaosEnvironment, stopped_process: GatewayProcess
) -> Iterator[GatewayProcess]:
    """Serve on the port of a stopped process."""
    with environment.serve_gateway_process(
        "--port", str(urlsplit(stopped_process.url).port)
    ) as new_process:
        assert new_process.url == stopped_process.url
        yield new_process


def stop_gateway(process: GatewayProcess) -> float:
    """Stop a server by SIGTERM; return the seconds until it ended."""
    started_at = time.monotonic()
    assert process.end_by_signal(signal.SIGTERM) == 0
    return time.monotonic() - started_at


async def test_server_terminated_under_load_is_replaced(
    environment: ChaosEnvironment,
) -> None:
    with environment.serve_gateway_process() as first_process:
        paused_subscribers = create_pausable_subscribers(environment, first_process.url, 4)
        async with run_scenario(
            "SIGTERM",
            environment,
            [*create_crowd(environment, first_process.url), *paused_subscribers],
        ) as scenario:
            for subscriber in paused_subscribers:
                subscriber.pause_reading()
            async with run_writer(
                LoadWriter(environment.url, [*environment.project_uuids], 21), 5, 200
            ):
                await asyncio.sleep(2)
                shutdown_seconds = await asyncio.to_thread(stop_gateway, first_process)
                print_figure(f"the server took {shutdown_seconds:.1f} s to end")
                for subscriber in paused_subscribers:
                    subscriber.resume_reading()
                restart_context = restart_gateway(environment, first_process)
                await asyncio.to_thread(restart_context.__enter__)
            await scenario.wait_until_delivered()
            assert scenario.resync_reasons == {}
            assert sum(scenario.sum_counters("loss_counts").values()) >= len(scenario.subscribers)
        assert_duration(shutdown_seconds, MAX_SHUTDOWN_SECONDS, "the shutdown")
        await asyncio.to_thread(restart_context.__exit__, None, None, None)


async def test_one_of_two_workers_is_killed(environment: ChaosEnvironment) -> None:
    with environment.serve_gateway_process("--workers", "2") as gateway_process:
        subscribers = create_crowd(environment, gateway_process.url)
        async with run_scenario("worker killed", environment, subscribers) as scenario:
            async with run_writer(LoadWriter(environment.url, [*environment.project_uuids], 22), 3):
                await asyncio.sleep(1)
                children = psutil.Process(gateway_process.popen.pid).children()
                workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
                assert len(workers) == 2
                busiest_worker = max(workers, key=lambda child: len(child.net_connections()))
                os.kill(busiest_worker.pid, signal.SIGKILL)
            assert scenario.resync_reasons == {}
            assert sum(scenario.sum_counters("loss_counts").values()) > 0


async def test_one_of_two_servers_is_killed_and_the_other_takes_over(
    environment: ChaosEnvironment,
) -> None:
    with (
        environment.serve_gateway_process() as first_process,
        environment.serve_gateway_process() as second_process,
    ):
        subscribers = create_crowd(environment, first_process.url, second_process.url)
        async with run_scenario("server killed", environment, subscribers) as scenario:
            async with run_writer(LoadWriter(environment.url, [*environment.project_uuids], 23), 3):
                await asyncio.sleep(1)
                first_process.end_by_signal(signal.SIGKILL)
                for subscriber in subscribers:
                    subscriber.url = second_process.url
            assert scenario.resync_reasons == {}
