"""A gateway on a port of its own, and who speaks to it message by message."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.config.settings import settings
from gateway.server.app import application
from gateway.server.factory import installation_of
from gateway.transports.services import Desk
from tests.support.gateway_server import tokens_at
from tests.support.listening_server import listening
from tests.support.marketplaces import EXECUTION

CHANGES = (
    "subscription { resourceChanged { ... on ResourceEvent { uuid cursor resource { name } } } }"
)
WHO = "{ viewer { user { username } } }"
SPOKEN = ("graphql-transport-ws",)
Message = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """A gateway, with the tokens of all users."""

    port: int
    database: str
    tokens: dict[str, str]
    behind: Desk | None = None
    """What it is served with, if it is served in this process."""

    @property
    def desk(self) -> Desk:
        """Look behind the scenes."""
        assert self.behind is not None
        return self.behind

    @property
    def url(self) -> str:
        """Where queries are answered."""
        return f"http://127.0.0.1:{self.port}/graphql"

    def header(self, as_: str = "staff") -> dict[str, str]:
        """Give the header, or the payload, that a user is known by."""
        return {"Authorization": f"Token {self.tokens[as_]}"}

    def sql(self, statement: str, *given: Any) -> list[Any]:
        """Run a statement, and give the rows that it gives."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            done = connection.execute(statement.encode(), given or None)
            return done.fetchall() if done.description else []

    def rename(self, name: str, id_: int = 1) -> str:
        """Give a resource another name; give its uuid."""
        named = "update marketplace_resource set name = %s where id = %s returning uuid"
        ((uuid,),) = self.sql(named, name, id_)
        return str(uuid.hex)

    def subscribed(self) -> int:
        """Count the subscriptions."""
        return self.desk.subscriptions.admission.count


@asynccontextmanager
async def served(url: str, how: Message | None = None, **given: str) -> AsyncIterator[Served]:
    """Serve the demo at `url` with some settings, and `how` else than usual."""
    variables = {f"GATEWAY_{name.upper()}": value for name, value in given.items()}
    effective = settings({"GATEWAY_DATABASE_URL": url, "GATEWAY_EXECUTION": EXECUTION, **variables})
    app = application(effective, installation_of(effective))
    async with listening(app, effective, **(how or {})) as port:
        yield Served(port, url, tokens_at(url), app._service._desk)


class Talk:
    """One WebSocket: what is said on it and heard."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, type_: str, **more: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": type_, **more}))

    async def hear(self) -> Message:
        """Give the next message."""
        async with asyncio.timeout(10):
            said: Message = json.loads(await self.connection.recv())
        return said

    async def closed(self) -> tuple[int, str]:
        """Give the code and the reason with which the server closes, whatever comes before."""
        with pytest.raises(ConnectionClosed) as closed:
            await self._all()
        close = closed.value.rcvd
        assert close is not None
        return close.code, close.reason

    async def _all(self) -> None:
        while True:
            await self.hear()

    async def begin(self, **payload: Any) -> None:
        """Say who it is, and be let in."""
        await self.say("connection_init", payload=payload)
        assert await self.hear() == {"type": "connection_ack"}

    async def ask(self, query: str, id_: str = "1", **more: Any) -> None:
        """Ask for an operation."""
        await self.say("subscribe", id=id_, payload={"query": query, **more})

    async def answer(self, query: str, id_: str = "1", **more: Any) -> Message:
        """Ask a query, and give the answer, after which its id is free."""
        await self.ask(query, id_, **more)
        answer = await self.hear()
        assert (answer["type"], answer["id"]) == ("next", id_), answer
        assert await self.hear() == {"type": "complete", "id": id_}
        payload: Message = answer["payload"]
        return payload

    async def refusal(self, query: str, id_: str = "1", **more: Any) -> str:
        """Ask for what is refused, and give the code of the error."""
        await self.ask(query, id_, **more)
        answer = await self.hear()
        assert (answer["type"], answer["id"]) == ("error", id_), answer
        (error, *_) = answer["payload"]
        return str(error["extensions"]["code"])

    async def told(self) -> Message:
        """Give what the next event says."""
        message = await self.hear()
        assert message["type"] == "next", message
        event: Message = message["payload"]["data"]["resourceChanged"]
        return event


@asynccontextmanager
async def raw(gateway: Served, spoken: tuple[str, ...] = SPOKEN, **how: Any) -> AsyncIterator[Talk]:
    """Open a WebSocket, on which nothing was said yet."""
    protocols = [Subprotocol(each) for each in spoken] or None
    address = gateway.url.replace("http", "ws")
    usual: Message = {"ping_interval": None, "compression": None, "proxy": None}
    async with connect(address, subprotocols=protocols, **{**usual, **how}) as connection:
        yield Talk(connection)


@asynccontextmanager
async def talk(gateway: Served, as_: str = "staff") -> AsyncIterator[Talk]:
    """Open a WebSocket for a user who has been let in."""
    async with raw(gateway) as talking:
        await talking.begin(**gateway.header(as_))
        yield talking


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it is asked, and tells nobody
            await asyncio.sleep(0.02)


async def attached(gateway: Served, count: int = 1) -> None:
    """Wait until so many subscribers are told of events."""
    groups = gateway.desk.subscriptions.hub.groups
    await until(lambda: sum(len(each.members) for each in groups.values()) == count)
