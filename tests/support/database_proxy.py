"""A line to a database that can be cut, that can hang, and that can be mended."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

from psycopg.conninfo import conninfo_to_dict


class Line:
    """Carries connections from a port of this machine to the socket of a PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.leads_to(url)
        self._name = unquote(urlsplit(url).path)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    def leads_to(self, url: str) -> None:
        """Lead to the PostgreSQL at `url` from now on."""
        given = conninfo_to_dict(url)
        self._socket = f"{given['host']}/.s.PGSQL.{given['port']}"

    @property
    def url(self) -> str:
        """The address of the database by this line."""
        return f"postgresql://postgres@127.0.0.1:{self._port}{self._name}?sslmode=disable"

    async def mend(self) -> None:
        """Carry connections, also those that hang."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._taken, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections, and take no new ones."""
        self._flowing.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        for each in self._open:
            each.transport.abort()
        await asyncio.gather(*self._carrying)

    def hang(self) -> None:
        """Take connections and what they say, and give nothing back."""
        self._flowing.clear()

    def _taken(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError):
            back, out = await asyncio.open_unix_connection(self._socket)
            self._open.add(out)
            await asyncio.gather(self._pump(reader, out), self._pump(back, writer))
            self._open.discard(out)
        self._open.discard(writer)
        writer.close()

    async def _pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    """Give a line to the database at `url`."""
    line = Line(url)
    await line.mend()
    try:
        yield line
    finally:
        await line.mend()
        await line.cut()
