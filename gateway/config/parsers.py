"""Parsers of settings.

Each parser returns the value of a text, or raises ValueError with a description of
valid values, to be put after "must be".
"""

import re
import ssl
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from gateway.config.web_origin import encode_origin_host, normalize_origin

Network = IPv4Network | IPv6Network
_DATABASE_URL_PATTERN = re.compile(
    r"postgres(ql)?://([^@/?]*@)?[^@/?]*(/[^@?]*(\?.*)?|\?[^@]*)?",
)
ANY_ORIGIN = "*"
OWN_PATH_SEGMENTS = ("graphql", "attachments", "livez", "readyz", "metrics")
"""First segments of the gateway's own paths, which a root path could be mistaken for."""
_HEADER_NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,99}")
_ROOT_PATH_PATTERN = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]+)+", re.ASCII)
_WEB_URL_PATTERN = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def parse_folder(value: str) -> Path:
    """Return the path of a folder; `~` is expanded."""
    return _parse_path(value, "a folder")


def parse_file_path(value: str) -> Path:
    """Return the path of a file; `~` is expanded."""
    return _parse_path(value, "the path of a file")


def _parse_path(value: str, description: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"{description}, and `~` needs an existing user") from None


def parse_certificate_file(value: str) -> Path:
    """Return the path of a PEM file with certificates, which must be readable."""
    path = parse_file_path(value)
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as error:
        reason = "no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"the path of a PEM file with CA certificates ({reason})") from None
    return path


def parse_switch(value: str) -> bool:
    """Return True for on and False for off, in one of their spellings."""
    words = {"on": True, "true": True, "1": True, "yes": True}
    words |= {"off": False, "false": False, "0": False, "no": False}
    if value.lower() not in words:
        raise ValueError("on or off")
    return words[value.lower()]


def make_integer_parser(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a parser of integers within these bounds, both included."""

    def parse_integer(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
            raise ValueError(f"an integer between {minimum} and {maximum}")
        return int(value)

    return parse_integer


def parse_networks(value: str) -> tuple[Network, ...]:
    """Return IP networks, separated by commas in the text."""
    try:
        return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
    except ValueError as error:
        raise ValueError(f"networks like 10.0.0.0/8, separated by commas: {error}") from None


def make_choice_parser(*choices: str) -> Callable[[str], str]:
    """Return a parser that accepts one of `choices`."""

    def parse_choice(value: str) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return parse_choice


def make_optional_parser(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a parser that accepts what `parse` does, and `off` as None."""

    def parse_or_off(value: str) -> Any:
        if value == "off":
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return parse_or_off


def parse_database_url(value: str) -> str:
    """Return a PostgreSQL URL if it is valid."""
    try:
        parameters = conninfo_to_dict(value)
        ports = str(parameters.get("port") or "").split(",")
        is_valid = (
            _DATABASE_URL_PATTERN.fullmatch(value) is not None
            and parameters != {}
            and all(not port or port.isdecimal() for port in ports)
        )
    except ProgrammingError:
        is_valid = False
    if not is_valid:
        raise ValueError(
            "a URL like postgresql://user:password@host:5432/name, "
            "with special characters of the password percent-encoded, such as %40 for @"
        )
    return value


def parse_web_url(value: str) -> str:
    """Return the URL of a website or an API, without a trailing slash."""
    try:
        is_valid = _WEB_URL_PATTERN.fullmatch(value) is not None and urlsplit(value).port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("a URL like https://waldur.example.org")
    return value.rstrip("/")


def parse_header_name(value: str) -> str:
    """Return the name of a header."""
    if _HEADER_NAME_PATTERN.fullmatch(value) is None:
        raise ValueError("the name of a header: letters, digits and hyphens")
    return value


def parse_origins(value: str) -> frozenset[str]:
    """Return normalized origins of web pages, separated by commas in the text; `*` for all."""
    if value == ANY_ORIGIN:
        return frozenset({ANY_ORIGIN})
    try:
        origins = [
            normalize_origin(encode_origin_host(each.strip()).removesuffix("/"))
            for each in value.split(",")
            if each.strip()
        ]
    except ValueError:
        origins = [None]
    if None in origins:
        raise ValueError("origins like https://portal.example.org, separated by commas, or *")
    return frozenset(filter(None, origins))


def parse_root_path(value: str) -> str:
    """Return a URL path without a trailing slash; an empty string for the root."""
    path = value.rstrip("/")
    segments = path.split("/")[1:]
    if path and not _ROOT_PATH_PATTERN.fullmatch(path):
        raise ValueError("a path like /api/gateway")
    if segments and segments[0] in OWN_PATH_SEGMENTS:
        raise ValueError(f"a path whose first segment is not {', '.join(OWN_PATH_SEGMENTS)}")
    return path


def parse_rate_storage(value: str) -> str:
    """Return "memory", or the URL of a Redis."""
    if value == "memory":
        return value
    try:
        url = urlsplit(value)
        is_valid = url.scheme in {"redis", "rediss"} and bool(url.hostname) and url.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("memory, or a URL like redis://user:password@host:6379/0")
    if find_spec("redis") is None:
        raise ValueError("memory, because the Python package `redis` is not installed")
    return value
