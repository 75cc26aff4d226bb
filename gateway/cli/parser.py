"""Command-line parser; usage errors are one line."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from gateway.config.parsers import make_integer_parser
from gateway.config.settings import ENVIRONMENT_PREFIX, Settings
from gateway.db.admin.grants import DEFAULT_ROLE
from gateway.demo import home

Command = Callable[[argparse.Namespace], int]
TOKEN_VARIABLE = "WALDUR_TOKEN"  # noqa: S105 - a name
"""The variable with the key of a token for `gateway check`."""
SWITCH_FLAGS = ("dev",)
"""Flags that mean `on` without a value."""


class _CommandLineParser(argparse.ArgumentParser):
    """Argument parser whose usage errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


def build_parser(
    commands: Mapping[str, Command], flags: Mapping[str, Sequence[str]]
) -> argparse.ArgumentParser:
    """Return the parser of all commands, each with its flags."""
    command_line_parser = _CommandLineParser(
        prog="gateway",
        description="A GraphQL gateway over the Waldur marketplace.",
        epilog=(
            f"Each flag can be set by an environment variable, such as {ENVIRONMENT_PREFIX}PORT;"
            " `gateway settings` prints all settings."
        ),
    )
    command_line_parser.add_argument(
        "--version", action="version", version=version("marketplace-gateway")
    )
    subparsers = command_line_parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in commands.items():
        subparser = subparsers.add_parser(name, help=run.__doc__, description=run.__doc__)
        subparser.set_defaults(run=run)
        for flag in flags[name]:
            _add_setting_flag(subparser, flag)
        _ARGUMENT_ADDERS.get(name, _add_no_arguments)(subparser)
    return command_line_parser


def _add_setting_flag(subparser: argparse.ArgumentParser, name: str) -> None:
    setting = Settings.__dataclass_fields__[name]
    help_text = setting.metadata["doc"]
    if setting.default is not None:
        help_text += f" (default: {setting.default})"
    options: dict[str, Any] = {"nargs": "?", "const": "on"} if name in SWITCH_FLAGS else {}
    subparser.add_argument(
        f"--{name.replace('_', '-')}", help=help_text, metavar="VALUE", **options
    )


def _add_no_arguments(_subparser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has flags alone."""


def _add_events_step(subparser: argparse.ArgumentParser) -> None:
    _add_step(subparser, ("install", "uninstall"), "install or uninstall the triggers")


def _add_manifest(subparser: argparse.ArgumentParser) -> None:
    _add_step(subparser, ("check",), "check the documents")
    subparser.add_argument(
        "manifest", metavar="MANIFEST", type=Path, help="the path of the manifest"
    )


def _add_step(subparser: argparse.ArgumentParser, steps: Sequence[str], help_text: str) -> None:
    """Add the argument `step`, which errors and the help name by its values."""
    subparser.add_argument("step", choices=steps, metavar=f"{{{','.join(steps)}}}", help=help_text)


def _add_reload_flag(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument(
        "--reload", action="store_true", help="restart when the gateway's code changes"
    )


def _add_check_flags(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument(
        "--grants",
        action="store_true",
        help="print the privileges that the gateway's database role needs, as SQL, instead",
    )
    subparser.add_argument(
        "--role",
        metavar="NAME",
        help="the role for --grants (default: the role of the database's URL;"
        f" for an administrator's URL {DEFAULT_ROLE})",
    )
    _add_report_flags(subparser)


def _add_report_flags(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument(
        "--token",
        metavar="KEY",
        help="send a request with the key of this user's token, too; - reads it from standard "
        f"input (default: the variable {TOKEN_VARIABLE})",
    )
    subparser.add_argument(
        "--strict", action="store_true", help="end with status 1 also if there are only warnings"
    )
    subparser.add_argument("--json", action="store_true", help="print the findings as JSON")


def _add_username(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument(
        "username", metavar="USERNAME", nargs="?", help="print this user's token alone"
    )


def _add_number_flags(subparser: argparse.ArgumentParser) -> None:
    for flag, maximum, default, help_text in (
        (
            "--resources",
            1_000_000,
            home.DEFAULT_RESOURCE_COUNT,
            "number of resources (default: %(default)s)",
        ),
        (
            "--seed",
            2**31 - 1,
            home.DEFAULT_SEED,
            "random seed; the same seed creates the same demo (default: %(default)s)",
        ),
    ):
        subparser.add_argument(
            flag, type=_create_number_parser(maximum), default=default, help=help_text
        )


def _create_number_parser(maximum: int) -> Callable[[str], int]:
    def parse_number(value: str) -> int:
        try:
            return make_integer_parser(0, maximum)(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{value!r} must be {error}") from None

    return parse_number


_ARGUMENT_ADDERS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "check": _add_check_flags,
    "init": _add_number_flags,
    "documents": _add_manifest,
    "events": _add_events_step,
    "serve": _add_reload_flag,
    "tokens": _add_username,
}
"""Functions that add the arguments of single commands."""
