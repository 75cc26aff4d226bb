"""Settings of the server processes."""

from dataclasses import dataclass

from gateway.config.parsers import (
    Network,
    make_choice_parser,
    make_integer_parser,
    parse_networks,
    parse_origins,
    parse_root_path,
    parse_switch,
)
from gateway.config.setting import define_setting


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the server processes."""

    host: str = define_setting(str, "the address to listen on", default="127.0.0.1")
    port: int = define_setting(
        make_integer_parser(0, 65535), "the port to listen on; 0 for any free port", default=8000
    )
    workers: int = define_setting(
        make_integer_parser(1, 64), "the number of server processes", default=1
    )
    worker_seconds: int = define_setting(
        make_integer_parser(5, 3600),
        "the time after which a worker process that does not respond is replaced, in seconds",
        default=60,
    )
    drain_seconds: int = define_setting(
        make_integer_parser(0, 600),
        "the time between SIGTERM and the end of the listening socket, in seconds",
        default=2,
    )
    trusted_proxies: tuple[Network, ...] = define_setting(
        parse_networks,
        "the networks of proxies whose X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host "
        "headers are trusted",
        default=(),
    )
    root_path: str = define_setting(
        parse_root_path,
        "the path below which a proxy publishes the gateway",
        default="",
    )
    origins: frozenset[str] = define_setting(
        parse_origins,
        "the origins of web pages that may use the API, in addition to the gateway's own",
        default=frozenset(),
    )
    preflight_seconds: int = define_setting(
        make_integer_parser(0, 86_400),
        "the time browsers may keep the answer to a CORS preflight request, in seconds",
        default=7200,
    )
    metrics: bool = define_setting(
        parse_switch, "whether /metrics serves Prometheus metrics", default=True
    )
    access_log: bool = define_setting(
        parse_switch,
        "whether each request and WebSocket is logged, refused ones included,"
        " at a cost of about 10 % of the throughput",
        default=False,
    )
    dev: str = define_setting(
        make_choice_parser("auto", "on", "off"),
        "whether the server is open for developers: introspection for all, suggestions in errors, "
        "GraphiQL; auto is on for the embedded demo",
        default="auto",
    )
    graphiql: str = define_setting(
        make_choice_parser("auto", "on", "off"),
        "whether /graphql serves GraphiQL to browsers; auto is the value of GATEWAY_DEV",
        default="auto",
    )
    introspection: str = define_setting(
        make_choice_parser("auto", "all", "staff", "off"),
        "who may query the schema; auto is all with GATEWAY_DEV, else staff",
        default="auto",
    )

    @property
    def is_development(self) -> bool:
        """Whether the server is open for developers."""
        return self.dev == "on"

    @property
    def introspection_audience(self) -> str:
        """Who may query the schema: `all`, `staff` or `off`."""
        default_audience = "all" if self.is_development else "staff"
        return default_audience if self.introspection == "auto" else self.introspection
