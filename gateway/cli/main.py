"""Commands of the command line.

Errors that the user can correct are one line on standard error, with exit status 2.
"""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from getpass import getpass
from pathlib import Path
from typing import Any

import psycopg
import uvicorn
from uvicorn.supervisors import ChangeReload

from gateway.api import schema
from gateway.cli.check.marketplace_check import check_marketplace, describe_event_source
from gateway.cli.check.report import Report, Section, render_section
from gateway.cli.document_check import diagnose_manifest, verify_trusted_documents
from gateway.cli.parser import TOKEN_VARIABLE, Command, build_parser
from gateway.config.settings import ENVIRONMENT_PREFIX, InvalidSettingError, Settings, load_settings
from gateway.db.admin import own_tables
from gateway.db.admin.grants import choose_role, render_grants
from gateway.db.driver.startup_connection import connect_database
from gateway.db.events import triggers
from gateway.db.installation.installation import NoMarketplaceError
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo import home
from gateway.demo.postgres import PostgresError, check_folder_is_free
from gateway.execution.document_manifest import ManifestError
from gateway.server.draining_server import DrainingServer
from gateway.server.factory import detect_installation, run_provider
from gateway.server.listening_socket import UnusableAddressError, find_free_port, format_address
from gateway.server.server_options import build_server_options
from gateway.server.supervisor import STARTUP_FAILURE_STATUS, Supervisor

USER_ERRORS = (
    InvalidSettingError,
    PostgresError,
    NoMarketplaceError,
    triggers.EventSourceError,
    home.DatabaseOccupiedError,
    home.DemoNotFoundError,
    ManifestError,
    UnusableAddressError,
)
PACKAGE_DIRECTORY = Path(__file__).parents[1]
_INSTALLED_TEXT = (
    "The event triggers and the table of idempotency keys are installed. The gateway's role needs "
    "privileges on them: run the statements of `gateway check --grants`."
)
SHOWN_USERNAMES = ("staff", "support", "owner", "manager", "member", "provider", "nobody")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    parsed_arguments = build_parser(COMMANDS, FLAGS).parse_args(arguments)
    try:
        return parsed_arguments.run(parsed_arguments)  # type: ignore[no-any-return]
    except USER_ERRORS as error:
        _print_line(str(error))
    except psycopg.Error as error:
        _print_line(f"The database cannot be used: {' '.join(str(error).split())}")
    return 2


def run_server(parsed_arguments: argparse.Namespace) -> int:
    """Serve the marketplace over HTTP; without a database URL, a demo marketplace."""
    effective_settings = _load_effective_settings(parsed_arguments)
    verify_trusted_documents(effective_settings)
    _check_demo_is_free(effective_settings)
    port = find_free_port(effective_settings.host, effective_settings.port)
    with _open_marketplace(effective_settings) as (url, is_demo):
        os.environ[f"{ENVIRONMENT_PREFIX}DATABASE_URL"] = url
        if is_demo and effective_settings.dev == "auto":
            os.environ[f"{ENVIRONMENT_PREFIX}DEV"] = "on"
        effective_settings = load_settings()
        detect_installation(effective_settings)
        _print_line(describe_event_source(effective_settings))
        _print_greeting(effective_settings, port, url if is_demo else None)
        return _serve_until_stopped(effective_settings, port, reload=parsed_arguments.reload)


def _serve_until_stopped(effective_settings: Settings, port: int, *, reload: bool) -> int:
    """Serve in this process, or in worker processes; return the exit status."""
    options: dict[str, Any] = {
        "app": "gateway.server.factory:create_app",
        "factory": True,
        "host": effective_settings.host,
        "port": port,
        **build_server_options(effective_settings),
    }
    drain_seconds = effective_settings.drain_seconds
    if reload:
        config = uvicorn.Config(**options, reload=True, reload_dirs=[str(PACKAGE_DIRECTORY)])
        server = uvicorn.Server(config)
        ChangeReload(config, target=server.run, sockets=[config.bind_socket()]).run()
        return 0
    if effective_settings.workers > 1:
        return Supervisor(
            options, effective_settings.workers, effective_settings.worker_seconds, drain_seconds
        ).run_workers()
    server = DrainingServer(uvicorn.Config(**options), drain_seconds)
    server.run()
    return 0 if server.started else STARTUP_FAILURE_STATUS


