"""How a connection is opened, and what holds on it: it only reads, in UTC, and not for ever."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

AS_TEXT = ("uuid", "numeric", "jsonb", "json", "timestamptz", "date", "cidr")
CONNECT = 2
"""Seconds to wait for a connection, and for what was sent to be acknowledged."""


class Session:
    """What holds on connections to one database."""

    def __init__(self, url: str, statement_seconds: float, *, pooler: bool = False) -> None:
        """Behind a `pooler` in transaction mode each batch sets for itself what is to hold."""
        options = {
            "jit": "off",
            "timezone": "UTC",
            "plan_cache_mode": "force_generic_plan",
            "statement_timeout": str(int(statement_seconds * 1000)),
        }
        self._url, self.seconds = url, statement_seconds
        self._options = {}
        self.first: bytes | None = None
        """What each batch begins with, if anything."""
        if pooler:
            self.first = _settings({**options, "transaction_read_only": "on"})
        else:
            self._options = _options(url, {**options, "default_transaction_read_only": "on"})

    async def connect(self) -> AsyncConnection[Any]:
        """Open a connection; psycopg.Error if that fails."""
        connection = await AsyncConnection.connect(
            self._url,
            autocommit=True,
            client_encoding="utf8",
            connect_timeout=CONNECT,
            tcp_user_timeout=CONNECT * 1000,
            keepalives_idle=60,
            application_name="marketplace-gateway",
            **self._options,
        )
        for name in AS_TEXT:
            connection.adapters.register_loader(name, TextLoader)
        return connection


def _options(url: str, options: dict[str, str]) -> dict[str, Any]:
    """Give what a connection sets at its start, after what `url` has it set."""
    given = str(conninfo_to_dict(url).get("options", ""))
    return {"options": " ".join([given, *(f"-c {name}={to}" for name, to in options.items())])}


def _settings(options: dict[str, str]) -> bytes:
    """Give the statement after which `options` hold until the transaction ends."""
    each = (f"set_config('{name}', '{to}', true)" for name, to in options.items())
    return f"select {', '.join(each)}".encode()
