"""The database is restarted, or ends its connections, while mutations are under way.

Each is answered soon, each wish is carried out but once, and the gateway goes on by itself.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.demo.postgres import Postgres
from tests.support.bulk_renewals import Wishes, renew, until
from tests.support.database_proxy import Line, line_to
from tests.support.embedded_postgres import open_folder
from tests.support.gateway_server import Client, service

COUNT = 60
LONGEST = 10
"""Seconds for the slowest answer: waiting for a connection to write on may take five."""
PULL = """mutation ($input: PullResourceInput!) { pullResource(input: $input) { __typename } }"""


class Scene:
    """A demo on a server of its own, a gateway that reaches it by a line, and many wishes."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.server = Postgres.at(data)
        self.wishes = Wishes(self.server.url, COUNT)
        self.line: Line
        self.client: Client
        self.came: Counter[str] = Counter()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve the demo."""
        async with (
            line_to(self.server.url) as self.line,
            service(self.server.url, self.line.url) as self.client,
        ):
            yield

    def restart(self, how: signal.Signals) -> None:
        """Stop the server by a signal, and start it again."""
        os.kill(self.server.pid, how)
        self.server.stop()
        self.server = Postgres.at(self._data)
        self.line.leads_to(self.server.url)

    def end_connections(self) -> int:
        """End all connections of the gateway; tell how many there were."""
        with psycopg.connect(self.server.url, autocommit=True) as root:
            ending = root.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'marketplace-gateway'"
            )
            return len(ending.fetchall())

    async def insist(self, uuid: str) -> str:
        """Renew a resource until that is accepted; give the order."""
        while True:
            async with asyncio.timeout(LONGEST):
                said = (await renew(self.client.http, self.wishes.token, uuid)).json()
            if said.get("data") is not None:
                return self._accepted(said["data"]["renewResource"])
            self.came.update(each["extensions"]["code"] for each in said["errors"])
            await asyncio.sleep(0.1)

    def _accepted(self, made: Any) -> str:
        self.came[made["__typename"]] += 1
        assert made["__typename"] == "ResourceRenewed", made
        return str(made["order"]["uuid"])

    async def placed(self, some: int) -> None:
        """Wait until some orders are placed."""
        with psycopg.connect(self.server.url, autocommit=True) as root:
            await until(lambda: self.wishes.placed(root) >= some)

    async def disturbed(self, disturb: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Renew everything, twice, and disturb that at first; see that each is done once."""
        disturbing = asyncio.create_task(disturb())
        first = await self.wishes.each(self.insist)
        await disturbing
        assert {*self.came} == {"ResourceRenewed", "UNAVAILABLE"}, self.came
        assert await self.wishes.each(self.insist) == first
        with psycopg.connect(self.server.url) as root:
            assert (self.wishes.placed(root), self.wishes.half(root)) == (COUNT, 0)

    async def goes_on(self) -> None:
        """See that the gateway reads and writes, with no error any more."""
        assert (await self.client.http.get("/readyz")).status_code == 200
        document = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
        nodes = (await self.client.ask(document))["data"]["resources"]["nodes"]
        uuid = next(each["uuid"] for each in nodes if "PULL_RESOURCE" in each["allowedOperations"])
        pulled = await self.client.ask(PULL, input={"uuid": uuid})
        assert pulled["data"]["pullResource"] == {"__typename": "ResourcePulled"}


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Give a demo whose server may be stopped."""
    with open_folder() as folder:
        made = Scene(folder / "data")
        yield made
        made.server.stop()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_changes_survive_that_the_database_is_restarted(
    scene: Scene, how: signal.Signals
) -> None:
    async def disturb() -> None:
        await scene.placed(COUNT // 4)
        await asyncio.to_thread(scene.restart, how)

    async with scene.served():
        await scene.disturbed(disturb)
        await scene.goes_on()


async def test_changes_survive_that_all_connections_are_ended(scene: Scene) -> None:
    async def disturb() -> None:
        for turn in range(1, 6):
            await scene.placed(turn * COUNT // 8)
            assert await asyncio.to_thread(scene.end_connections) > 0

    async with scene.served():
        await scene.disturbed(disturb)
        await scene.goes_on()
