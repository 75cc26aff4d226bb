"""Tests of `gateway serve` as a process: it starts, serves, and stops without leftovers."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.embedded_postgres import create_public_folder
from tests.support.gateway_server import (
    GatewayProcess,
    expect_usage_error,
    run_command,
    run_gateway_process,
    start_command,
)
from tests.support.time_limits import block_until, scale_seconds


@pytest.fixture(scope="module")
def data_folder() -> Iterator[Path]:
    """Yield a data folder with a small demo; its path contains a space."""
    with create_public_folder() as folder:
        data_path = folder / "a folder" / "data"
        data_path.parent.mkdir(mode=0o711)
        status, output, error_output = run_command(
            "init", "--resources", "20", "--data", str(data_path)
        )
        assert (status, output) == (0, ""), error_output
        yield data_path


def is_folder_free(data_folder: Path) -> bool:
    """Return whether neither a gateway nor PostgreSQL uses a data folder."""
    for lock in data_folder.rglob("*.lock"):
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
    return True


def fetch_page(gateway_process: GatewayProcess, path: str) -> httpx.Response:
    """Fetch a page as a browser does."""
    return httpx.get(
        f"{gateway_process.url}/{path}", headers={"Accept": "text/html"}, timeout=scale_seconds(5)
    )


def query_viewer(gateway_process: GatewayProcess, token: str) -> httpx.Response:
    """Query the viewer and the number of resources."""
    return httpx.post(
        f"{gateway_process.url}/graphql",
        json={"query": "{ viewer { user { username } } resources { totalCount } }"},
        headers={"Authorization": f"Token {token}"},
        timeout=scale_seconds(5),
    )


def test_serves_the_demo_until_ctrl_c(data_folder: Path) -> None:
    with run_gateway_process("--data", str(data_folder)) as gateway_process:
        tokens_by_username = json.loads(run_command("tokens", "--data", str(data_folder))[1])
        assert {"staff", "support", "owner", "member", "provider"} <= tokens_by_username.keys()
        response_data = query_viewer(gateway_process, tokens_by_username["staff"]).json()["data"]
        assert response_data == {
            "viewer": {"user": {"username": "staff"}},
            "resources": {"totalCount": 20},
        }
        assert fetch_page(gateway_process, "readyz").status_code == 200
        page = fetch_page(gateway_process, "graphql")
        assert tokens_by_username["staff"] in page.text
        assert tokens_by_username["member"] in gateway_process.stderr_text
        assert "more: gateway tokens\n" in gateway_process.stderr_text
        assert f"\nGraphiQL: {gateway_process.url}/graphql\n" in gateway_process.stderr_text
        assert "GATEWAY_" not in gateway_process.stderr_text
        _check_bad_requests(gateway_process, tokens_by_username["staff"])
        _check_folder_is_in_use(gateway_process, data_folder)
        assert gateway_process.end_by_signal(signal.SIGINT) in (0, 130)
    block_until(lambda: is_folder_free(data_folder))


def _check_folder_is_in_use(gateway_process: GatewayProcess, data_folder: Path) -> None:
    """Check that other commands name the running gateway first, also if its port is theirs."""
    port = str(httpx.URL(gateway_process.url).port)
    for arguments in (("serve", "--port", "0"), ("serve", "--port", port), ("check",)):
        result = run_command(*arguments, "--data", str(data_folder))
        assert f"Another gateway (process {gateway_process.popen.pid})" in expect_usage_error(
            result
        )
        assert result[1] == ""


def _check_bad_requests(gateway_process: GatewayProcess, token: str) -> None:
    """Check that the server rejects bad requests and keeps serving."""
    endpoint, headers = f"{gateway_process.url}/graphql", {"Content-Type": "application/json"}
    with httpx.Client(headers=headers, timeout=scale_seconds(5)) as http:
        for body, status in ((b"x" * 1_000_001, 413), (b"\xff", 400), (b"[" * 10**5, 400)):
            assert http.post(endpoint, content=body).status_code == status
        malformed_headers = [
            (b"Authorization", b"Token \xff"),
            (b"Content-Type", b"application/json"),
        ]
        assert (
            http.post(endpoint, content=b'{"query": "{a}"}', headers=malformed_headers).status_code
            == 401
        )
    with socket.create_connection(
        ("127.0.0.1", httpx.URL(gateway_process.url).port)
    ) as aborted_connection:
        aborted_connection.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
        )
    assert query_viewer(gateway_process, token).status_code == 200


def test_graphiql_is_announced_only_where_it_is_served(data_folder: Path) -> None:
    with run_gateway_process("--dev", "off", data=str(data_folder)) as gateway_process:
        assert fetch_page(gateway_process, "graphql").status_code == 405
        assert "GraphiQL" not in gateway_process.stderr_text
    block_until(lambda: is_folder_free(data_folder))


def test_an_existing_demo_is_not_created_again(data_folder: Path) -> None:
    message = expect_usage_error(run_command("init", "--seed", "8", "--data", str(data_folder)))
    assert message.startswith(f"The folder {data_folder} already contains a demo: ")
    assert "--data" in message


def test_serves_with_two_workers_until_it_is_terminated(data_folder: Path) -> None:
    token = json.loads(run_command("tokens", "--data", str(data_folder))[1])["member"]
    with run_gateway_process("--workers", "2", data=str(data_folder)) as gateway_process:
        assert {query_viewer(gateway_process, token).status_code for _ in range(10)} == {200}
        assert gateway_process.end_by_signal(signal.SIGTERM) == 0
    block_until(lambda: is_folder_free(data_folder))


@pytest.mark.parametrize(
    ("signal_number", "delay_seconds"),
    [(signal.SIGINT, 0.3), (signal.SIGINT, 1.8), (signal.SIGTERM, 2.6)],
)
def test_may_be_ended_before_it_serves(signal_number: signal.Signals, delay_seconds: float) -> None:
    with create_public_folder() as folder:
        data_path = folder / "data"
        starting_process = start_command(
            "serve", "--port", "0", "--data", str(data_path), stderr=subprocess.PIPE
        )
        time.sleep(delay_seconds)
        os.killpg(starting_process.pid, signal_number)
        error_output = starting_process.communicate(timeout=scale_seconds(30))[1].decode()
        assert starting_process.returncode in (0, 130)
        assert "Traceback" not in error_output
        block_until(lambda: is_folder_free(data_path))
