"""The command line's arguments, read; what is wrong with them is said in one line."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import NoReturn

from gateway.config.parsers import natural
from gateway.config.settings import PREFIX, Settings
from gateway.demo import home

Command = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (`{self.prog} --help` tells what there is)\n")


def parser(
    commands: Mapping[str, Command], flags: Mapping[str, Sequence[str]]
) -> argparse.ArgumentParser:
    """Give what reads the command line: each command with the flags that it heeds."""
    whole = _Parser(
        prog="gateway",
        description="A GraphQL gateway over the Waldur marketplace.",
        epilog=f"Each flag is also a variable, as {PREFIX}PORT; README.md lists them all.",
    )
    whole.add_argument("--version", action="version", version=version("marketplace-gateway"))
    each = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, run in commands.items():
        command = each.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        for flag in flags[name]:
            setting = Settings.__dataclass_fields__[flag]
            said = f"{setting.metadata['doc']} (default: {setting.default})"
            command.add_argument(f"--{flag.replace('_', '-')}", help=said, metavar="VALUE")
        if name == "init":
            _numbers(command)
        if name == "events":
            command.add_argument("step", choices=("install", "uninstall"), help="what to do")
    return whole


def _numbers(command: argparse.ArgumentParser) -> None:
    for flag, most, default, said in (
        ("--resources", 1_000_000, home.RESOURCES, "how many (default: %(default)s)"),
        ("--seed", 2**31 - 1, home.SEED, "the same seed makes the same demo"),
    ):
        command.add_argument(flag, type=_number(most), default=default, help=said)


def _number(most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        try:
            return natural(0, most)(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{value!r} must be {error}") from None

    return read
