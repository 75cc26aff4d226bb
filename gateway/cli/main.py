"""The command line: serve, init, tokens, check, events, demo-provider, schema.

What a person can put right is one line on standard error, and exit status 2.
"""
# ruff: noqa: E402 - Ctrl-C is heeded before the slow imports

import signal
from types import FrameType
from typing import NoReturn


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End as at the end of the program, so that the database is stopped, and only once."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(0 if number == signal.SIGTERM else 130)


for heeded in (signal.SIGINT, signal.SIGTERM):
    signal.signal(heeded, _stop)

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import uvicorn

from gateway.api import schema
from gateway.cli.doctor import report
from gateway.cli.parser import Command, parser
from gateway.config.settings import PREFIX, Settings, WrongSettingError, settings
from gateway.db.events import triggers
from gateway.db.installation.installation import NoMarketplaceError
from gateway.db.queries.tokens import tokens
from gateway.demo import home
from gateway.demo.postgres import Postgres, PostgresProblem
from gateway.http.single_write import WholeProtocol
from gateway.server.factory import connected, free_port, installation_of, provided
from gateway.transports.frame_writer import FrameProtocol

TROUBLE = (
    WrongSettingError,
    PostgresProblem,
    NoMarketplaceError,
    triggers.SourceError,
    home.OccupiedError,
    home.NoDemoError,
)
SHOWN = ("staff", "support", "owner", "manager", "member", "provider", "nobody")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; give its exit status."""
    given = parser(COMMANDS, FLAGS).parse_args(arguments)
    try:
        return given.run(given)  # type: ignore[no-any-return]
    except TROUBLE as problem:
        _say(str(problem))
    except psycopg.Error as problem:
        _say(f"The database can't be used: {' '.join(str(problem).split())}")
    return 2


def serve(given: argparse.Namespace) -> int:
    """Serve the marketplace, or the demo."""
    effective = _settings(given)
    port = free_port(effective)
    with _marketplace(effective) as (url, demo):
        os.environ[f"{PREFIX}DATABASE_URL"] = url
        effective = settings()
        installation_of(effective)
        for line in effective.lines():
            _say(line)
        _greet(effective.host, port, url if demo else None)
        uvicorn.run(
            "gateway.server.factory:served",
            factory=True,
            http=WholeProtocol,
            ws=FrameProtocol,
            ws_max_size=effective.body_bytes,
            ws_per_message_deflate=False,
            host=effective.host,
            port=port,
            workers=effective.workers,
            server_header=False,
            proxy_headers=False,
            access_log=effective.access_log,
            timeout_graceful_shutdown=5,
        )
    return 0


def provide(given: argparse.Namespace) -> int:
    """Carry out the orders and pulls of a demo, as its provider."""
    effective = _settings(given)
    with _marketplace(effective) as (url, _):
        asyncio.run(provided(settings(database_url=url)))
    return 0


def init(given: argparse.Namespace) -> int:
    """Make a demo marketplace."""
    effective = _settings(given)
    chosen = {"resources": given.resources, "seed": given.seed}
    if effective.database_url is not None:
        home.fill(effective.database_url, say=_say, **chosen)
        return 0
    with Postgres.at(effective.data) as server:
        home.fill(server.url, say=_say, **chosen)
        home.keep_tokens(server.url, effective.data)
    return 0


def list_tokens(given: argparse.Namespace) -> int:
    """Print the tokens of the demo's users."""
    effective = _settings(given)
    if effective.database_url is None:
        known = home.kept_tokens(effective.data)
    else:
        if not installation_of(effective).own:
            raise home.NoDemoError("The database holds no demo, and tokens of people are secret.")
        with connected(effective.database_url) as connection:
            known = tokens(connection)
    sys.stdout.write(json.dumps(known, indent=2) + "\n")
    return 0


def check(given: argparse.Namespace) -> int:
    """Tell whether the gateway could serve, and what would help."""
    effective = _settings(given)
    for line in effective.lines():
        sys.stdout.write(f"{line}\n")
    if effective.database_url is None:
        home.kept_tokens(effective.data)
    with _marketplace(effective) as (url, _):
        os.environ[f"{PREFIX}DATABASE_URL"] = url
        for line in report(settings()):
            sys.stdout.write(f"{line}\n")
    return 0


def change_events(given: argparse.Namespace) -> int:
    """Install, or uninstall, the triggers that tell subscribers of changes of resources."""
    with _marketplace(_settings(given)) as (url, _), connected(url) as connection:
        if given.step == "install":
            triggers.install(connection)
        else:
            triggers.uninstall(connection)
    return 0


def print_schema(_given: argparse.Namespace) -> int:
    """Print the GraphQL schema."""
    sys.stdout.write(f"{schema.as_str()}\n")
    return 0


@contextmanager
def _marketplace(effective: Settings) -> Iterator[tuple[str, bool]]:
    """Give the address of the database, and whether it is the demo's."""
    if effective.database_url is not None:
        yield effective.database_url, False
        return
    with home.running(effective.data, _say) as url:
        yield url, True


def _settings(given: argparse.Namespace) -> Settings:
    """Read the settings; flags go to the environment, where workers find them."""
    flags = {name: getattr(given, name, None) for name in Settings.__dataclass_fields__}
    effective = settings(**flags)
    for name, flag in flags.items():
        if flag is not None:
            os.environ[f"{PREFIX}{name.upper()}"] = flag
    return effective


def _greet(host: str, port: int, demo: str | None) -> None:
    """Tell where GraphiQL is, and the demo's users."""
    shown = f"[{host}]" if ":" in host else host
    _say(f"\nGraphiQL: http://{shown}:{port}/graphql")
    if demo is None:
        return
    with connected(demo) as connection:
        known = tokens(connection)
    _say("Demo users (`gateway tokens` prints all), as `Authorization: Token <token>`:")
    width = max(map(len, SHOWN))
    for name in SHOWN:
        _say(f"  {name:<{width}}  {known.get(name, 'has none')}")
    _say("")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


COMMANDS: dict[str, Command] = {
    "serve": serve,
    "init": init,
    "tokens": list_tokens,
    "check": check,
    "events": change_events,
    "demo-provider": provide,
    "schema": print_schema,
}
FLAGS = {
    "serve": ("host", "port", "database_url", "data", "workers"),
    "init": ("database_url", "data"),
    "tokens": ("database_url", "data"),
    "check": ("database_url", "data"),
    "events": ("database_url", "data"),
    "demo-provider": ("database_url", "data"),
    "schema": (),
}
