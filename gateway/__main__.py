"""The command line: serve, init, tokens, check, schema.

What a person can put right is one line on standard error, and exit status 2.
"""

import argparse
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from types import FrameType
from typing import NoReturn

import psycopg
import uvicorn

from gateway.api import schema
from gateway.check import report
from gateway.db.installation import NoMarketplaceError
from gateway.db.tokens import tokens
from gateway.demo import home
from gateway.demo.postgres import PostgresProblem
from gateway.serving import connected, installation_of
from gateway.settings import PREFIX, Settings, WrongSettingError, settings

TROUBLE = (
    WrongSettingError,
    PostgresProblem,
    NoMarketplaceError,
    home.OccupiedError,
    home.NoDemoError,
)
SHOWN = ("staff", "support", "owner", "manager", "member", "provider")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; give its exit status."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return given.run(given)  # type: ignore[no-any-return]
    except TROUBLE as problem:
        _say(str(problem))
    except psycopg.Error as problem:
        _say(f"The database can't be used: {' '.join(str(problem).split())}")
    except KeyboardInterrupt:
        return 130
    return 2


def serve(given: argparse.Namespace) -> int:
    """Serve the marketplace, or the demo."""
    effective = _settings(given)
    with _marketplace(effective) as (url, demo):
        os.environ[f"{PREFIX}DATABASE_URL"] = url
        effective = settings()
        installation_of(effective)
        port = _free(effective)
        for line in effective.lines():
            _say(line)
        _greet(effective.host, port, url if demo else None)
        uvicorn.run(
            "gateway.serving:served",
            factory=True,
            host=effective.host,
            port=port,
            workers=effective.workers,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    return 0


def init(given: argparse.Namespace) -> int:
    """Make a demo marketplace."""
    effective = _settings(given)
    chosen = {"resources": given.resources, "seed": given.seed}
    if effective.database_url is not None:
        home.fill(effective.database_url, say=_say, **chosen)
        return 0
    with home.Postgres.at(effective.data) as server:
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
    for name in Settings.__dataclass_fields__:
        flag = getattr(given, name, None)
        if flag is not None:
            os.environ[f"{PREFIX}{name.upper()}"] = flag
    return settings()


def _free(effective: Settings) -> int:
    """Give the port to listen on, seen to be free."""
    family = socket.AF_INET6 if ":" in effective.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((effective.host, effective.port))
            port: int = probe.getsockname()[1]
    except OSError as problem:
        where = f"{effective.host}:{effective.port}"
        why = f"{problem.strerror}: choose another --host or --port."
        raise WrongSettingError(f"The gateway can't listen on {where}. {why}") from None
    return port


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
        _say(f"  {name:<{width}}  {known[name]}")
    _say("")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End as at the end of the program, so that the database is stopped."""
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway",
        description="A GraphQL gateway over the Waldur marketplace.",
        epilog=f"Each flag is also a variable, as {PREFIX}PORT; README.md lists them all.",
    )
    parser.add_argument("--version", action="version", version=version("marketplace-gateway"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in COMMANDS.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        for flag in FLAGS[name]:
            setting = Settings.__dataclass_fields__[flag]
            said = f"{setting.metadata['doc']} (default: {setting.default})"
            command.add_argument(f"--{flag.replace('_', '-')}", help=said, metavar="VALUE")
        if name == "init":
            _numbers(command)
    return parser


def _numbers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--resources", type=int, default=home.RESOURCES, help="how many (default: %(default)s)"
    )
    command.add_argument(
        "--seed", type=int, default=home.SEED, help="the same seed makes the same demo"
    )


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": serve,
    "init": init,
    "tokens": list_tokens,
    "check": check,
    "schema": print_schema,
}
FLAGS = {
    "serve": ("host", "port", "database_url", "data", "workers"),
    "init": ("database_url", "data"),
    "tokens": ("database_url", "data"),
    "check": ("database_url", "data"),
    "schema": (),
}

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(main())
