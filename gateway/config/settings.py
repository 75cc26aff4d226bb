"""The settings, read once from the environment and the command line, and passed down."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gateway.config.parsers import (
    Network,
    make_choice_parser,
    make_integer_parser,
    make_optional_parser,
    parse_database_url,
    parse_folder,
    parse_networks,
    parse_origins,
    parse_switch,
    parse_web_url,
)

ENVIRONMENT_PREFIX = "GATEWAY_"
SECRET_URL_PARAMETERS = (
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
)
"""What the query of a database's address may hold that nobody should read."""
_URL_PASSWORD_PATTERN = re.compile(r"(?<=://)([^:@/]*):[^/]*@")


class InvalidSettingError(Exception):
    """A setting has a value that makes no sense; the text names it and what would."""


def _define_setting(parse: Callable[[str], Any], description: str, *, default: Any = None) -> Any:
    return field(default=default, metadata={"read": parse, "doc": description})


@dataclass(frozen=True)
class Settings:
    """What can be set, by `GATEWAY_` and the name in upper case; most also by a flag."""

    host: str = _define_setting(str, "the address to listen on", default="127.0.0.1")
    port: int = _define_setting(
        make_integer_parser(0, 65535), "the port to listen on; 0 for any that is free", default=8000
    )
    database_url: str | None = _define_setting(
        parse_database_url, "the marketplace's database; without it the demo's own"
    )
    data: Path = _define_setting(  # noqa: RUF009 - a path does not change
        parse_folder, "the folder of the demo's database", default=Path(".gateway")
    )
    workers: int = _define_setting(
        make_integer_parser(1, 64), "the number of processes that serve", default=1
    )
    rules: str = _define_setting(
        make_choice_parser("auto", "2024", "2026"),
        "the marketplace's rules of who sees what",
        default="auto",
    )
    waldur_url: str | None = _define_setting(parse_web_url, "the marketplace's REST API")
    changes: str = _define_setting(
        make_choice_parser("auto", "local", "waldur", "off"),
        "who makes changes: the gateway itself in a marketplace that it made, Waldur's REST API, "
        "or nobody",
        default="auto",
    )
    events: str = _define_setting(
        make_choice_parser("auto", "triggers", "poll", "off"),
        "where changes of resources are seen: by triggers, by a look now and then, nowhere, or "
        "by triggers where they are installed",
        default="auto",
    )
    events_days: int = _define_setting(
        make_integer_parser(1, 365), "for how many days changes of resources are kept", default=7
    )
    events_seconds: int = _define_setting(
        make_integer_parser(1, 60),
        "how often changes of resources are looked for at least, in seconds",
        default=1,
    )
    provider_seconds: int | None = _define_setting(
        make_optional_parser(make_integer_parser(0, 3600)),
        "how long the demo's provider takes for an order or a pull, in seconds; off for none",
        default=3,
    )
    keep_tokens: bool = _define_setting(
        parse_switch, "whether the use of a token keeps it from expiring, as in REST", default=True
    )
    media_url: str | None = _define_setting(
        parse_web_url, "where pictures are; without it below the REST API"
    )
    trusted_proxies: tuple[Network, ...] = _define_setting(
        parse_networks, "the networks of proxies whose X-Forwarded-For is believed", default=()
    )
    viewer_seconds: int = _define_setting(
        make_integer_parser(0, 300), "for how long a viewer's roles are remembered", default=5
    )
    pool_size: int = _define_setting(
        make_integer_parser(1, 100), "connections to the database, for each process", default=8
    )
    pooler: bool = _define_setting(
        parse_switch,
        "whether connections go through a pooler in transaction mode, such as PgBouncer",
        default=False,
    )
    statement_seconds: int = _define_setting(
        make_integer_parser(1, 600), "how long a statement may take, in seconds", default=10
    )
    request_seconds: int = _define_setting(
        make_integer_parser(1, 600), "how long an answer may take, in seconds", default=30
    )
    body_bytes: int = _define_setting(
        make_integer_parser(1000, 100_000_000),
        "the longest request body, in bytes",
        default=1_000_000,
    )
    document_tokens: int = _define_setting(
        make_integer_parser(100, 100_000), "the longest document, in tokens", default=2000
    )
    answer_rows: int = _define_setting(
        make_integer_parser(100, 10_000_000),
        "the most objects that an answer may show",
        default=20_000,
    )
    origins: frozenset[str] = _define_setting(
        parse_origins,
        "the origins of web pages that may open WebSockets, besides the gateway's own",
        default=frozenset(),
    )
    metrics: bool = _define_setting(
        parse_switch, "whether /metrics tells Prometheus what a process counts", default=True
    )
    sockets: int = _define_setting(
        make_integer_parser(1, 1_000_000), "the most WebSockets, for each process", default=10_000
    )
    subscriptions: int = _define_setting(
        make_integer_parser(1, 1_000_000),
        "the most subscriptions, for each process",
        default=10_000,
    )
    user_subscriptions: int = _define_setting(
        make_integer_parser(1, 1_000_000),
        "the most subscriptions of one user, for each process",
        default=200,
    )
    socket_operations: int = _define_setting(
        make_integer_parser(1, 10_000),
        "the most operations at a time on one WebSocket",
        default=100,
    )
    subscriber_queue: int = _define_setting(
        make_integer_parser(10, 100_000),
        "how many events wait for a subscriber before it is told to read anew",
        default=1000,
    )
    execution: str = _define_setting(
        make_choice_parser("compiled", "reference"),
        "how queries are executed: by compiled plans, or by graphql-core alone",
        default="compiled",
    )
    access_log: bool = _define_setting(
        parse_switch,
        "whether each request is logged, which costs about a tenth of the speed",
        default=False,
    )
    graphiql: bool = _define_setting(
        parse_switch, "whether browsers get GraphiQL at /graphql", default=True
    )

    @property
    def media_base_url(self) -> str | None:
        """The address that the paths of pictures are appended to, if it is known."""
        if self.media_url is not None:
            return f"{self.media_url}/"
        return f"{self.waldur_url}/media/" if self.waldur_url else None

    def format_lines(self) -> list[str]:
        """Give the effective settings for people, secrets masked."""
        return [
            f"{ENVIRONMENT_PREFIX}{setting.name.upper()}={_format_value(getattr(self, setting.name))}"
            for setting in fields(self)
        ]


