"""How a connection is opened, and what holds on it: most only read, in UTC, and not for ever."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

TEXT_LOADED_TYPES = ("uuid", "numeric", "jsonb", "json", "timestamptz", "date", "cidr")
PREPARE_THRESHOLD = 5
"""How often psycopg runs a statement itself before it has it prepared."""
CONNECT_TIMEOUT_SECONDS = 2
"""Seconds to wait for a connection, and for what was sent to be acknowledged."""


class ConnectionOptions:
    """What holds on connections to one database."""

    def __init__(
        self,
        url: str,
        statement_seconds: float,
        *,
        pooler: bool = False,
        allow_writes: bool = False,
    ) -> None:
        """Behind a `pooler` in transaction mode each batch sets for itself what is to hold.

        On connections that do not only read, plans are made as PostgreSQL likes.
        """
        options = {
            "jit": "off",
            "timezone": "UTC",
            "statement_timeout": str(int(statement_seconds * 1000)),
        }
        if not allow_writes:
            options["plan_cache_mode"] = "force_generic_plan"
        self.url, self.statement_seconds = url, statement_seconds
        self.batch_preamble: bytes | None = None
        """What each batch begins with, if anything."""
        startup_options = {}
        if pooler:
            access_options = {} if allow_writes else {"transaction_read_only": "on"}
            self.batch_preamble = _build_preamble({**options, **access_options})
        else:
            access_options = {} if allow_writes else {"default_transaction_read_only": "on"}
            startup_options = _build_startup_options(url, {**options, **access_options})
        self.connect_arguments: dict[str, Any] = {
            "autocommit": True,
            "client_encoding": "utf8",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "tcp_user_timeout": CONNECT_TIMEOUT_SECONDS * 1000,
            "keepalives_idle": 60,
            "application_name": "marketplace-gateway",
            "prepare_threshold": None if pooler else PREPARE_THRESHOLD,
            **startup_options,
        }
        """How a connection is opened, besides the address."""

    async def connect(self) -> AsyncConnection[Any]:
        """Open a connection; psycopg.Error if that fails."""
        connection = await AsyncConnection.connect(self.url, **self.connect_arguments)
        await self.configure_connection(connection)
        return connection

    async def configure_connection(self, connection: AsyncConnection[Any]) -> None:
        """Have a connection give as text what the API prints as text."""
        for type_name in TEXT_LOADED_TYPES:
            connection.adapters.register_loader(type_name, TextLoader)


def _build_startup_options(url: str, options: dict[str, str]) -> dict[str, Any]:
    """Give what a connection sets at its start, after what `url` has it set."""
    url_options = str(conninfo_to_dict(url).get("options", ""))
    return {
        "options": " ".join(
            [url_options, *(f"-c {name}={value}" for name, value in options.items())]
        )
    }


def _build_preamble(options: dict[str, str]) -> bytes:
    """Give the statement after which `options` hold until the transaction ends."""
    assignments = (f"set_config('{name}', '{value}', true)" for name, value in options.items())
    return f"select {', '.join(assignments)}".encode()
