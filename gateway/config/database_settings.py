"""Settings of the database and its connections."""

from dataclasses import dataclass
from pathlib import Path

from gateway.config.parsers import (
    make_integer_parser,
    parse_database_url,
    parse_folder,
    parse_switch,
)
from gateway.config.setting import define_setting


@dataclass(frozen=True)
class DatabaseSettings:
    """Settings of the database and its connections."""

    database_url: str | None = define_setting(
        parse_database_url,
        "the URL of the marketplace's database; by default the embedded demo database",
    )
    data: Path = define_setting(  # noqa: RUF009 - a path is immutable
        parse_folder, "the folder of the embedded demo database", default=Path(".gateway")
    )
    pool_size: int = define_setting(
        make_integer_parser(1, 100),
        "the maximum number of database connections that read, per process",
        default=8,
    )
    pooler: bool = define_setting(
        parse_switch,
        "whether connections go through a pooler in transaction mode, such as PgBouncer",
        default=False,
    )
    prepared_bytes: int = define_setting(
        make_integer_parser(0, 100_000_000),
        "the maximum length of the SQL of a connection's prepared statements together, in bytes",
        default=500_000,
    )
    inspection_seconds: int = define_setting(
        make_integer_parser(1, 86_400),
        "the longest interval between two inspections of the database's tables and columns, in "
        "seconds",
        default=60,
    )
