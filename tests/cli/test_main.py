"""Tests of the commands and their error messages."""

import json
import re
import socket

import psycopg
import pytest

from gateway.api import schema
from tests.conftest import DatabaseFactory
from tests.support import waldur_2024
from tests.support.command_runner import CommandRunner
from tests.support.gateway_server import expect_usage_error, run_command
from tests.support.project_paths import PROJECT_ROOT

UNREACHABLE_URL = "postgresql://u:hidden@127.0.0.1:1/x?password=hidden"
INVALID_COMMAND_LINES = {
    "no command": [],
    "unknown command": ["nonsense"],
    "unknown flag": ["serve", "--nonsense"],
    "no number": ["serve", "--port", "abc"],
    "too large a number": ["serve", "--port", "65536"],
    "negative": ["init", "--resources", "-1"],
    "no count": ["init", "--resources", "abc"],
    "no seed": ["init", "--seed", "1.5"],
    "unreachable": ["serve", "--database-url", UNREACHABLE_URL],
    "unreachable to fill": ["init", "--database-url", UNREACHABLE_URL],
    "unreachable to check": ["check", "--database-url", UNREACHABLE_URL],
    "no address": ["serve", "--database-url", "mysql://u:hidden@127.0.0.1/x"],
    "data is a file": ["serve", "--data", str(PROJECT_ROOT / "pyproject.toml")],
    "no such host": ["serve", "--host", "no.such.host.invalid"],
    "impossible host": ["serve", "--host", "a..b"],
    "no such user": ["tokens", "stranger", "--data", "/nonexistent/folder"],
    "no demo": ["tokens", "--data", "/nonexistent/folder"],
    "no step of events": ["events"],
    "unknown step of events": ["events", "nonsense"],
    "unreachable for events": ["events", "install", "--database-url", UNREACHABLE_URL],
    "no manifest": ["documents", "check"],
    "no such manifest": ["documents", "check", "/nonexistent/manifest.json"],
    "nothing to check": ["check", "--data", "/nonexistent/folder"],
}
"""Usage errors by name."""


@pytest.mark.parametrize("case_name", INVALID_COMMAND_LINES)
def test_user_errors_are_one_line(command_runner: CommandRunner, case_name: str) -> None:
    expect_usage_error(command_runner.run_command(*INVALID_COMMAND_LINES[case_name]))


def test_a_setting_of_the_environment_may_be_wrong() -> None:
    assert expect_usage_error(run_command("serve", port="abc")).startswith("GATEWAY_PORT must be")