def run_demo_provider(parsed_arguments: argparse.Namespace) -> int:
    """Run the demo's provider, which carries out orders and pulls, in a process of its own."""
    effective_settings = _load_effective_settings(parsed_arguments)
    with _open_marketplace(effective_settings) as (url, _):
        asyncio.run(run_provider(load_settings(database_url=url)))
    return 0


def initialise_demo(parsed_arguments: argparse.Namespace) -> int:
    """Create a demo marketplace in an empty database."""
    effective_settings = _load_effective_settings(parsed_arguments)
    fill_options = {"resource_count": parsed_arguments.resources, "seed": parsed_arguments.seed}
    if effective_settings.database_url is not None:
        home.create_demo_database(
            effective_settings.database_url,
            pooler=effective_settings.pooler,
            report_progress=_print_line,
            **fill_options,
        )
        return 0
    home.create_demo(effective_settings.data, report_progress=_print_line, **fill_options)
    return 0


def list_tokens(parsed_arguments: argparse.Namespace) -> int:
    """Print the tokens of the demo's users as JSON; with a username, its token alone."""
    effective_settings = _load_effective_settings(parsed_arguments)
    if effective_settings.database_url is None:
        tokens_by_username = home.load_tokens(effective_settings.data)
    else:
        if not detect_installation(effective_settings).is_own:
            raise home.DemoNotFoundError(
                "The database contains no demo marketplace; tokens of real users are secret."
            )
        with connect_database(
            effective_settings.database_url, pooler=effective_settings.pooler
        ) as connection:
            tokens_by_username = load_tokens_by_username(connection)
    username = parsed_arguments.username
    if username is None:
        sys.stdout.write(json.dumps(tokens_by_username, indent=2) + "\n")
        return 0
    if username not in tokens_by_username:
        raise home.DemoNotFoundError(
            f"There is no user {username!r} with a token, only {', '.join(tokens_by_username)}."
        )
    sys.stdout.write(f"{tokens_by_username[username]}\n")
    return 0


def print_settings(parsed_arguments: argparse.Namespace) -> int:
    """Print the effective settings, passwords masked."""
    for line in _load_effective_settings(parsed_arguments).format_lines():
        sys.stdout.write(f"{line}\n")
    return 0


def run_check(parsed_arguments: argparse.Namespace) -> int:
    """Check whether the gateway can serve the marketplace; print what is missing."""
    effective_settings = _load_effective_settings(parsed_arguments)
    _check_demo_is_free(effective_settings)
    if effective_settings.database_url is None:
        home.load_tokens(effective_settings.data)
    if parsed_arguments.grants:
        _print_grants(effective_settings, parsed_arguments.role)
        return 0
    token = _read_token(parsed_arguments.token)
    with _open_marketplace(effective_settings) as (url, _):
        os.environ[f"{ENVIRONMENT_PREFIX}DATABASE_URL"] = url
        sections = check_marketplace(load_settings(), token)
        if parsed_arguments.json:
            report = Report([*sections])
            sys.stdout.write(f"{report.render_json()}\n")
        else:
            report = _print_sections(effective_settings, sections)
    return report.choose_status(is_strict=parsed_arguments.strict)


def _print_sections(effective_settings: Settings, sections: Iterator[Section]) -> Report:
    """Print the settings, then each section as soon as it is there; return the report."""
    report = Report()
    setting_lines = [f"  {each}" for each in effective_settings.format_lines(is_complete=False)]
    sys.stdout.write("\n".join(["Settings, without defaults", *setting_lines, ""]))
    for section in sections:
        report.sections.append(section)
        sys.stdout.write("\n".join([*render_section(section), ""]))
        sys.stdout.flush()
    sys.stdout.write(f"\n{report.describe_outcome()}\n")
    return report


def _read_token(argument: str | None) -> str | None:
    """Return the key of a token, from the flag, standard input or the environment."""
    key = os.environ.get(TOKEN_VARIABLE, "") if argument is None else argument
    if key == "-":
        key = _read_token_line()
    if key and not re.fullmatch(r"[!-~]+", key):
        raise InvalidSettingError("The token must consist of ASCII characters without spaces.")
    return key or None


def _read_token_line() -> str:
    """Return the first line of standard input; a terminal shows a prompt, and not the token."""
    line = ""
    with suppress(EOFError):
        line = getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not line.strip():
        raise InvalidSettingError("The token on standard input is empty.")
    return line.strip()


