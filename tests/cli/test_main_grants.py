"""`gateway check --grants`, and the refusal of a role that lacks privileges."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.command_runner import CommandRunner
from tests.support.gateway_server import expect_usage_error
from tests.support.granted_role import create_bare_role


@pytest.fixture
def reader_url(waldur2024_url: str) -> Iterator[str]:
    """Yield the URL of the Waldur of October 2024, for a new role without privileges."""
    with create_bare_role(waldur2024_url) as role_url:
        yield role_url


def test_the_role_itself_prints_what_it_needs(
    command_runner: CommandRunner, waldur2024_url: str, reader_url: str
) -> None:
    status, script, error_output = command_runner.run_command(
        "check", "--grants", "--database-url", reader_url
    )
    assert (status, error_output) == (0, "")
    with psycopg.connect(waldur2024_url, autocommit=True) as owner:
        owner.execute(script.encode())
    status, _, error_output = command_runner.run_command("check", "--database-url", reader_url)
    assert (status, error_output) == (0, "")


def test_an_administrator_prints_what_a_role_needs(
    command_runner: CommandRunner, waldur2024_url: str
) -> None:
    arguments = ("check", "--grants", "--database-url", waldur2024_url)
    assert (
        'GRANT SELECT ON "public"."marketplace_order" TO "gateway_reader";\n'
        in (command_runner.run_command(*arguments)[1])
    )
    assert (
        'GRANT SELECT ON "public"."marketplace_order" TO "portal";\n'
        in (command_runner.run_command(*arguments, "--role", "portal")[1])
    )


def test_the_server_names_all_missing_privileges_at_once(
    command_runner: CommandRunner, waldur2024_url: str, reader_url: str
) -> None:
    message = expect_usage_error(command_runner.run_command("serve", "--database-url", reader_url))
    _, _, script = message.partition("Run as the owner of the tables: ")
    with psycopg.connect(waldur2024_url, autocommit=True) as owner:
        owner.execute(script.encode())
    assert command_runner.run_command("check", "--database-url", reader_url)[0] == 0


def test_the_check_names_all_missing_privileges_at_once(
    command_runner: CommandRunner, waldur2024_url: str, reader_url: str
) -> None:
    arguments = ("check", "--database-url", reader_url)
    status, output, error_output = command_runner.run_command(*arguments)
    assert (status, error_output) == (1, "")
    assert "\nThe gateway can't serve this marketplace as it is configured; 2 failures" in output
    with psycopg.connect(waldur2024_url, autocommit=True) as owner:
        owner.execute("\n".join(re.findall(r"^    (GRANT .*)$", output, re.MULTILINE)).encode())
    assert command_runner.run_command(*arguments)[0] == 0


def test_no_marketplace_has_no_privileges(
    command_runner: CommandRunner, empty_database: str
) -> None:
    result = command_runner.run_command("check", "--grants", "--database-url", empty_database)
    assert "contains no marketplace" in expect_usage_error(result)
