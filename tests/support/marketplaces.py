"""A marketplace as tests use it: real rows, the gateway over them, and what it asked of them."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg

from gateway.api import schema
from gateway.auth.authenticator import UnauthenticatedError
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerReader
from gateway.db.driver.database import Awaited, Database
from gateway.db.installation.installation import Installation, found
from gateway.db.queries.tokens import tokens
from gateway.db.sql.compiler import Statements
from gateway.execution.executor import Answering
from gateway.execution.graphql_request import Asking
from gateway.schema.framework.context import Context

LOCAL = "127.0.0.1"
MEDIA = "https://media.example.org/"
EXECUTION = os.environ.get("GATEWAY_EXECUTION", "compiled")
"""How the suite has queries executed: it passes both ways."""


class Recorded(Database):
    """A database that keeps what it was asked."""

    asked: list[str]

    def send(self, queue: Sequence[Awaited]) -> None:
        """Run what is asked for, and keep its SQL."""
        self.asked.extend(statement.sql for (statement, _), _ in queue)
        super().send(queue)


class Marketplace:
    """The gateway over one database."""

    def __init__(self, url: str, database: Recorded, execution: str = EXECUTION) -> None:
        self.url, self.database = url, database
        with psycopg.connect(url) as connection:
            self.installation: Installation = found(connection)
            self.tokens = tokens(connection)
        self.statements = Statements(self.installation)
        self.reader = ViewerReader(self.installation, database)
        self.answering = Answering(schema, execution=execution)

    async def viewer(self, username: str | None, address: str | None = LOCAL) -> Viewer:
        """Give the viewer of that name; without one the anonymous."""
        if username is None:
            return await self.reader.viewer(None, address)
        holder = await self.reader.holder(self.tokens[username])
        if holder is None or not holder.is_active:
            raise UnauthenticatedError(username)
        return await self.reader.viewer(holder, address)

    async def ask(
        self, query: str, as_: str | None = "staff", address: str | None = LOCAL, **variables: Any
    ) -> Any:
        """Give the whole answer to `query`; the statements it takes are kept."""
        viewer = await self.viewer(as_, address)
        self.database.asked = []
        context = Context(self.database, self.statements, viewer, MEDIA)
        answer = await self.answering.answer(Asking(query, variables), context)
        return msgspec.json.decode(answer.encoded())

    async def data(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Give the data of an answer that has no errors."""
        answer = await self.ask(query, as_, **variables)
        assert "errors" not in answer, answer["errors"][:3]
        return answer["data"]

    async def refused(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Give the first error of an answer that has one."""
        return (await self.ask(query, as_, **variables))["errors"][0]


@asynccontextmanager
async def opened(url: str, execution: str = EXECUTION) -> AsyncIterator[Marketplace]:
    """Open the marketplace at `url`."""
    database = await Recorded.at(url)
    assert isinstance(database, Recorded)
    database.asked = []
    try:
        yield Marketplace(url, database, execution)
    finally:
        await database.close()
