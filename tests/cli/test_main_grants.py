"""`gateway check --grants`, and the refusal of a role that lacks privileges."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.support.command_runner import CommandRunner
from tests.support.gateway_server import expect_usage_error


@pytest.fixture
def reader_url(waldur2024_url: str) -> Iterator[str]:
    """Yield the URL of the Waldur of October 2024, for a new role without privileges."""
    role = f"r{uuid4().hex}"
    with psycopg.connect(waldur2024_url, autocommit=True) as owner:
        owner.execute(f"create role {role} login".encode())
        yield waldur2024_url.replace("postgres@", f"{role}@")
        owner.execute(f"drop owned by {role} cascade; drop role {role}".encode())


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


@pytest.mark.parametrize("command", ["serve", "check"])
def test_all_missing_privileges_are_named_at_once(
    command_runner: CommandRunner, waldur2024_url: str, reader_url: str, command: str
) -> None:
    arguments = (command, "--database-url", reader_url)
    message = expect_usage_error(command_runner.run_command(*arguments))
    _, _, script = message.partition("Run as the owner of the tables: ")
    with psycopg.connect(waldur2024_url, autocommit=True) as owner:
        owner.execute(script.encode())
    assert command_runner.run_command("check", "--database-url", reader_url)[0] == 0


def test_no_marketplace_has_no_privileges(
    command_runner: CommandRunner, empty_database: str
) -> None:
    result = command_runner.run_command("check", "--grants", "--database-url", empty_database)
    assert "contains no marketplace" in expect_usage_error(result)
