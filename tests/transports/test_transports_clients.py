"""Client libraries reconnect after a restart of the server, and miss no event."""

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
from tests.support.time_limits import time_limit
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    JSONObject,
    ServedGateway,
    serve_gateway,
    wait_for_subscribers,
)
from tests.transports.test_transports_sessions import TOKEN_ENDING_STATEMENTS, end_token

CLIENTS_FOLDER = Path(__file__).parent / "clients"
CLIENT_PROGRAMS = ["ws", "sse", "apollo"]
RESUMABLE_SUBSCRIPTION = RESOURCE_CHANGED_SUBSCRIPTION.replace(
    "{ resourceChanged", "($after: String) { resourceChanged(after: $after)", 1
)


class NodeClient:
    """Client library in a process, mostly Node, which prints a JSON object for each message."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def read_value(self, key: str) -> Any:
        """Skip objects without `key`; return its next value. Fails on an object with `failed`."""
        return (await self.read_message(key))[key]

    async def read_message(self, key: str) -> JSONObject:
        """Skip objects without `key`; return the next one with it."""
        message = await self.read_any_message()
        while key not in message:
            message = await self.read_any_message()
        return message

    async def read_any_message(self) -> JSONObject:
        """Return the next object. Fails if it has `failed`."""
        assert self._process.stdout is not None
        async with time_limit(20, "the next message of the client"):
            line = await self._process.stdout.readline()
        message: JSONObject = json.loads(line)
        assert "failed" not in message, message
        return message

    async def read_event(self) -> JSONObject:
        """Return the next event."""
        event: JSONObject = (await self.read_value("data"))["resourceChanged"]
        return event


@asynccontextmanager
async def run_client(
    program: str, gateway: ServedGateway, username: str = "staff", *program_arguments: str
) -> AsyncIterator[NodeClient]:
    """Run a client program, most of which subscribe to resourceChanged."""
    node_path = await asyncio.to_thread(node.install_node, CLIENTS_FOLDER)
    arguments = (f"{program}.mjs", gateway.url, gateway.tokens[username], *program_arguments)
    async with run_program(str(node_path), *arguments, folder=CLIENTS_FOLDER) as client:
        yield client


@asynccontextmanager
async def run_program(*command: str, folder: Path) -> AsyncIterator[NodeClient]:
    """Run a command in a folder, which prints a JSON object for each message."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield NodeClient(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.node
@pytest.mark.parametrize("program", CLIENT_PROGRAMS)
async def test_client_reconnects(url: str, program: str) -> None:
    async with AsyncExitStack() as exit_stack:
        first_server_stack = AsyncExitStack()
        gateway = await first_server_stack.enter_async_context(serve_gateway(url))
        client = await exit_stack.enter_async_context(run_client(program, gateway))
        await wait_for_subscribers(gateway)
        uuid = gateway.rename_resource(f"for {program}")
        event = await client.read_event()
        assert (event["uuid"], event["resource"]["name"]) == (uuid, f"for {program}")
        await first_server_stack.aclose()
        await asyncio.sleep(0.5)  # the client's attempts to reconnect fail meanwhile
        missed_uuids = [gateway.rename_resource(f"{program} missed", number) for number in (2, 3)]
        restarted_gateway = await exit_stack.enter_async_context(
            serve_gateway(url, {"port": gateway.port})
        )
        assert [(await client.read_event())["uuid"] for _ in missed_uuids] == missed_uuids
        await wait_for_subscribers(restarted_gateway)
        uuid = restarted_gateway.rename_resource(f"for {program} again")
        assert (await client.read_event())["uuid"] == uuid


@pytest.mark.node
@pytest.mark.parametrize("program", CLIENT_PROGRAMS)
async def test_client_is_notified_of_token_end(
    fast_monitor_gateway: ServedGateway, program: str
) -> None:
    (statement, expected_message), *_ = TOKEN_ENDING_STATEMENTS.items()
    async with run_client(program, fast_monitor_gateway, "member") as client:
        await wait_for_subscribers(fast_monitor_gateway)
        with end_token(fast_monitor_gateway, statement, "member"):
            if program == "ws":
                assert await client.read_value("closed") == 4403
                return
            (error,) = await client.read_value("errors")
            assert (error["message"], error["extensions"]["code"]) == (
                expected_message,
                "UNAUTHENTICATED",
            )
            assert await client.read_value("complete")


def create_python_client(gateway: ServedGateway) -> Client:
    """Create a client of the Python library gql."""
    address, payload = gateway.url.replace("http", "ws"), gateway.create_auth_header()
    return Client(transport=WebsocketsTransport(address, init_payload=payload))


async def test_python_client_reconnects(url: str) -> None:
    async with AsyncExitStack() as exit_stack:
        gateway = await exit_stack.enter_async_context(serve_gateway(url))
        async with create_python_client(gateway) as session:
            events = session.subscribe(GraphQLRequest(RESUMABLE_SUBSCRIPTION))
            pending_event = asyncio.ensure_future(anext(events))
            await wait_for_subscribers(gateway)
            assert (await session.execute(GraphQLRequest(VIEWER_QUERY)))["viewer"]
            uuid = gateway.rename_resource("for gql")
            event = (await pending_event)["resourceChanged"]
            assert event["uuid"] == uuid
            pending_event = asyncio.ensure_future(anext(events))
            await exit_stack.aclose()
            with pytest.raises(TransportError):
                await pending_event
        missed_uuids = [gateway.rename_resource("gql missed", number) for number in (2, 3)]
        restarted_gateway = await exit_stack.enter_async_context(
            serve_gateway(url, {"port": gateway.port})
        )
        request = GraphQLRequest(RESUMABLE_SUBSCRIPTION, variable_values={"after": event["cursor"]})
        async with create_python_client(restarted_gateway) as session:
            events = session.subscribe(request)
            assert [
                (await anext(events))["resourceChanged"]["uuid"] for _ in missed_uuids
            ] == missed_uuids
            await events.aclose()
