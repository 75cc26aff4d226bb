"""Settings of the server processes."""

from dataclasses import dataclass

from gateway.config.parsers import (
    Network,
    make_integer_parser,
    make_optional_parser,
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
        "whether each request is logged, at a cost of about 10 % of the throughput",
        default=False,
    )
    graphiql: bool = define_setting(
        parse_switch, "whether /graphql serves GraphiQL to browsers", default=True
    )
    head_bytes: int = define_setting(
        make_integer_parser(8192, 1_000_000),
        "the maximum size of a request's head, in bytes",
        default=65_536,
    )
    head_fields: int = define_setting(
        make_integer_parser(20, 10_000),
        "the maximum number of header fields of a request",
        default=100,
    )
    target_bytes: int = define_setting(
        make_integer_parser(1000, 100_000),
        "the maximum size of a request's path and query string, in bytes",
        default=8192,
    )
    head_seconds: int = define_setting(
        make_integer_parser(1, 600), "the time-out of a request's head, in seconds", default=10
    )
    body_seconds: int = define_setting(
        make_integer_parser(1, 600), "the time-out of a request's body, in seconds", default=30
    )
    idle_seconds: int = define_setting(
        make_integer_parser(1, 86_400),
        "the time after which a connection without requests is closed, in seconds",
        default=75,
    )
    write_seconds: int = define_setting(
        make_integer_parser(1, 600),
        "the time within which a client must read 64 KB of its responses, in seconds",
        default=60,
    )
    connections: int = define_setting(
        make_integer_parser(1, 1_000_000),
        "the maximum number of connections per process, WebSockets and streams included",
        default=12_000,
    )
    address_connections: int | None = define_setting(
        make_optional_parser(make_integer_parser(1, 1_000_000)),
        "the maximum number of connections of one address per process",
    )
    received_bytes: int = define_setting(
        make_integer_parser(20_000_000, 100_000_000_000),
        "the maximum size of all request bodies that a process is receiving, in bytes",
        default=200_000_000,
    )
    unread_bytes: int = define_setting(
        make_integer_parser(20_000_000, 100_000_000_000),
        "the maximum size of all responses of a process that its clients have not read, in bytes",
        default=400_000_000,
    )