def load_settings(environment: Mapping[str, str] | None = None, **flags: str | None) -> Settings:
    """Read the settings from the environment; what is `given`, by flags, wins.

    WrongSettingError names the first that makes no sense, and one that does not
    exist.
    """
    variables = os.environ if environment is None else environment
    setting_fields = {
        f"{ENVIRONMENT_PREFIX}{setting.name.upper()}": setting for setting in fields(Settings)
    }
    for name in variables:
        if name.startswith(ENVIRONMENT_PREFIX) and name not in setting_fields:
            raise InvalidSettingError(f"There is no setting {name}.")
    values: dict[str, Any] = {}
    for name, setting in setting_fields.items():
        flag = flags.get(setting.name)
        value = (flag if flag is not None else variables.get(name, "")).strip()
        if value:
            setting_source = name if flag is None else f"--{setting.name.replace('_', '-')}"
            values[setting.name] = _parse_setting(setting, setting_source, value)
    return Settings(**values)


def _parse_setting(setting: Any, setting_source: str, value: str) -> Any:
    try:
        return setting.metadata["read"](value)
    except ValueError as error:
        value_text = "" if setting.name == "database_url" else f" is {mask_passwords(value)!r}, and"
        raise InvalidSettingError(f"{setting_source}{value_text} must be {error}.") from None


def _format_value(value: Any) -> str:
    if isinstance(value, (tuple, frozenset)):
        return ",".join(sorted(map(str, value)))
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else mask_passwords(str(value))


def mask_passwords(url: str) -> str:
    """Give an address without the passwords in it."""
    address, separator, query = url.partition("?")
    pairs = (each.partition("=") for each in query.split("&"))
    masked_pairs = (
        f"{name}={'***' if unquote(name) in SECRET_URL_PARAMETERS else value}"
        for name, _, value in pairs
    )
    return (
        _URL_PASSWORD_PATTERN.sub(r"\1:***@", address)
        + separator
        + ("&".join(masked_pairs) if separator else "")
    )
