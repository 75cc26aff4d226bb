"""TCP proxy in front of a PostgreSQL whose connections can be cut, frozen and restored."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

from psycopg.conninfo import conninfo_to_dict


class DatabaseProxy:
    """Proxy from a free local port to the Unix socket of a PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.set_target(url)
        self._database_path = unquote(urlsplit(url).path)
        self._traffic_allowed = asyncio.Event()
        self._traffic_allowed.set()
        self._writers: set[StreamWriter] = set()
        self._relay_tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self.connection_count = 0
        """Number of connections accepted so far, cancel requests included."""

    def set_target(self, url: str) -> None:
        """Relay new connections to the PostgreSQL at `url`."""
        conninfo = conninfo_to_dict(url)
        self._socket_path = f"{conninfo['host']}/.s.PGSQL.{conninfo['port']}"

    @property
    def url(self) -> str:
        """The URL of the database through the proxy."""
        return f"postgresql://postgres@127.0.0.1:{self._port}{self._database_path}?sslmode=disable"

    async def restore_traffic(self) -> None:
        """Relay traffic again, also of frozen connections, and accept new ones."""
        self._traffic_allowed.set()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._on_client_connected, "127.0.0.1", self._port
            )
            self._port = self._server.sockets[0].getsockname()[1]

    async def cut_connections(self) -> None:
        """Abort all connections, and accept no new ones."""
        self._traffic_allowed.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._relay_tasks)

    def freeze_traffic(self) -> None:
        """Accept connections and data, but relay nothing."""
        self._traffic_allowed.clear()

    def _on_client_connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connection_count += 1
        task = asyncio.create_task(self._relay_connection(reader, writer))
        self._relay_tasks.add(task)
        task.add_done_callback(self._relay_tasks.discard)

    async def _relay_connection(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            server_reader, server_writer = await asyncio.open_unix_connection(self._socket_path)
            self._writers.add(server_writer)
            await asyncio.gather(
                self._copy_stream(reader, server_writer), self._copy_stream(server_reader, writer)
            )
            self._writers.discard(server_writer)
        self._writers.discard(writer)
        writer.close()

    async def _copy_stream(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._traffic_allowed.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def open_proxy(url: str) -> AsyncIterator[DatabaseProxy]:
    """Yield a proxy in front of the database at `url`."""
    proxy = DatabaseProxy(url)
    await proxy.restore_traffic()
    try:
        yield proxy
    finally:
        await proxy.restore_traffic()
        await proxy.cut_connections()