def test_occupied_port_is_named(command_runner: CommandRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        error_output = expect_usage_error(command_runner.run_command("serve", "--port", port))
    assert port in error_output
    assert "choose another --host or --port" in error_output
    assert "GATEWAY_PORT" in error_output


@pytest.mark.parametrize(
    ("command", "names"),
    [("events", ["{install,uninstall}"]), ("documents", ["{check}", "MANIFEST"])],
)
def test_missing_arguments_are_named_as_in_the_help(
    command_runner: CommandRunner, command: str, names: list[str]
) -> None:
    error_output = expect_usage_error(command_runner.run_command(command))
    assert f"arguments are required: {', '.join(names)} (" in error_output
    assert f" {' '.join(names)}\n" in command_runner.run_command(command, "--help")[1]


def test_prints_the_schema(command_runner: CommandRunner) -> None:
    assert command_runner.run_command("schema") == (0, f"{schema.as_str()}\n", "")


@pytest.mark.parametrize("command", ["serve", "check", "tokens"])
def test_a_database_without_a_marketplace_is_refused(
    command_runner: CommandRunner, command: str, empty_database: str
) -> None:
    error_output = expect_usage_error(
        command_runner.run_command(command, "--database-url", empty_database)
    )
    assert "contains no marketplace" in error_output


@pytest.fixture(scope="module")
def demo_database_url(command_runner: CommandRunner, new_database: DatabaseFactory) -> str:
    """Return the URL of a demo created by `gateway init`."""
    url = new_database()
    status, output, error_output = command_runner.run_command(
        "init", "--resources", "20", "--seed", "7", "--database-url", url
    )
    assert (status, output) == (0, ""), error_output
    return url


def test_database_without_user_table_is_refused(
    command_runner: CommandRunner, demo_database_url: str
) -> None:
    with psycopg.connect(demo_database_url, autocommit=True) as connection:
        connection.execute("alter table core_user rename to former")
        error_output = expect_usage_error(
            command_runner.run_command("serve", "--database-url", demo_database_url)
        )
        connection.execute("alter table former rename to core_user")
    assert "core_user" in error_output


def test_database_authentication_failure_is_reported(
    command_runner: CommandRunner, demo_database_url: str
) -> None:
    unauthorised_url = demo_database_url.replace("postgres@", "stranger:hidden@")
    assert "stranger" in expect_usage_error(
        command_runner.run_command("serve", "--database-url", unauthorised_url)
    )


def test_init_creates_the_requested_demo(demo_database_url: str) -> None:
    with psycopg.connect(demo_database_url) as connection:
        marketplace_rows = connection.execute(
            "select seed, resources from gateway.marketplace"
        ).fetchall()
        (resource_count,) = connection.execute(
            "select count(*) from marketplace_resource"
        ).fetchall()
    assert (marketplace_rows, resource_count) == ([(7, 20)], (20,))


def test_init_leaves_a_marketplace_alone(
    command_runner: CommandRunner, demo_database_url: str
) -> None:
    error_output = expect_usage_error(
        command_runner.run_command("init", "--database-url", demo_database_url)
    )
    assert "already holds Waldur's tables" in error_output


def test_tokens_of_a_demo_are_printed(
    command_runner: CommandRunner, demo_database_url: str
) -> None:
    status, output, error_output = command_runner.run_command(
        "tokens", "--database-url", demo_database_url
    )
    assert (status, error_output) == (0, "")
    assert {"staff", "support", "owner", "member", "provider"} <= json.loads(output).keys()


def test_one_token_is_printed_alone(command_runner: CommandRunner, demo_database_url: str) -> None:
    _, output, _ = command_runner.run_command("tokens", "--database-url", demo_database_url)
    member = command_runner.run_command("tokens", "member", "--database-url", demo_database_url)
    assert member == (0, f"{json.loads(output)['member']}\n", "")


def test_token_of_an_unknown_user_is_refused(
    command_runner: CommandRunner, demo_database_url: str
) -> None:
    command_result = command_runner.run_command(
        "tokens", "stranger", "--database-url", demo_database_url
    )
    assert "'stranger'" in expect_usage_error(command_result)


def test_settings_are_printed_without_passwords(command_runner: CommandRunner) -> None:
    status, output, error_output = command_runner.run_command(
        "settings", "--port", "8123", "--database-url", UNREACHABLE_URL
    )
    assert (status, error_output) == (0, "")
    assert "GATEWAY_PORT=8123\n" in output
    assert "&password=***\n" in output or "?password=***\n" in output
    assert "hidden" not in output


def test_tokens_of_people_are_not_printed(
    command_runner: CommandRunner, waldur2024_url: str
) -> None:
    command_result = command_runner.run_command("tokens", "--database-url", waldur2024_url)
    expect_usage_error(command_result)
    assert command_result[1] == ""


def test_demo_needs_no_indexes(command_runner: CommandRunner, demo_database_url: str) -> None:
    status, output, error_output = command_runner.run_command(
        "check", "--database-url", demo_database_url
    )
    assert (status, error_output) == (0, "")
    assert "a marketplace created by `gateway init`" in output
    assert "No index is missing" in output


def test_check_reports_the_installation(command_runner: CommandRunner, waldur2024_url: str) -> None:
    url = f"{waldur2024_url}&password=hidden"
    status, output, error_output = command_runner.run_command("check", "--database-url", url)
    assert (status, error_output) == (0, "")
    assert "hidden" not in output
    assert "a marketplace created by Waldur\n  ok       Visibility rules of 2024\n" in output
    assert "marketplace_offeringpartition" in output
    create_index = (
        "create index concurrently if not exists gateway_marketplace_resource_created_id on"
    )
    assert f"is in use:\n    {create_index} marketplace_resource (created, id);\n" in output
    assert "\nThe gateway can serve this marketplace; no failures, " in output


def test_events_are_installed_and_uninstalled(
    command_runner: CommandRunner, new_database: DatabaseFactory
) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
    event_source_lines = []
    outcomes = {"install": "are installed. ", "uninstall": "are removed."}
    for step in ("install", "install", "uninstall", "uninstall"):
        status, output, message = command_runner.run_command("events", step, "--database-url", url)
        assert (status, output) == (0, "")
        assert outcomes[step] in message
        status, output, error_output = command_runner.run_command("check", "--database-url", url)
        assert (status, error_output) == (0, "")
        event_source_lines += re.findall(r"Events come from [^,\n]*", output)
    assert event_source_lines == [
        *["Events come from triggers."] * 2,
        *["Events come from polling"] * 2,
    ]


def test_a_demo_has_its_events_by_triggers(
    command_runner: CommandRunner, demo_database_url: str
) -> None:
    _, output, _ = command_runner.run_command("check", "--database-url", demo_database_url)
    assert "Events come from triggers.\n" in output


def test_events_of_no_marketplace_are_refused(
    command_runner: CommandRunner, empty_database: str
) -> None:
    error_output = expect_usage_error(
        command_runner.run_command("events", "install", "--database-url", empty_database)
    )
    assert "marketplace_resource" in error_output


def test_missing_triggers_are_reported(
    waldur2024_url: str,
) -> None:
    status, output, _ = run_command("check", "--database-url", waldur2024_url, events="triggers")
    assert status == 1
    assert "gateway events install" in output


def test_events_can_be_off(waldur2024_url: str) -> None:
    status, output, _ = run_command("check", "--database-url", waldur2024_url, events="off")
    assert status == 0
    assert "Events are disabled" in output
