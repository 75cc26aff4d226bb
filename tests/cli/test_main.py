"""The command line: what each command does, and what it says of trouble."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from gateway.api import schema
from tests.conftest import NewDatabase
from tests.support import waldur_2024
from tests.support.gateway_server import Came, refused, run
from tests.support.project_paths import PROJECT_ROOT

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
    "data is a file": ["serve", "--data", str(PROJECT_ROOT / "pyproject.toml")],
    "no such host": ["serve", "--host", "no.such.host.invalid"],
    "impossible host": ["serve", "--host", "a..b"],
    "no demo": ["tokens", "--data", "/nonexistent/folder"],
    "no step of events": ["events"],
    "unknown step of events": ["events", "nonsense"],
    "unreachable for events": ["events", "install", "--database-url", UNREACHABLE],
    "nothing to check": ["check", "--data", "/nonexistent/folder"],
}
"""What a person can put right."""


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
    with subprocess.Popen([sys.executable, "-c", TRIES], cwd=PROJECT_ROOT, **streams) as running:
        yield Commands(running)
        running.terminate()


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
    assert "index" not in output


def test_check_tells_what_it_found(commands: Commands, waldur2024_url: str) -> None:
    url = f"{waldur2024_url}&password=hidden"
    status, output, said = commands.run("check", "--database-url", url)
    assert (status, said) == (0, "")
    assert "hidden" not in output
    assert "&password=***\n" in output
    assert "a marketplace made by Waldur\nRules of 2024\n" in output
    assert "marketplace_offeringpartition" in output
    made = "create index concurrently if not exists gateway_marketplace_resource_created_id on"
    assert f"while the marketplace runs:\n{made} marketplace_resource (created, id);\n" in output
    assert output.endswith("The gateway can serve it.\n")


def test_events_are_installed_and_uninstalled(
    commands: Commands, new_database: NewDatabase
) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.build(connection)
    seen = []
    for step in ("install", "install", "uninstall", "uninstall"):
        assert commands.run("events", step, "--database-url", url) == (0, "", "")
        status, output, said = commands.run("check", "--database-url", url)
        assert (status, said) == (0, "")
        seen += [line for line in output.splitlines() if "Changes of resources" in line]
    assert [line.partition(",")[0] for line in seen] == [
        *["Changes of resources are seen by triggers."] * 2,
        *["Changes of resources are seen by a look now and then"] * 2,
    ]


def test_a_demo_has_its_events_by_triggers(commands: Commands, own_url: str) -> None:
    _, output, _ = commands.run("check", "--database-url", own_url)
    assert "Changes of resources are seen by triggers.\n" in output


def test_events_of_no_marketplace_are_refused(commands: Commands, empty_database: str) -> None:
    said = refused(commands.run("events", "install", "--database-url", empty_database))
    assert "marketplace_resource" in said


def test_triggers_that_are_wanted_and_not_there_are_told(
    waldur2024_url: str,
) -> None:
    came = run("check", "--database-url", waldur2024_url, events="triggers")
    assert "gateway events install" in refused(came)


def test_events_can_be_off(waldur2024_url: str) -> None:
    status, output, _ = run("check", "--database-url", waldur2024_url, events="off")
    assert status == 0
    assert "seen not at all" in output
