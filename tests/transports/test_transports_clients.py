"""The clients that people have: they subscribe, are cut off, and come back without a gap."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport

from benchmarks import node
from tests.transports.streaming_server import CHANGES, WHO, Message, Served, attached, served
from tests.transports.test_transports_sessions import ENDS, ended

FOLDER = Path(__file__).parent / "clients"
PROGRAMS = ["ws", "sse", "apollo"]
SINCE = CHANGES.replace("{ resourceChanged", "($after: String) { resourceChanged(after: $after)", 1)


class Program:
    """A client that runs in Node, and says what it hears."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, word: str) -> Any:
        """Give what comes next under a word, whatever comes before but a failure."""
        assert self._process.stdout is not None
        said: Message = {}
        while word not in said:
            async with asyncio.timeout(20):
                line = await self._process.stdout.readline()
            said = json.loads(line)
            assert "failed" not in said, said
        return said[word]

    async def told(self) -> Message:
        """Give the next event."""
        event: Message = (await self.says("data"))["resourceChanged"]
        return event


@asynccontextmanager
async def running(program: str, gateway: Served, as_: str = "staff") -> AsyncIterator[Program]:
    """Run a program that subscribes."""
    found = await asyncio.to_thread(node.ready, FOLDER)
    given = (f"{program}.mjs", gateway.url, gateway.tokens[as_])
    process = await asyncio.create_subprocess_exec(
        found, *given, cwd=FOLDER, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.node
@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_client_comes_back(url: str, program: str) -> None:
    async with AsyncExitStack() as held:
        first = AsyncExitStack()
        gateway = await first.enter_async_context(served(url))
        client = await held.enter_async_context(running(program, gateway))
        await attached(gateway)
        uuid = gateway.rename(f"for {program}")
        told = await client.told()
        assert (told["uuid"], told["resource"]["name"]) == (uuid, f"for {program}")
        await first.aclose()
        await asyncio.sleep(0.5)  # it tries in vain meanwhile
        missed = [gateway.rename(f"{program} missed", number) for number in (2, 3)]
        again = await held.enter_async_context(served(url, {"port": gateway.port}))
        assert [(await client.told())["uuid"] for _ in missed] == missed
        await attached(again)
        uuid = again.rename(f"for {program} again")
        assert (await client.told())["uuid"] == uuid


@pytest.mark.node
@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_client_hears_that_its_token_ended(watchful: Served, program: str) -> None:
    (statement, why), *_ = ENDS.items()
    async with running(program, watchful, "member") as client:
        await attached(watchful)
        with ended(watchful, statement, "member"):
            if program == "ws":
                assert await client.says("closed") == 4403
                return
            (error,) = await client.says("errors")
            assert (error["message"], error["extensions"]["code"]) == (why, "UNAUTHENTICATED")
            assert await client.says("complete")


def speaking(gateway: Served) -> Client:
    """Give Python's client."""
    address, payload = gateway.url.replace("http", "ws"), gateway.header()
    return Client(transport=WebsocketsTransport(address, init_payload=payload))


async def test_pythons_client(url: str) -> None:
    async with AsyncExitStack() as held:
        gateway = await held.enter_async_context(served(url))
        async with speaking(gateway) as session:
            told = session.subscribe(GraphQLRequest(SINCE))
            coming = asyncio.ensure_future(anext(told))
            await attached(gateway)
            assert (await session.execute(GraphQLRequest(WHO)))["viewer"]
            uuid = gateway.rename("for gql")
            event = (await coming)["resourceChanged"]
            assert event["uuid"] == uuid
            coming = asyncio.ensure_future(anext(told))
            await held.aclose()
            with pytest.raises(TransportError):
                await coming
        missed = [gateway.rename("gql missed", number) for number in (2, 3)]
        again = await held.enter_async_context(served(url, {"port": gateway.port}))
        request = GraphQLRequest(SINCE, variable_values={"after": event["cursor"]})
        async with speaking(again) as session:
            told = session.subscribe(request)
            assert [(await anext(told))["resourceChanged"]["uuid"] for _ in missed] == missed
            await told.aclose()
