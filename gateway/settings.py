"""The settings, read once from the environment and the command line, and passed down."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

PREFIX = "GATEWAY_"
Network = IPv4Network | IPv6Network
SECRET = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
"""What the query of a database's address may hold that nobody should read."""
_POSTGRES = re.compile(
    r"postgres(ql)?://([^@/?]*@)?[^@/?]*(/[^@?]*(\?.*)?|\?[^@]*)?",
)
_WEB = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_PASSWORD = re.compile(r"(?<=://)([^:@/]*):[^/]*@")


class WrongSettingError(Exception):
    """A setting has a value that makes no sense; the text names it and what would."""


def _folder(value: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("a folder; there is no such user") from None


def _switch(value: str) -> bool:
    words = {"on": True, "true": True, "1": True, "yes": True}
    words |= {"off": False, "false": False, "0": False, "no": False}
    if value.lower() not in words:
        raise ValueError("on or off")
    return words[value.lower()]


def natural(least: int, most: int) -> Callable[[str], int]:
    """Give what reads a number in those bounds; ValueError says what they are."""

    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ValueError(f"a number from {least} to {most}")
        return int(value)

    return read


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
    except ValueError as error:
        raise ValueError(f"networks like 10.0.0.0/8, separated by commas: {error}") from None


def _choice(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return read


def _or_off(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def taken(value: str) -> Any:
        if value == "off":
            return None
        try:
            return read(value)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return taken


def _postgres(value: str) -> str:
    try:
        fits = _POSTGRES.fullmatch(value) is not None and conninfo_to_dict(value) != {}
    except ProgrammingError:
        fits = False
    if not fits:
        raise ValueError(
            "an address like postgresql://user:password@host:5432/name, "
            "with % and two digits for special signs in the password, as %40 for @"
        )
    return value


def _web(value: str) -> str:
    try:
        fits = _WEB.fullmatch(value) is not None and urlsplit(value).port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("an address like https://waldur.example.org")
    return value.rstrip("/")


def _setting(read: Callable[[str], Any], doc: str, *, default: Any = None) -> Any:
    return field(default=default, metadata={"read": read, "doc": doc})


@dataclass(frozen=True)
class Settings:
    """What can be set, by `GATEWAY_` and the name in upper case; most also by a flag."""

    host: str = _setting(str, "the address to listen on", default="127.0.0.1")
    port: int = _setting(
        natural(0, 65535), "the port to listen on; 0 for any that is free", default=8000
    )
    database_url: str | None = _setting(
        _postgres, "the marketplace's database; without it the demo's own"
    )
    data: Path = _setting(  # noqa: RUF009 - a path does not change
        _folder, "the folder of the demo's database", default=Path(".gateway")
    )
    workers: int = _setting(natural(1, 64), "the number of processes that serve", default=1)
    rules: str = _setting(
        _choice("auto", "2024", "2026"),
        "the marketplace's rules of who sees what",
        default="auto",
    )
    waldur_url: str | None = _setting(_web, "the marketplace's REST API")
    changes: str = _setting(
        _choice("auto", "local", "waldur", "off"),
        "who makes changes: the gateway itself in a marketplace that it made, Waldur's REST API, "
        "or nobody",
        default="auto",
    )
    provider_seconds: int | None = _setting(
        _or_off(natural(0, 3600)),
        "how long the demo's provider takes for an order or a pull, in seconds; off for none",
        default=3,
    )
    keep_tokens: bool = _setting(
        _switch, "whether the use of a token keeps it from expiring, as in REST", default=True
    )
    media_url: str | None = _setting(_web, "where pictures are; without it below the REST API")
    trusted_proxies: tuple[Network, ...] = _setting(
        _networks, "the networks of proxies whose X-Forwarded-For is believed", default=()
    )
    viewer_seconds: int = _setting(
        natural(0, 300), "for how long a viewer's roles are remembered", default=5
    )
    pool_size: int = _setting(
        natural(1, 100), "connections to the database, for each process", default=8
    )
    pooler: bool = _setting(
        _switch,
        "whether connections go through a pooler in transaction mode, such as PgBouncer",
        default=False,
    )
    statement_seconds: int = _setting(
        natural(1, 600), "how long a statement may take, in seconds", default=10
    )
    request_seconds: int = _setting(
        natural(1, 600), "how long an answer may take, in seconds", default=30
    )
    body_bytes: int = _setting(
        natural(1000, 100_000_000), "the longest request body, in bytes", default=1_000_000
    )
    document_tokens: int = _setting(
        natural(100, 100_000), "the longest document, in tokens", default=2000
    )
    answer_rows: int = _setting(
        natural(100, 10_000_000), "the most objects that an answer may show", default=20_000
    )
    execution: str = _setting(
        _choice("compiled", "reference"),
        "how queries are executed: by compiled plans, or by graphql-core alone",
        default="compiled",
    )
    access_log: bool = _setting(
        _switch,
        "whether each request is logged, which costs about a tenth of the speed",
        default=False,
    )
    graphiql: bool = _setting(_switch, "whether browsers get GraphiQL at /graphql", default=True)

    @property
    def media(self) -> str | None:
        """The address that the paths of pictures are appended to, if it is known."""
        if self.media_url is not None:
            return f"{self.media_url}/"
        return f"{self.waldur_url}/media/" if self.waldur_url else None

    def lines(self) -> list[str]:
        """Give the effective settings for people, secrets masked."""
        return [
            f"{PREFIX}{each.name.upper()}={_shown(getattr(self, each.name))}"
            for each in fields(self)
        ]


def settings(environment: Mapping[str, str] | None = None, **given: str | None) -> Settings:
    """Read the settings from the environment; what is `given`, by flags, wins.

    WrongSettingError names the first that makes no sense, and one that does not
    exist.
    """
    variables = os.environ if environment is None else environment
    known = {f"{PREFIX}{each.name.upper()}": each for each in fields(Settings)}
    for name in variables:
        if name.startswith(PREFIX) and name not in known:
            raise WrongSettingError(f"There is no setting {name}.")
    found: dict[str, Any] = {}
    for name, each in known.items():
        flag = given.get(each.name)
        value = (flag if flag is not None else variables.get(name, "")).strip()
        if value:
            where = name if flag is None else f"--{each.name.replace('_', '-')}"
            found[each.name] = _read(each, where, value)
    return Settings(**found)


def _read(setting: Any, where: str, value: str) -> Any:
    try:
        return setting.metadata["read"](value)
    except ValueError as error:
        shown = "" if setting.name == "database_url" else f" is {masked(value)!r}, and"
        raise WrongSettingError(f"{where}{shown} must be {error}.") from None


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else masked(str(value))


def masked(url: str) -> str:
    """Give an address without the passwords in it."""
    place, mark, query = url.partition("?")
    given = (each.partition("=") for each in query.split("&"))
    shown = (f"{name}={'***' if unquote(name) in SECRET else value}" for name, _, value in given)
    return _PASSWORD.sub(r"\1:***@", place) + mark + ("&".join(shown) if mark else "")
