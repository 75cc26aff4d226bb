"""Options of database connections: read-only by default, in UTC, with a statement time-out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, IsolationLevel
from psycopg.types.string import TextLoader

from gateway.db.driver.prepared_statements import DEFAULT_PREPARED_BYTES
from gateway.db.driver.session_settings import (
    SESSION_SETTINGS,
    TRANSACTION_DEFAULTS,
    build_session_sql,
    build_settings_sql,
    build_startup_options,
    check_session,
)

TEXT_LOADED_TYPES = ("uuid", "numeric", "jsonb", "json", "timestamptz", "date", "cidr")
"""PostgreSQL types whose values stay text, as the API prints them."""
PREPARE_THRESHOLD = 5
"""Number of executions after which psycopg itself prepares a statement."""
CONNECT_TIMEOUT_SECONDS = 2
"""Seconds to wait for a connection, and for sent data to be acknowledged."""


class ConnectionOptions:
    """Session options of the connections to one database.

    Without a pooler they are set once, when a connection starts. A pooler in
    transaction mode lends a connection for one transaction only, so each batch
    begins with a statement that sets them for its own transaction.
    """

    def __init__(
        self,
        url: str,
        statement_seconds: float,
        *,
        pooler: bool = False,
        allow_writes: bool = False,
        prepared_bytes: int = DEFAULT_PREPARED_BYTES,
    ) -> None:
        """Set a statement time-out; connections are read-only unless `allow_writes`.

        The SQL of a connection's prepared statements has at most `prepared_bytes` bytes.
        """
        self.url, self.statement_seconds = url, statement_seconds
        self.prepared_bytes, self.is_pooled = prepared_bytes, pooler
        self._settings = _build_settings(
            statement_seconds, is_pooled=pooler, allow_writes=allow_writes
        )
        self.batch_preamble = (
            build_settings_sql(self._settings).encode() if self.is_pooled else None
        )
        """Statement that each batch begins with; None without a pooler.

        It sets the search_path, too, when a connection is open.
        """
        self.connect_arguments: dict[str, Any] = {
            "autocommit": True,
            "client_encoding": "utf8",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "tcp_user_timeout": CONNECT_TIMEOUT_SECONDS * 1000,
            "keepalives_idle": 60,
            "application_name": "marketplace-gateway",
            "prepare_threshold": None if pooler else PREPARE_THRESHOLD,
            **({} if pooler else build_startup_options(url, self._settings)),
        }
        """Keyword arguments of psycopg's `connect`, in addition to the URL."""

    async def connect(self) -> AsyncConnection[Any]:
        """Open a connection that returns the types that the API prints as text as text.

        Raises psycopg.Error if that fails.
        """
        connection = await self.open_session()
        _register_text_loaders(connection)
        return connection

    async def open_session(self) -> AsyncConnection[Any]:
        """Open a connection that returns Python's types. Raises psycopg.Error if that fails."""
        connection = await AsyncConnection.connect(self.url, **self.connect_arguments)
        try:
            await self._start_session(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def configure_connection(self, connection: AsyncConnection[Any]) -> None:
        """Make an open connection one like those of `connect`. Raises psycopg.Error."""
        await self._start_session(connection)
        _register_text_loaders(connection)

    @asynccontextmanager
    async def begin_batch(self, connection: AsyncConnection[Any]) -> AsyncIterator[None]:
        """Set the options for the statements of the body, which share a transaction if need be."""
        if self.batch_preamble is None:
            yield
            return
        async with connection.transaction():
            await connection.execute(self.batch_preamble)
            yield

    async def _start_session(self, connection: AsyncConnection[Any]) -> None:
        await connection.set_isolation_level(IsolationLevel.READ_COMMITTED)
        await connection.set_deferrable(False)
        async with self.begin_batch(connection):
            cursor = await connection.execute(
                build_session_sql(is_local=self.is_pooled).encode(), prepare=False
            )
            search_path = check_session(await cursor.fetchone())
        if self.is_pooled:
            preamble = build_settings_sql({**self._settings, **search_path})
            self.batch_preamble = preamble.encode()


def _build_settings(
    statement_seconds: float, *, is_pooled: bool, allow_writes: bool
) -> dict[str, str]:
    """Return the settings of a connection; only read-only ones always use generic plans."""
    settings = {
        **SESSION_SETTINGS,
        "jit": "off",
        "statement_timeout": str(int(statement_seconds * 1000)),
    }
    if is_pooled:
        access_settings = {"transaction_read_only": "on"}
    else:
        settings |= TRANSACTION_DEFAULTS
        access_settings = {"default_transaction_read_only": "on"}
    if not allow_writes:
        settings |= {"plan_cache_mode": "force_generic_plan", **access_settings}
    return settings


def _register_text_loaders(connection: AsyncConnection[Any]) -> None:
    """Register text loaders for the types that the API prints as text."""
    for type_name in TEXT_LOADED_TYPES:
        connection.adapters.register_loader(type_name, TextLoader)
