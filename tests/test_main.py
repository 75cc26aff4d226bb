"""The command line: what each command does, what it says of trouble, and how it ends."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from gateway.api import schema
from tests.conftest import NewDatabase
from tests.demo.servers import eventually, open_folder
from tests.serving import PROJECT, Process, process, started

TRIES = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from gateway.__main__ import main
outside = dict(os.environ)
for line in sys.stdin:
    os.environ.clear()
    os.environ.update(outside)
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as said:
        try:
            status = main(json.loads(line))
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, output.getvalue(), said.getvalue()]), flush=True)
"""
"""Runs one command after the other, since a process takes long to start."""
UNREACHABLE = "postgresql://u:hidden@127.0.0.1:1/x?password=hidden"
BAD = {
    "no command": [],
    "unknown command": ["nonsense"],
    "unknown flag": ["serve", "--nonsense"],
    "no number": ["serve", "--port", "abc"],
    "too large a number": ["serve", "--port", "65536"],
    "negative": ["init", "--resources", "-1"],
    "no count": ["init", "--resources", "abc"],
    "no seed": ["init", "--seed", "1.5"],
    "unreachable": ["serve", "--database-url", UNREACHABLE],
    "unreachable to fill": ["init", "--database-url", UNREACHABLE],
    "unreachable to check": ["check", "--database-url", UNREACHABLE],
    "no address": ["serve", "--database-url", "mysql://u:hidden@127.0.0.1/x"],
    "data is a file": ["serve", "--data", str(PROJECT / "pyproject.toml")],
    "no such host": ["serve", "--host", "no.such.host.invalid"],
    "impossible host": ["serve", "--host", "a..b"],
    "no demo": ["tokens", "--data", "/nonexistent/folder"],
    "nothing to check": ["check", "--data", "/nonexistent/folder"],
}
"""What a person can put right."""
Came = tuple[int, str, str]
"""An exit status, the output, and what was said on standard error."""


class Commands:
    """Runs commands and gives what came of them."""

    def __init__(self, running: "subprocess.Popen[str]") -> None:
        self._running = running

    def run(self, *arguments: str) -> Came:
        """Run one."""
        assert self._running.stdin
        assert self._running.stdout
        self._running.stdin.write(json.dumps(arguments) + "\n")
        self._running.stdin.flush()
        status, output, said = json.loads(self._running.stdout.readline())
        return status, output, said


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    """Give what runs commands."""
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", TRIES], cwd=PROJECT, **streams) as running:
        yield Commands(running)
        running.terminate()


def run(command: str, *arguments: str, **given: str) -> Came:
    """Run a command in a process of its own."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = started(command, *arguments, **streams, **given)
    output, said = running.communicate(timeout=60)
    return running.returncode, output.decode(), said.decode()


def refused(came: Came) -> str:
    """Give what a command said that gave up with one line and shows no secret."""
    status, output, said = came
    assert (status, said.count("\n"), said[-1:]) == (2, 1, "\n"), said
    assert "hidden" not in output + said
    return said


@pytest.mark.parametrize("trouble", BAD)
def test_trouble_is_one_line(commands: Commands, trouble: str) -> None:
    refused(commands.run(*BAD[trouble]))


def test_a_setting_of_the_environment_may_be_wrong() -> None:
    assert refused(run("serve", port="abc")).startswith("GATEWAY_PORT is 'abc'")


def test_a_port_that_is_taken_is_named(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused(commands.run("serve", "--port", port))
    assert port in said
    assert "choose another --host or --port" in said


def test_prints_the_schema(commands: Commands) -> None:
    assert commands.run("schema") == (0, f"{schema.as_str()}\n", "")


@pytest.mark.parametrize("command", ["serve", "check", "tokens"])
def test_a_database_without_a_marketplace_is_refused(
    commands: Commands, command: str, empty_database: str
) -> None:
    said = refused(commands.run(command, "--database-url", empty_database))
    assert "holds no marketplace" in said


@pytest.fixture(scope="module")
def own_url(commands: Commands, new_database: NewDatabase) -> str:
    """Give the address of a demo that `gateway init` made there."""
    url = new_database()
    status, output, said = commands.run(
        "init", "--resources", "20", "--seed", "7", "--database-url", url
    )
    assert (status, output) == (0, ""), said
    return url


def test_a_marketplace_without_users_is_none(commands: Commands, own_url: str) -> None:
    with psycopg.connect(own_url, autocommit=True) as breaking:
        breaking.execute("alter table core_user rename to former")
        said = refused(commands.run("serve", "--database-url", own_url))
        breaking.execute("alter table former rename to core_user")
    assert "core_user" in said


def test_who_may_not_enter_the_database_is_told(commands: Commands, own_url: str) -> None:
    stranger = own_url.replace("postgres@", "stranger:hidden@")
    assert "stranger" in refused(commands.run("serve", "--database-url", stranger))


def test_init_makes_what_is_asked_for(own_url: str) -> None:
    with psycopg.connect(own_url) as connection:
        found = connection.execute("select seed, resources from gateway.marketplace").fetchall()
        (counted,) = connection.execute("select count(*) from marketplace_resource").fetchall()
    assert (found, counted) == ([(7, 20)], (20,))


def test_init_leaves_a_marketplace_alone(commands: Commands, own_url: str) -> None:
    said = refused(commands.run("init", "--database-url", own_url))
    assert "already holds Waldur's tables" in said


def test_tokens_of_a_demo_are_printed(commands: Commands, own_url: str) -> None:
    status, output, said = commands.run("tokens", "--database-url", own_url)
    assert (status, said) == (0, "")
    assert {"staff", "support", "owner", "member", "provider"} <= json.loads(output).keys()


def test_tokens_of_people_are_not_printed(commands: Commands, waldur2024_url: str) -> None:
    came = commands.run("tokens", "--database-url", waldur2024_url)
    refused(came)
    assert came[1] == ""


def test_a_demo_lacks_no_index(commands: Commands, own_url: str) -> None:
    status, output, said = commands.run("check", "--database-url", own_url)
    assert (status, said) == (0, "")
    assert "a marketplace made by `gateway init`" in output
    assert "CREATE INDEX" not in output


def test_check_tells_what_it_found(commands: Commands, waldur2024_url: str) -> None:
    url = f"{waldur2024_url}&password=hidden"
    status, output, said = commands.run("check", "--database-url", url)
    assert (status, said) == (0, "")
    assert "hidden" not in output
    assert "&password=***\n" in output
    assert "a marketplace made by Waldur\nRules of 2024\n" in output
    assert "marketplace_offeringpartition" in output
    assert "CREATE INDEX CONCURRENTLY gateway_marketplace_resource_created_id ON" in output
    assert output.endswith("The gateway can serve it.\n")


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
    [(signal.SIGINT, 0.3), (signal.SIGINT, 1.8), (signal.SIGTERM, 1.3), (signal.SIGTERM, 2.6)],
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
