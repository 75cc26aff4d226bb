"""Settings of the gateway, loaded once from the environment and the command line."""

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
"""Parameters of a database URL that hold secrets."""
_URL_PASSWORD_PATTERN = re.compile(r"(?<=://)([^:@/]*):[^/]*@")


class InvalidSettingError(Exception):
    """A setting has an invalid value or does not exist; the message names the valid ones."""


def _define_setting(parse: Callable[[str], Any], description: str, *, default: Any = None) -> Any:
    return field(default=default, metadata={"parse": parse, "doc": description})


@dataclass(frozen=True)
class Settings:
    """Settings; each is the variable `GATEWAY_<NAME>`, some are also flags of commands."""

    host: str = _define_setting(str, "the address to listen on", default="127.0.0.1")
    port: int = _define_setting(
        make_integer_parser(0, 65535), "the port to listen on; 0 for any free port", default=8000
    )
    database_url: str | None = _define_setting(
        parse_database_url,
        "the URL of the marketplace's database; by default the embedded demo database",
    )
    data: Path = _define_setting(  # noqa: RUF009 - a path is immutable
        parse_folder, "the folder of the embedded demo database", default=Path(".gateway")
    )
    workers: int = _define_setting(
        make_integer_parser(1, 64), "the number of server processes", default=1
    )
    rules: str = _define_setting(
        make_choice_parser("auto", "2024", "2026"),
        "the Waldur version whose visibility rules apply",
        default="auto",
    )
    waldur_url: str | None = _define_setting(parse_web_url, "the URL of Waldur's REST API")
    changes: str = _define_setting(
        make_choice_parser("auto", "local", "waldur", "off"),
        "how mutations are carried out: by the gateway itself, by Waldur's REST API, or not at all",
        default="auto",
    )
    events: str = _define_setting(
        make_choice_parser("auto", "triggers", "poll", "off"),
        "the source of resource events: database triggers, polling, none, or triggers where they "
        "are installed and polling elsewhere",
        default="auto",
    )
    events_days: int = _define_setting(
        make_integer_parser(1, 365), "the retention of resource events, in days", default=7
    )
    events_seconds: int = _define_setting(
        make_integer_parser(1, 60),
        "the longest interval between two reads of resource events, in seconds",
        default=1,
    )
    provider_seconds: int | None = _define_setting(
        make_optional_parser(make_integer_parser(0, 3600)),
        "the time the demo provider takes for an order or a pull, in seconds; off disables it",
        default=3,
    )
    keep_tokens: bool = _define_setting(
        parse_switch, "whether using a token extends its lifetime, as in REST", default=True
    )
    media_url: str | None = _define_setting(
        parse_web_url, "the base URL of images; by default /media/ of the REST API"
    )
    trusted_proxies: tuple[Network, ...] = _define_setting(
        parse_networks,
        "the networks of proxies whose X-Forwarded-For header is trusted",
        default=(),
    )
    viewer_seconds: int = _define_setting(
        make_integer_parser(0, 300), "the time a viewer's roles are cached, in seconds", default=5
    )
    pool_size: int = _define_setting(
        make_integer_parser(1, 100),
        "the maximum number of database connections that read, per process",
        default=8,
    )
    pooler: bool = _define_setting(
        parse_switch,
        "whether connections go through a pooler in transaction mode, such as PgBouncer",
        default=False,
    )
    statement_seconds: int = _define_setting(
        make_integer_parser(1, 600), "the time-out of a SQL statement, in seconds", default=10
    )
    request_seconds: int = _define_setting(
        make_integer_parser(1, 600), "the time-out of a request, in seconds", default=30
    )
    body_bytes: int = _define_setting(
        make_integer_parser(1000, 100_000_000),
        "the maximum size of a request body, in bytes",
        default=1_000_000,
    )
    document_tokens: int = _define_setting(
        make_integer_parser(100, 100_000),
        "the maximum length of a GraphQL document, in tokens",
        default=2000,
    )
    answer_rows: int = _define_setting(
        make_integer_parser(100, 10_000_000),
        "the maximum number of objects in a response",
        default=20_000,
    )
    origins: frozenset[str] = _define_setting(
        parse_origins,
        "the origins of web pages that may open WebSockets, in addition to the gateway's own",
        default=frozenset(),
    )
    metrics: bool = _define_setting(
        parse_switch, "whether /metrics serves Prometheus metrics", default=True
    )
    sockets: int = _define_setting(
        make_integer_parser(1, 1_000_000),
        "the maximum number of WebSockets per process",
        default=10_000,
    )
    subscriptions: int = _define_setting(
        make_integer_parser(1, 1_000_000),
        "the maximum number of subscriptions per process",
        default=10_000,
    )
    user_subscriptions: int = _define_setting(
        make_integer_parser(1, 1_000_000),
        "the maximum number of subscriptions of one user per process",
        default=200,
    )
    socket_operations: int = _define_setting(
        make_integer_parser(1, 10_000),
        "the maximum number of concurrent operations on one WebSocket",
        default=100,
    )
    subscriber_queue: int = _define_setting(
        make_integer_parser(10, 100_000),
        "the maximum number of events queued for a subscriber before it has to resynchronise",
        default=1000,
    )
    execution: str = _define_setting(
        make_choice_parser("compiled", "reference"),
        "how queries are executed: by compiled plans, or by graphql-core alone",
        default="compiled",
    )
    access_log: bool = _define_setting(
        parse_switch,
        "whether each request is logged, at a cost of about 10 % of the throughput",
        default=False,
    )
    graphiql: bool = _define_setting(
        parse_switch, "whether /graphql serves GraphiQL to browsers", default=True
    )

    @property
    def media_base_url(self) -> str | None:
        """The URL that the paths of images are appended to; None if it is not configured."""
        if self.media_url is not None:
            return f"{self.media_url}/"
        return f"{self.waldur_url}/media/" if self.waldur_url else None

    def format_lines(self) -> list[str]:
        """Return the effective settings as `GATEWAY_NAME=value`, secrets masked."""
        return [
            f"{_format_variable(setting.name)}={_format_value(getattr(self, setting.name))}"
            for setting in fields(self)
        ]


def load_settings(environment: Mapping[str, str] | None = None, **flags: str | None) -> Settings:
    """Return the settings of the environment; `flags` that are not None take precedence.

    Raises InvalidSettingError if a value is invalid or a variable `GATEWAY_…` unknown.
    """
    variables = os.environ if environment is None else environment
    setting_fields = {_format_variable(setting.name): setting for setting in fields(Settings)}
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
        return setting.metadata["parse"](value)
    except ValueError as error:
        # An invalid database URL may hold a password anywhere, others in some places.
        is_secret = setting.name == "database_url" or "@" in value or "?" in value
        value_text = "" if is_secret else f", got {value!r}"
        raise InvalidSettingError(f"{setting_source} must be {error}{value_text}.") from None


def _format_variable(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def _format_value(value: Any) -> str:
    if isinstance(value, (tuple, frozenset)):
        return ",".join(sorted(map(str, value)))
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else mask_passwords(str(value))


def mask_passwords(url: str) -> str:
    """Return a URL with its passwords replaced by `***`.

    Names of parameters may be escaped or surrounded by blanks: libpq decodes and strips them.
    """
    address, separator, query = url.partition("?")
    masked_pairs = (
        f"{name}{equals}{'***' if unquote(name).strip() in SECRET_URL_PARAMETERS else value}"
        for name, equals, value in (each.partition("=") for each in query.split("&"))
    )
    return _URL_PASSWORD_PATTERN.sub(r"\1:***@", address) + separator + "&".join(masked_pairs)
