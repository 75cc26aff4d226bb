"""Options of database connections: read-only by default, in UTC, with a statement time-out."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

from gateway.db.driver.prepared_statements import DEFAULT_PREPARED_BYTES

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
        options = _build_session_options(statement_seconds, allow_writes=allow_writes)
        self.url, self.statement_seconds = url, statement_seconds
        self.prepared_bytes = prepared_bytes
        self.batch_preamble: bytes | None = None
        """Statement that each batch begins with; None without a pooler."""
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
        """Keyword arguments of psycopg's `connect`, in addition to the URL."""

    async def connect(self) -> AsyncConnection[Any]:
        """Open a connection. Raises psycopg.Error if that fails."""
        connection = await AsyncConnection.connect(self.url, **self.connect_arguments)
        await self.configure_connection(connection)
        return connection

    async def configure_connection(self, connection: AsyncConnection[Any]) -> None:
        """Register text loaders for the types that the API prints as text."""
        for type_name in TEXT_LOADED_TYPES:
            connection.adapters.register_loader(type_name, TextLoader)


def _build_session_options(statement_seconds: float, *, allow_writes: bool) -> dict[str, str]:
    """Return session options; only read-only connections always use generic plans."""
    options = {
        "jit": "off",
        "timezone": "UTC",
        "statement_timeout": str(int(statement_seconds * 1000)),
    }
    if not allow_writes:
        options["plan_cache_mode"] = "force_generic_plan"
    return options


def _build_startup_options(url: str, options: dict[str, str]) -> dict[str, Any]:
    """Return the `options` parameter of a connection: those of `url` first, then ours."""
    url_options = str(conninfo_to_dict(url).get("options", ""))
    return {
        "options": " ".join(
            [url_options, *(f"-c {name}={value}" for name, value in options.items())]
        )
    }


def _build_preamble(options: dict[str, str]) -> bytes:
    """Return a statement that sets `options` until the end of the transaction."""
    assignments = (f"set_config('{name}', '{value}', true)" for name, value in options.items())
    return f"select {', '.join(assignments)}".encode()
