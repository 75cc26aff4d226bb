"""The command line's arguments, read; what is wrong with them is said in one line."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import NoReturn

from gateway.config.parsers import make_integer_parser
from gateway.config.settings import ENVIRONMENT_PREFIX, Settings
from gateway.demo import home

Command = Callable[[argparse.Namespace], int]


class _CommandLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (`{self.prog} --help` tells what there is)\n")


def build_parser(
    commands: Mapping[str, Command], flags: Mapping[str, Sequence[str]]
) -> argparse.ArgumentParser:
    """Give what reads the command line: each command with the flags that it heeds."""
    command_line_parser = _CommandLineParser(
        prog="gateway",
        description="A GraphQL gateway over the Waldur marketplace.",
        epilog=f"Each flag is also a variable, as {ENVIRONMENT_PREFIX}PORT; README.md lists them all.",
    )
    command_line_parser.add_argument(
        "--version", action="version", version=version("marketplace-gateway")
    )
    subparsers = command_line_parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in commands.items():
        subparser = subparsers.add_parser(name, help=run.__doc__, description=run.__doc__)
        subparser.set_defaults(run=run)
        for flag in flags[name]:
            setting = Settings.__dataclass_fields__[flag]
            help_text = f"{setting.metadata['doc']} (default: {setting.default})"
            subparser.add_argument(f"--{flag.replace('_', '-')}", help=help_text, metavar="VALUE")
        if name == "init":
            _add_number_flags(subparser)
        if name == "events":
            subparser.add_argument("step", choices=("install", "uninstall"), help="what to do")
    return command_line_parser


def _add_number_flags(subparser: argparse.ArgumentParser) -> None:
    for flag, maximum, default, help_text in (
        ("--resources", 1_000_000, home.DEFAULT_RESOURCE_COUNT, "how many (default: %(default)s)"),
        ("--seed", 2**31 - 1, home.DEFAULT_SEED, "the same seed makes the same demo"),
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
