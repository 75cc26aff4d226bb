"""Settings of client connections: their number, sizes and time-outs."""

from dataclasses import dataclass

from gateway.config.parsers import make_integer_parser, make_optional_parser
from gateway.config.setting import define_setting


@dataclass(frozen=True)
class ConnectionSettings:
    """Settings of client connections: their number, sizes and time-outs."""

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
        "the maximum size of all requests and WebSocket messages that a process is receiving,"
        " in bytes",
        default=200_000_000,
    )
    unread_bytes: int = define_setting(
        make_integer_parser(20_000_000, 100_000_000_000),
        "the maximum size of all responses of a process that its clients have not read, in bytes",
        default=400_000_000,
    )
