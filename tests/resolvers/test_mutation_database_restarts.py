"""The database restarts, or terminates its connections, during mutations.

Every mutation is answered within a time limit, every renewal is placed exactly once, and the
gateway recovers by itself.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.demo.postgres import EmbeddedPostgres
from tests.support.bulk_orders import RenewalWorkload
from tests.support.database_proxy import DatabaseProxy, open_proxy
from tests.support.embedded_postgres import create_public_folder
from tests.support.gateway_server import GatewayClient, serve_in_process
from tests.support.time_limits import time_limit, wait_until

RENEWAL_COUNT = 60
MAX_ANSWER_SECONDS = 10
"""Time limit of the slowest response, of which waiting for a connection may take five seconds."""
BLOCKED_SESSIONS_SQL = """
select pid from pg_stat_activity
where application_name = 'marketplace-gateway' and wait_event_type = 'Lock'
"""
PULL_MUTATION = (
    """mutation ($input: PullResourceInput!) { pullResource(input: $input) { __typename } }"""
)


class RestartScene:
    """A demo on its own database server, a gateway behind a proxy, and a workload of renewals."""

    def __init__(self, data_directory: Path) -> None:
        self._data_directory = data_directory
        self.server = EmbeddedPostgres.start(data_directory)
        self.renewals = RenewalWorkload(self.server.url, RENEWAL_COUNT)
        self.proxy: DatabaseProxy
        self.client: GatewayClient
        self.outcomes: Counter[str] = Counter()

    @asynccontextmanager
    async def serve_demo(self) -> AsyncIterator[None]:
        """Serve the demo through the proxy."""
        async with (
            open_proxy(self.server.url) as self.proxy,
            serve_in_process(self.server.url, self.proxy.url) as self.client,
        ):
            yield

    def restart_server(self, stop_signal: signal.Signals) -> None:
        """Stop the database server with a signal, and start it again."""
        os.kill(self.server.pid, stop_signal)
        self.server.stop()
        self.server = EmbeddedPostgres.start(self._data_directory)
        self.proxy.set_target(self.server.url)

    def end_connections(self) -> int:
        """Terminate all database connections of the gateway; return their number."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            ended_rows = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'marketplace-gateway'"
            )
            return len(ended_rows.fetchall())

    async def renew_until_accepted(self, uuid: str) -> str:
        """Retry the renewal of a resource until it is accepted; return the order's uuid."""
        while True:
            async with time_limit(MAX_ANSWER_SECONDS, "the response to a renewal"):
                response = (await self.renewals.post_order(self.client.http, uuid)).json()
            if response.get("data") is not None:
                return self._record_acceptance(response["data"]["renewResource"])
            self.outcomes.update(each["extensions"]["code"] for each in response["errors"])
            await asyncio.sleep(0.1)

    def _record_acceptance(self, payload: Any) -> str:
        self.outcomes[payload["__typename"]] += 1
        assert payload["__typename"] == "ResourceRenewed", payload
        return str(payload["order"]["uuid"])

    @contextmanager
    def lock_orders(self) -> Iterator[None]:
        """Lock the orders, so that renewals are under way until the context is left."""
        connection = psycopg.connect(self.server.url)
        try:
            connection.execute("lock table marketplace_order in exclusive mode")
            yield
        finally:
            connection.close()

    async def wait_for_blocked_renewals(self) -> None:
        """Wait until renewals wait for the lock."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            await wait_until(
                lambda: bool(connection.execute(BLOCKED_SESSIONS_SQL).fetchall()), seconds=20
            )

    async def wait_for_orders(self, minimum: int) -> None:
        """Wait until a minimum of orders is placed."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            await wait_until(lambda: self.renewals.count_placed_orders(connection) >= minimum, 20)

    async def renew_while_disturbed(self, disturb: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Renew all resources twice, the first time during a disturbance.

        Check that each renewal is placed exactly once.
        """
        disturbance = asyncio.create_task(disturb())
        await asyncio.sleep(0)  # it locks the orders first
        first_orders = await self.renewals.for_each_key(self.renew_until_accepted)
        await disturbance
        assert {*self.outcomes} == {"ResourceRenewed", "UNAVAILABLE"}, self.outcomes
        assert await self.renewals.for_each_key(self.renew_until_accepted) == first_orders
        with psycopg.connect(self.server.url) as connection:
            assert (
                self.renewals.count_placed_orders(connection),
                self.renewals.count_incomplete_orders(connection),
            ) == (RENEWAL_COUNT, 0)

    async def check_health(self) -> None:
        """Check that the gateway reads and writes without errors."""
        assert (await self.client.http.get("/readyz")).status_code == 200
        query = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
        nodes = (await self.client.execute_query(query))["data"]["resources"]["nodes"]
        uuid = next(each["uuid"] for each in nodes if "PULL_RESOURCE" in each["allowedOperations"])
        response = await self.client.execute_query(PULL_MUTATION, input={"uuid": uuid})
        assert response["data"]["pullResource"] == {"__typename": "ResourcePulled"}


@pytest.fixture
def restart_scene() -> Iterator[RestartScene]:
    """Yield a demo whose database server can be stopped."""
    with create_public_folder() as directory:
        scene = RestartScene(directory / "data")
        yield scene
        scene.server.stop()


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_mutations_survive_a_database_restart(
    restart_scene: RestartScene, stop_signal: signal.Signals
) -> None:
    async def restart_database() -> None:
        with restart_scene.lock_orders():
            await restart_scene.wait_for_blocked_renewals()
            await asyncio.to_thread(restart_scene.restart_server, stop_signal)

    async with restart_scene.serve_demo():
        await restart_scene.renew_while_disturbed(restart_database)
        await restart_scene.check_health()


async def test_mutations_survive_terminated_connections(restart_scene: RestartScene) -> None:
    async def end_all_connections() -> None:
        with restart_scene.lock_orders():
            await restart_scene.wait_for_blocked_renewals()
            assert await asyncio.to_thread(restart_scene.end_connections) > 0
        for turn in range(1, 6):
            await restart_scene.wait_for_orders(turn * RENEWAL_COUNT // 8)
            assert await asyncio.to_thread(restart_scene.end_connections) > 0

    async with restart_scene.serve_demo():
        await restart_scene.renew_while_disturbed(end_all_connections)
        await restart_scene.check_health()