def _print_grants(effective_settings: Settings, role: str | None) -> None:
    """Print the privileges that a role needs, by default that of the database's URL."""
    with (
        _open_marketplace(effective_settings) as (url, _),
        connect_database(url, pooler=effective_settings.pooler) as connection,
    ):
        for line in render_grants(connection, role or choose_role(connection)):
            sys.stdout.write(f"{line}\n")


def manage_event_triggers(parsed_arguments: argparse.Namespace) -> int:
    """Install or uninstall the event triggers and the table of idempotency keys."""
    effective_settings = _load_effective_settings(parsed_arguments)
    with (
        _open_marketplace(effective_settings) as (url, _),
        connect_database(url, pooler=effective_settings.pooler) as connection,
    ):
        if parsed_arguments.step == "install":
            own_tables.install_event_schema(connection)
            _print_line(_INSTALLED_TEXT)
        else:
            own_tables.uninstall_event_schema(connection)
            _print_line("The event triggers, their tables and the idempotency keys are removed.")
    return 0


def check_documents(parsed_arguments: argparse.Namespace) -> int:
    """Check which trusted documents of a manifest do not match the schema or exceed limits."""
    effective_settings = _load_effective_settings(parsed_arguments)
    problem_count = 0
    for problem_count, line in enumerate(  # noqa: B007 - the last number is used
        diagnose_manifest(parsed_arguments.manifest, effective_settings), 1
    ):
        sys.stdout.write(f"{line}\n")
    _print_line(f"{problem_count or 'No'} problem{'' if problem_count == 1 else 's'}")
    return 1 if problem_count else 0


def print_schema(_parsed_arguments: argparse.Namespace) -> int:
    """Print the GraphQL schema."""
    sys.stdout.write(f"{schema.as_str()}\n")
    return 0


def _check_demo_is_free(effective_settings: Settings) -> None:
    """Check that no other gateway uses the demo, before anything else is done."""
    if effective_settings.database_url is None:
        check_folder_is_free(effective_settings.data)


@contextmanager
def _open_marketplace(effective_settings: Settings) -> Iterator[tuple[str, bool]]:
    """Yield the database's URL and whether it is the embedded demo database."""
    if effective_settings.database_url is not None:
        yield effective_settings.database_url, False
        return
    with home.run_demo_database(effective_settings.data, _print_line) as url:
        yield url, True


def _load_effective_settings(parsed_arguments: argparse.Namespace) -> Settings:
    """Return the settings; flags are put into the environment for worker processes."""
    flag_values = {
        name: getattr(parsed_arguments, name, None) for name in Settings.__dataclass_fields__
    }
    effective_settings = load_settings(**flag_values)
    for name, flag_value in flag_values.items():
        if flag_value is not None:
            os.environ[f"{ENVIRONMENT_PREFIX}{name.upper()}"] = flag_value
    return effective_settings


def _print_greeting(effective_settings: Settings, port: int, demo_url: str | None) -> None:
    """Print the address of GraphiQL, or of the API if that is off, and the demo's users."""
    label = "GraphiQL" if effective_settings.serves_graphiql else "GraphQL"
    address = format_address(effective_settings.host, port) + effective_settings.root_path
    _print_line(f"\n{label}: {address}/graphql")
    if demo_url is None:
        return
    with connect_database(demo_url) as connection:
        tokens_by_username = load_tokens_by_username(connection)
    _print_line("Users of the demo, for the header `Authorization: Token <token>`:")
    width = max(map(len, SHOWN_USERNAMES))
    for name in SHOWN_USERNAMES:
        _print_line(f"  {name:<{width}}  {tokens_by_username.get(name, '(no token)')}")
    _print_line("  more: gateway tokens\n")


def _print_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


COMMANDS: dict[str, Command] = {
    "serve": run_server,
    "init": initialise_demo,
    "tokens": list_tokens,
    "check": run_check,
    "settings": print_settings,
    "events": manage_event_triggers,
    "documents": check_documents,
    "demo-provider": run_demo_provider,
    "schema": print_schema,
}
FLAGS = {
    "serve": ("host", "port", "database_url", "data", "workers", "dev"),
    "init": ("database_url", "data"),
    "tokens": ("database_url", "data"),
    "check": ("database_url", "data"),
    "settings": ("host", "port", "database_url", "data", "workers", "dev"),
    "events": ("database_url", "data"),
    "documents": (),
    "demo-provider": ("database_url", "data"),
    "schema": (),
}
