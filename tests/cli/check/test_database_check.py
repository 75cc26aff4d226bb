"""`gateway check`: clocks, and what the role may do too much."""

import json
import time
from typing import Any

import psycopg
import pytest

from gateway.cli.check.database_check import check_clock
from tests.support.command_runner import CommandRunner
from tests.support.granted_role import create_granted_role


def run_check(command_runner: CommandRunner, url: str) -> dict[str, Any]:
    """Return the findings by section."""
    _, output, error_output = command_runner.run_command("check", "--json", "--database-url", url)
    assert error_output == ""
    sections: dict[str, Any] = json.loads(output)["sections"]
    return sections


@pytest.mark.parametrize(("difference", "text"), [(60, "60 s ahead of"), (-60, "60 s behind")])
def test_a_clock_that_differs_is_a_warning(difference: int, text: str) -> None:
    (finding,) = check_clock("The clock", time.time() + difference)
    assert text in finding.text


def test_a_clock_that_differs_little_is_fine() -> None:
    assert [*check_clock("The clock", time.time() + 1)] == []


def test_a_superuser_is_a_warning(command_runner: CommandRunner, waldur2024_url: str) -> None:
    (_, warning) = run_check(command_runner, waldur2024_url)["Privileges"]
    assert warning["severity"] == "warning"
    assert "is a superuser" in warning["text"]


def test_a_role_that_may_write_is_a_warning(
    command_runner: CommandRunner, waldur2024_url: str
) -> None:
    with create_granted_role(waldur2024_url) as role_url:
        (finding,) = run_check(command_runner, role_url)["Privileges"]
        assert finding["severity"] == "ok"
        role = psycopg.conninfo.conninfo_to_dict(role_url)["user"]
        with psycopg.connect(waldur2024_url) as owner:
            owner.execute(f"grant delete on marketplace_order to {role}".encode())
        (_, warning) = run_check(command_runner, role_url)["Privileges"]
        assert (warning["severity"], warning["details"]) == ("warning", ["marketplace_order"])
