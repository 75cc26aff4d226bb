"""How a connection is opened, and what holds on it: most only read, in UTC, and not for ever."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

AS_TEXT = ("uuid", "numeric", "jsonb", "json", "timestamptz", "date", "cidr")
PREPARED_AFTER = 5
"""How often psycopg runs a statement itself before it has it prepared."""
CONNECT = 2
"""Seconds to wait for a connection, and for what was sent to be acknowledged."""


class Session:
    """What holds on connections to one database."""

    def __init__(
        self, url: str, statement_seconds: float, *, pooler: bool = False, writes: bool = False
    ) -> None:
        """Behind a `pooler` in transaction mode each batch sets for itself what is to hold.

        On connections that do not only read, plans are made as PostgreSQL likes.
        """
        options = {
            "jit": "off",
            "timezone": "UTC",
            "statement_timeout": str(int(statement_seconds * 1000)),
        }
        if not writes:
            options["plan_cache_mode"] = "force_generic_plan"
        self.url, self.seconds = url, statement_seconds
        self.first: bytes | None = None
        """What each batch begins with, if anything."""
        begun = {}
        if pooler:
            read_only = {} if writes else {"transaction_read_only": "on"}
            self.first = _settings({**options, **read_only})
        else:
            read_only = {} if writes else {"default_transaction_read_only": "on"}
            begun = _options(url, {**options, **read_only})
        self.given: dict[str, Any] = {
            "autocommit": True,
            "client_encoding": "utf8",
            "connect_timeout": CONNECT,
            "tcp_user_timeout": CONNECT * 1000,
            "keepalives_idle": 60,
            "application_name": "marketplace-gateway",
            "prepare_threshold": None if pooler else PREPARED_AFTER,
            **begun,
        }
        """How a connection is opened, besides the address."""

    async def connect(self) -> AsyncConnection[Any]:
        """Open a connection; psycopg.Error if that fails."""
        connection = await AsyncConnection.connect(self.url, **self.given)
        await self.prepare(connection)
        return connection

    async def prepare(self, connection: AsyncConnection[Any]) -> None:
        """Have a connection give as text what the API prints as text."""
        for name in AS_TEXT:
            connection.adapters.register_loader(name, TextLoader)


def _options(url: str, options: dict[str, str]) -> dict[str, Any]:
    """Give what a connection sets at its start, after what `url` has it set."""
    given = str(conninfo_to_dict(url).get("options", ""))
    return {"options": " ".join([given, *(f"-c {name}={to}" for name, to in options.items())])}


def _settings(options: dict[str, str]) -> bytes:
    """Give the statement after which `options` hold until the transaction ends."""
    each = (f"set_config('{name}', '{to}', true)" for name, to in options.items())
    return f"select {', '.join(each)}".encode()
