"""docs/subscriptions.md: each printed client resumes after restarts of the gateway."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from benchmarks import node
from gateway.db.events.feed import EventPosition
from gateway.schema.framework.event_cursors import decode_event_cursor
from tests.conftest import DatabaseFactory
from tests.docs.test_subscriptions_page import SUBSCRIPTIONS_PAGE
from tests.support.gateway_server import create_small_demo
from tests.transports.streaming_server import ServedGateway, serve_gateway
from tests.transports.test_transports_clients import CLIENTS_FOLDER, NodeClient, run_program

JAVASCRIPT_CLIENTS = ["graphql-ws", "graphql-sse", "Apollo Client", "urql"]
PRINTED_ADDRESS = "127.0.0.1:8000"
WRITE_INTERVAL_SECONDS = 0.01
SELECT_POSITIONS = (
    "select xid::text::bigint, id from gateway.marketplace_event"
    " where (xid, id) > (%s::text::xid8, %s) order by xid, id"
)
JAVASCRIPT_PRELUDE = """
const [token, changesQuery, listQuery] = process.argv.slice(2);
const printMessage = (message) => process.stdout.write(`${JSON.stringify(message)}\\n`);
const showResources = (resources) => printMessage({ resources });
const applyChange = (change) => printMessage({ change });
console.error = console.log = (message) => printMessage({ ended: message });
"""
PYTHON_PRELUDE = """
import json
import sys
token, changes_query, list_query = sys.argv[1:]
def show_resources(resources):
    print(json.dumps({"resources": resources}), flush=True)
def apply_change(change):
    print(json.dumps({"change": change}), flush=True)
def report_end(error_class, error, traceback):
    print(json.dumps({"ended": str(error)}), flush=True)
sys.excepthook = report_end
"""


def extract_blocks(language: str) -> list[str]:
    """Return the page's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", SUBSCRIPTIONS_PAGE, re.DOTALL)


def extract_document(beginning: str) -> str:
    """Return the page's only document with that beginning."""
    (document,) = [each for each in extract_blocks("graphql") if each.startswith(beginning)]
    return document


def extract_client(library: str, language: str) -> str:
    """Return the code block of a client library."""
    pattern = rf"\*\*{re.escape(library)}\*\*[^\n]*\n\n```{language}\n(.*?)```"
    (code,) = re.findall(pattern, SUBSCRIPTIONS_PAGE, re.DOTALL)
    assert PRINTED_ADDRESS in code
    return str(code)


def test_each_printed_client_is_run() -> None:
    assert len(extract_blocks("js")) == len(JAVASCRIPT_CLIENTS) + 1
    assert len(extract_blocks("python")) == 1


class ResourceWriter:
    """Renames resources, one after the other, and knows the positions of the events of that."""

    def __init__(self, gateway: ServedGateway) -> None:
        self._gateway, self._numbers = gateway, count(1)
        self._start_position = self.read_positions((0, 0))[-1:] or [(0, 0)]

    def write_names(self, times: int) -> EventPosition:
        """Rename some resources; return the position of the last event."""
        for number in [next(self._numbers) for _ in range(times)]:
            self._gateway.rename_resource(f"change {number}", number % 20 + 1)
        return self.read_positions()[-1]

    @asynccontextmanager
    async def write_meanwhile(self) -> AsyncIterator[None]:
        """Rename resources while the body runs."""
        writing_task = asyncio.create_task(self._write_until_cancelled())
        try:
            yield
        finally:
            writing_task.cancel()
            with suppress(asyncio.CancelledError):
                await writing_task

    async def _write_until_cancelled(self) -> None:
        while True:
            self.write_names(1)
            await asyncio.sleep(WRITE_INTERVAL_SECONDS)

    def read_positions(self, after: EventPosition | None = None) -> list[EventPosition]:
        """Return the positions of all events of this writer, or after a position, in order."""
        rows = self._gateway.execute_sql(SELECT_POSITIONS, *(after or self._start_position[0]))
        return [(xid, event_id) for xid, event_id in rows]


@pytest.fixture
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo of its own."""
    return create_small_demo(new_database())


@pytest.mark.node
@pytest.mark.parametrize("library", JAVASCRIPT_CLIENTS)
async def test_javascript_client_resumes(url: str, tmp_path: Path, library: str) -> None:
    node_path = await asyncio.to_thread(node.install_node, CLIENTS_FOLDER)
    (tmp_path / "node_modules").symlink_to(CLIENTS_FOLDER / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "resume.js").write_text(extract_blocks("js")[0])
    code = JAVASCRIPT_PRELUDE + extract_client(library, "js")
    await check_restarts(url, str(node_path), tmp_path / "client.js", code)


async def test_python_client_resumes(url: str, tmp_path: Path) -> None:
    code = PYTHON_PRELUDE + extract_client("gql", "python")
    await check_restarts(url, sys.executable, tmp_path / "client.py", code)


async def check_restarts(url: str, interpreter: str, program_path: Path, code: str) -> None:
    """Restart the gateway before the client had an event, and twice while resources change.

    The client ends when its token is no longer valid.
    """
    async with AsyncExitStack() as client_stack:
        async with serve_gateway(url) as gateway:
            await gateway.services.subscription_registry.hub.source.wait_until_attached()
            writer = ResourceWriter(gateway)
            own_code = code.replace(PRINTED_ADDRESS, f"127.0.0.1:{gateway.port}")
            await asyncio.to_thread(program_path.write_text, own_code)
            documents = map(extract_document, ("subscription Changes", "query List"))
            arguments = str(program_path), gateway.tokens["staff"], *documents
            client = await client_stack.enter_async_context(
                run_program(interpreter, *arguments, folder=program_path.parent)
            )
            assert len(await client.read_value("resources")) == 20
        last_position = writer.write_names(5)
        async with serve_gateway(url, {"port": gateway.port}):
            positions = await read_until(client, last_position)
            async with writer.write_meanwhile():
                positions += await read_until(client, writer.write_names(1))
        async with writer.write_meanwhile():
            writer.write_names(5)
            async with serve_gateway(url, {"port": gateway.port}):
                positions += await read_until(client, writer.write_names(5))
        async with serve_gateway(url, {"port": gateway.port}):
            last_position = writer.write_names(5)
            positions += await read_until(client, last_position)
            assert positions == writer.read_positions()
        gateway.execute_sql("update authtoken_token set key = reverse(key)")
        async with serve_gateway(url, {"port": gateway.port}):
            assert await client.read_value("ended")


async def read_until(client: NodeClient, last_position: EventPosition) -> list[EventPosition]:
    """Return the positions of the client's messages, up to a position or a later one."""
    positions: list[EventPosition] = []
    while not positions or positions[-1] < last_position:
        change = await client.read_value("change")
        assert change["__typename"] == "ResourceEvent", change
        positions.append(decode_event_cursor(change["cursor"])[1])
    return positions
