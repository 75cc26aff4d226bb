"""`gateway serve` as a process: it serves, keeps serving, and leaves nothing behind."""

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

from tests.support.embedded_postgres import eventually, open_folder
from tests.support.gateway_server import Process, process, refused, run, started


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """Give a data folder with a small demo, whose name has a space in it."""
    with open_folder() as folder:
        data = folder / "a folder" / "data"
        data.parent.mkdir(mode=0o711)
        status, output, said = run("init", "--resources", "20", "--data", str(data))
        assert (status, output) == (0, ""), said
        yield data


def free(data: Path) -> bool:
    """Tell whether neither a gateway nor a process of PostgreSQL uses a data folder."""
    for lock in data.rglob("*.lock"):
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
    return True


def asks(serving: Process, token: str) -> httpx.Response:
    """Ask a gateway who asks."""
    return httpx.post(
        f"{serving.url}/graphql",
        json={"query": "{ viewer { user { username } } resources { totalCount } }"},
        headers={"Authorization": f"Token {token}"},
    )


def test_serves_the_demo_until_ctrl_c(data: Path) -> None:
    with process("--data", str(data)) as serving:
        known = json.loads(run("tokens", "--data", str(data))[1])
        assert {"staff", "support", "owner", "member", "provider"} <= known.keys()
        found = asks(serving, known["staff"]).json()["data"]
        assert found == {"viewer": {"user": {"username": "staff"}}, "resources": {"totalCount": 20}}
        assert httpx.get(f"{serving.url}/readyz").status_code == 200
        page = httpx.get(f"{serving.url}/graphql", headers={"Accept": "text/html"})
        assert known["staff"] in page.text
        assert known["member"] in serving.said
        assert f"GATEWAY_DATA={data}\n" in serving.said
        _is_steady(serving, known["staff"])
        assert "Another gateway" in refused(run("serve", "--port", "0", "--data", str(data)))
        assert serving.end(signal.SIGINT) in (0, 130)
    assert eventually(lambda: free(data))


def _is_steady(serving: Process, token: str) -> None:
    """See that a real server keeps serving, whatever it is sent."""
    endpoint, headers = f"{serving.url}/graphql", {"Content-Type": "application/json"}
    with httpx.Client(headers=headers) as http:
        for body, status in ((b"x" * 1_000_001, 413), (b"\xff", 400), (b"[" * 10**5, 400)):
            assert http.post(endpoint, content=body).status_code == status
        bytes_ = [(b"Authorization", b"Token \xff"), (b"Content-Type", b"application/json")]
        assert http.post(endpoint, content=b'{"query": "{a}"}', headers=bytes_).status_code == 401
    with socket.create_connection(("127.0.0.1", httpx.URL(serving.url).port)) as leaving:
        leaving.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
    assert asks(serving, token).status_code == 200


def test_serves_with_two_workers_until_it_is_terminated(data: Path) -> None:
    token = json.loads(run("tokens", "--data", str(data))[1])["member"]
    with process("--workers", "2", data=str(data)) as serving:
        assert {asks(serving, token).status_code for _ in range(10)} == {200}
        assert serving.end(signal.SIGTERM) == 0
    assert eventually(lambda: free(data))


@pytest.mark.parametrize(
    ("number", "seconds"),
    [(signal.SIGINT, 0.3), (signal.SIGINT, 1.8), (signal.SIGTERM, 2.6)],
)
def test_may_be_ended_before_it_serves(number: signal.Signals, seconds: float) -> None:
    with open_folder() as folder:
        data = folder / "data"
        starting = started("serve", "--port", "0", "--data", str(data), stderr=subprocess.PIPE)
        time.sleep(seconds)
        os.killpg(starting.pid, number)
        said = starting.communicate(timeout=30)[1].decode()
        assert starting.returncode in (0, 130)
        assert "Traceback" not in said
        assert eventually(lambda: free(data))
