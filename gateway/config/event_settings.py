"""Settings of events and subscriptions."""

from dataclasses import dataclass

from gateway.config.parsers import (
    make_choice_parser,
    make_integer_parser,
)
from gateway.config.setting import define_setting


@dataclass(frozen=True)
class EventSettings:
    """Settings of events and subscriptions."""

    events: str = define_setting(
        make_choice_parser("auto", "triggers", "poll", "off"),
        "the source of events: database triggers, polling, none, or triggers where they "
        "are installed and polling elsewhere",
        default="auto",
    )
    events_days: int = define_setting(
        make_integer_parser(1, 365), "the retention of events, in days", default=7
    )
    events_seconds: int = define_setting(
        make_integer_parser(1, 60),
        "the longest interval between two reads of events, in seconds",
        default=1,
    )
    events_watch_seconds: int = define_setting(
        make_integer_parser(1, 60),
        "the interval at which the source of events is verified, in seconds",
        default=5,
    )
    events_polled_rows: int = define_setting(
        make_integer_parser(1000, 100_000_000),
        "the maximum number of rows of each table whose last values polling remembers, 32 bytes "
        "for each resource and 48 for each order",
        default=1_000_000,
    )
    sockets: int = define_setting(
        make_integer_parser(1, 1_000_000),
        "the maximum number of WebSockets per process",
        default=10_000,
    )
    subscriptions: int = define_setting(
        make_integer_parser(1, 1_000_000),
        "the maximum number of subscriptions per process",
        default=10_000,
    )
    user_subscriptions: int = define_setting(
        make_integer_parser(1, 1_000_000),
        "the maximum number of subscriptions of one user per process",
        default=200,
    )
    socket_operations: int = define_setting(
        make_integer_parser(1, 10_000),
        "the maximum number of concurrent operations on one WebSocket",
        default=100,
    )
    subscriber_queue: int = define_setting(
        make_integer_parser(10, 100_000),
        "the maximum number of events queued for a subscriber before it has to resynchronise",
        default=1000,
    )
    subscriber_bytes: int = define_setting(
        make_integer_parser(1_000_000, 1_000_000_000),
        "the maximum size of the events queued for a subscriber, in bytes",
        default=8_000_000,
    )
