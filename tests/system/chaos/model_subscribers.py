"""Model subscribers: clients that keep a copy of all resources by events, and read it on resyncs.

Whatever happens to the source of events, the copy must equal the table in the end: a change
that is neither in an event nor before a resync is a silent gap.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import httpx
import psycopg
from psycopg import AsyncConnection
from websockets.asyncio.client import ClientConnection

from tests.support.time_limits import scale_seconds, wait_until
from tests.system.chaos.chaos_environment import SUBSCRIBERS_PER_SCENARIO, ChaosEnvironment
from tests.system.chaos.expected_events import ResyncNotice, SubscriptionRequirement
from tests.system.chaos.resilient_subscribers import WebSocketSubscriber, run_subscribers

NAMES_DOCUMENT = "{ resources(first: 300) { nodes { uuid name } } }"
SELECT_NAMES = "select uuid, name from marketplace_resource"
RENAME_RESOURCE = """
update marketplace_resource set name = %s, modified = clock_timestamp()
where id = (select id from marketplace_resource order by id offset %s limit 1)
"""
"""Rename as Waldur saves: polling sees it, too."""


class ModelSubscriber(WebSocketSubscriber):
    """Subscriber with the name of each resource, as a portal has it."""

    def __init__(self, url: str, token: str) -> None:
        selection = "resource { name }"
        super().__init__(url, token, SubscriptionRequirement("staff", extra_selection=selection))
        self.names: dict[str, str] = {}
        """Names by the resources' UUIDs."""

    def record_response(self, response: dict[str, Any]) -> None:
        """Record the message, and the name in it."""
        super().record_response(response)
        event = response["data"]["resourceChanged"]
        if event.get("resource"):
            self.names[event["uuid"]] = event["resource"]["name"]

    async def _handle_message(self, websocket: ClientConnection, message: dict[str, Any]) -> None:
        previous_cursor = self.cursor
        await super()._handle_message(websocket, message)
        if message["type"] == "next" and isinstance(self.received_notices[-1], ResyncNotice):
            try:
                await self._load_names()
            except BaseException:  # disconnected meanwhile: the resync is still to be done
                self.cursor = previous_cursor
                raise

    async def _load_names(self) -> None:
        while True:
            with suppress(httpx.HTTPError, KeyError, TypeError):
                async with httpx.AsyncClient(timeout=scale_seconds(10)) as http:
                    response = await http.post(
                        f"{self.url}/graphql",
                        json={"query": NAMES_DOCUMENT},
                        headers={"Authorization": self._token},
                    )
                nodes = response.json()["data"]["resources"]["nodes"]
                self.names = {each["uuid"]: each["name"] for each in nodes}
                return
            await asyncio.sleep(0.2)


class RenamingWriter:
    """Writer that renames resources, one in each transaction, through all failures."""

    def __init__(self, environment: ChaosEnvironment, seed: int) -> None:
        self._environment, self._random = environment, Random(seed)
        self.rename_count = 0

    async def rename_forever(self) -> None:
        """Rename resources until cancelled."""
        while True:
            with suppress(psycopg.Error, OSError):
                async with await AsyncConnection.connect(
                    self._environment.url, autocommit=True
                ) as connection:
                    while True:
                        await self.rename_one(connection)
                        await asyncio.sleep(0.03)
            await asyncio.sleep(0.05)

    async def rename_one(self, connection: AsyncConnection[Any]) -> None:
        """Rename a random resource."""
        name = f"renamed {self._random.random()}"
        await connection.execute(RENAME_RESOURCE, [name, self._random.randrange(50)])
        self.rename_count += 1


class ModelScenario:
    """Model subscribers of one gateway, and a writer."""

    def __init__(self, environment: ChaosEnvironment, url: str) -> None:
        self.environment = environment
        self.subscribers = [
            ModelSubscriber(url, environment.tokens["staff"])
            for _ in range(SUBSCRIBERS_PER_SCENARIO)
        ]
        for number, subscriber in enumerate(self.subscribers):
            if number % 4 == 0:
                subscriber.choose_stay_seconds = _create_stay_chooser(number)

    def count_resyncs(self, reason: str) -> int:
        """Return the number of subscribers that received a resync with this reason."""
        return sum(
            any(notice.reason == reason for notice in each.resync_notices)
            for each in self.subscribers
        )

    async def wait_until_resynced(self) -> None:
        """Wait until each subscriber was resynced: while it was connected, or by its cursor."""
        await wait_until(lambda: all(each.resync_notices for each in self.subscribers), 60)
        for subscriber in self.subscribers:
            assert {each.reason for each in subscriber.resync_notices} <= {
                "SOURCE_CHANGED",
                "CURSOR_UNKNOWN",
                "INTERRUPTED",
            }

    def forget_resyncs(self) -> None:
        """Forget the resyncs received so far."""
        for subscriber in self.subscribers:
            del subscriber.received_notices[1:]

    async def wait_until_equal(self) -> None:
        """Wait until the copy of each subscriber equals the table."""
        rows = await asyncio.to_thread(self.environment.execute_sql, SELECT_NAMES)
        names = {uuid.hex: name for uuid, name in rows}
        await wait_until(lambda: all(each.names == names for each in self.subscribers), 20)


def _create_stay_chooser(seed: int) -> Callable[[], float]:
    random = Random(seed)
    return lambda: random.uniform(0.3, 1.5)


@asynccontextmanager
async def run_models(environment: ChaosEnvironment, url: str) -> AsyncIterator[ModelScenario]:
    """Run model subscribers and a writer during the context; then compare the copies."""
    scenario, writer = ModelScenario(environment, url), RenamingWriter(environment, 1)
    async with run_subscribers(scenario.subscribers):
        writing = asyncio.create_task(writer.rename_forever())
        try:
            yield scenario
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        await scenario.wait_until_equal()
    assert writer.rename_count > 0
