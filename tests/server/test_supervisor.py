"""Worker processes: they import little, are replaced when they end or hang, and end together."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from tests.support.gateway_server import GatewayProcess, run_gateway_process, start_command
from tests.support.project_paths import PROJECT_ROOT
from tests.support.time_limits import assert_within, block_until, scale_seconds

WORKER_COUNT = 2
RUNNING_PATTERN = re.compile(rb"running on (http://\S+)")


@pytest.fixture
def gateway_process(url: str) -> Iterator[GatewayProcess]:
    with run_gateway_process(
        database_url=url, workers=str(WORKER_COUNT), worker_seconds="5", drain_seconds="0"
    ) as gateway_process:
        block_until(lambda: len(list_workers(gateway_process)) == WORKER_COUNT)
        yield gateway_process


def list_workers(gateway_process: GatewayProcess) -> list[psutil.Process]:
    """Return the running worker processes; the tracker of multiprocessing is none."""
    children = psutil.Process(gateway_process.popen.pid).children()
    return [each for each in children if "spawn_main" in read_command_line(each)]


def read_command_line(process: psutil.Process) -> str:
    """Return the command line of a process; an empty text if it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def is_serving(gateway_process: GatewayProcess) -> bool:
    """Return whether a new connection gets a response."""
    try:
        response = httpx.get(f"{gateway_process.url}/readyz", timeout=scale_seconds(5))
    except httpx.HTTPError:
        return False
    return response.status_code == httpx.codes.OK


def has_new_worker(gateway_process: GatewayProcess, old_pids: set[int]) -> bool:
    """Return whether all workers are there, and one of them is new."""
    pids = {each.pid for each in list_workers(gateway_process)}
    return len(pids) == WORKER_COUNT and not pids <= old_pids


def test_says_that_it_runs_when_it_listens(url: str) -> None:
    popen = start_command(
        "serve", "--port", "0", "--workers", "2", stderr=subprocess.PIPE, database_url=url
    )
    try:
        assert popen.stderr
        (address,) = next(filter(None, (RUNNING_PATTERN.findall(line) for line in popen.stderr)))
        assert httpx.get(f"{address.decode()}/livez", timeout=scale_seconds(5)).is_success
    finally:
        popen.terminate()
        popen.communicate(timeout=scale_seconds(20))


@pytest.mark.parametrize("module", ["gateway.cli.entry_point", "gateway.server.supervisor"])
def test_workers_import_little_before_they_serve(module: str) -> None:
    listing = "import sys, importlib; importlib.import_module(sys.argv[1]); print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", listing, module],
        capture_output=True,
        check=True,
        text=True,
        cwd=PROJECT_ROOT,
    ).stdout.split()
    assert module in output
    assert not {"strawberry", "graphql", "sqlalchemy", "psycopg", "starlette"} & {*output}


@pytest.mark.parametrize(
    ("signal_number", "is_ended"), [(signal.SIGKILL, True), (signal.SIGSTOP, False)]
)
def test_worker_that_ends_or_hangs_is_replaced(
    gateway_process: GatewayProcess, signal_number: signal.Signals, is_ended: bool
) -> None:
    workers = list_workers(gateway_process)
    old_pids = {each.pid for each in workers}
    workers[0].send_signal(signal_number)
    block_until(lambda: has_new_worker(gateway_process, old_pids), 30)
    assert workers[1].is_running()
    block_until(lambda: is_serving(gateway_process))
    assert not psutil.pid_exists(workers[0].pid)


def test_workers_are_replaced_without_a_gap(gateway_process: GatewayProcess) -> None:
    old_pids = {each.pid for each in list_workers(gateway_process)}
    responses = []

    def request_until_replaced() -> None:
        while old_pids & {each.pid for each in list_workers(gateway_process)}:
            responses.append(is_serving(gateway_process))

    gateway_process.popen.send_signal(signal.SIGHUP)
    with ThreadPoolExecutor(1) as executor, assert_within(60, "the replacement"):
        executor.submit(request_until_replaced).result(scale_seconds(60))
    assert responses
    assert all(responses)


def test_workers_end_with_their_supervisor(gateway_process: GatewayProcess) -> None:
    workers = list_workers(gateway_process)
    gateway_process.popen.kill()
    gateway_process.popen.wait()
    block_until(lambda: not any(psutil.pid_exists(each.pid) for each in workers))


def test_stopped_worker_does_not_delay_the_end(gateway_process: GatewayProcess) -> None:
    workers = list_workers(gateway_process)
    workers[0].suspend()
    started_at = time.monotonic()
    os.kill(gateway_process.popen.pid, signal.SIGTERM)
    assert gateway_process.popen.wait(scale_seconds(20)) == 0
    assert time.monotonic() - started_at < scale_seconds(10)
    assert not any(psutil.pid_exists(each.pid) for each in workers)


@pytest.mark.parametrize("moment", ["while a worker starts", "while a worker stops"])
def test_server_ends_during_a_restart(gateway_process: GatewayProcess, moment: str) -> None:
    if moment == "while a worker stops":
        for worker in list_workers(gateway_process):
            worker.suspend()  # the restart waits for the first one to end
    gateway_process.popen.send_signal(signal.SIGHUP)
    block_until(lambda: len(list_workers(gateway_process)) > WORKER_COUNT, 30)
    if moment == "while a worker stops":
        block_until(lambda: is_serving(gateway_process), 60)
    os.kill(gateway_process.popen.pid, signal.SIGTERM)
    assert gateway_process.popen.wait(scale_seconds(20)) == 0
