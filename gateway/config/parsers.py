"""How settings are read: each reader gives a value of a text; ValueError says what would be one."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

Network = IPv4Network | IPv6Network
_DATABASE_URL_PATTERN = re.compile(
    r"postgres(ql)?://([^@/?]*@)?[^@/?]*(/[^@?]*(\?.*)?|\?[^@]*)?",
)
_ORIGIN_PATTERN = re.compile(r"https?://[^\s/?#@]+")
_WEB_URL_PATTERN = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def parse_folder(value: str) -> Path:
    """Read a folder."""
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("a folder; there is no such user") from None


def parse_switch(value: str) -> bool:
    """Read on or off."""
    words = {"on": True, "true": True, "1": True, "yes": True}
    words |= {"off": False, "false": False, "0": False, "no": False}
    if value.lower() not in words:
        raise ValueError("on or off")
    return words[value.lower()]


def make_integer_parser(minimum: int, maximum: int) -> Callable[[str], int]:
    """Give what reads a number in those bounds; ValueError says what they are."""

    def parse_integer(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
            raise ValueError(f"a number from {minimum} to {maximum}")
        return int(value)

    return parse_integer


def parse_networks(value: str) -> tuple[Network, ...]:
    """Read networks, separated by commas."""
    try:
        return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
    except ValueError as error:
        raise ValueError(f"networks like 10.0.0.0/8, separated by commas: {error}") from None


def make_choice_parser(*choices: str) -> Callable[[str], str]:
    """Give what reads one of some words."""

    def parse_choice(value: str) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return parse_choice


def make_optional_parser(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Give what reads the same as another reader, or `off` as None."""

    def parse_or_off(value: str) -> Any:
        if value == "off":
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return parse_or_off


def parse_database_url(value: str) -> str:
    """Read the address of a database."""
    try:
        is_valid = (
            _DATABASE_URL_PATTERN.fullmatch(value) is not None and conninfo_to_dict(value) != {}
        )
    except ProgrammingError:
        is_valid = False
    if not is_valid:
        raise ValueError(
            "an address like postgresql://user:password@host:5432/name, "
            "with % and two digits for special signs in the password, as %40 for @"
        )
    return value


def parse_web_url(value: str) -> str:
    """Read the address of a website or an API, without a slash at its end."""
    try:
        is_valid = _WEB_URL_PATTERN.fullmatch(value) is not None and urlsplit(value).port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("an address like https://waldur.example.org")
    return value.rstrip("/")


def parse_origins(value: str) -> frozenset[str]:
    """Read origins of web pages, separated by commas."""
    origins = frozenset(
        each.strip().rstrip("/").lower() for each in value.split(",") if each.strip()
    )
    if not all(_ORIGIN_PATTERN.fullmatch(each) for each in origins):
        raise ValueError("origins like https://portal.example.org, separated by commas")
    return origins
