"""Chaos of tables, columns and privileges: readers get right answers or UNAVAILABLE, no restart."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.support.gateway_server import GatewayProcess
from tests.support.schema_scenes import (
    SCENE_QUERY,
    SCHEMA_SCENES,
    ReaderRole,
    SchemaScene,
    create_reader_role,
)
from tests.support.time_limits import scale_seconds, wait_until_async
from tests.system.chaos.chaos_environment import SUBSCRIBERS_PER_SCENARIO, ChaosEnvironment
from tests.system.chaos.scenarios import print_figure

SCENE_SECONDS = 1.0
"""Seconds for which something is missing."""
QUERY_PAUSE_SECONDS = 0.05
MAX_READERS = 20
USERNAMES = ("staff", "member", "provider", "owner")


class QueryReader:
    """A client that repeats a query and notes how it is answered."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client, self._headers = client, {"Authorization": f"Token {token}"}
        self.expected_result: object = None
        self.outcomes: Counter[str] = Counter()

    async def send_query(self) -> object:
        """Return the result of the query."""
        payload = {"query": SCENE_QUERY}
        response = await self._client.post("/graphql", json=payload, headers=self._headers)
        return response.json()

    async def is_answered_as_before(self) -> bool:
        """Return whether the query has the expected result."""
        return await self.send_query() == self.expected_result

    async def run_queries(self) -> None:
        """Repeat the query until cancelled."""
        while True:
            result = await self.send_query()
            assert isinstance(result, dict)
            codes = {error["extensions"]["code"] for error in result.get("errors", ())}
            outcome = "as before" if result == self.expected_result else "other"
            self.outcomes[",".join(sorted(codes)) or outcome] += 1
            await asyncio.sleep(QUERY_PAUSE_SECONDS)


@asynccontextmanager
async def run_readers(url: str, tokens: dict[str, str]) -> AsyncIterator[list[QueryReader]]:
    """Run many readers of all users until the context is left."""
    timeout = httpx.Timeout(scale_seconds(12))
    async with httpx.AsyncClient(base_url=url, timeout=timeout) as client:
        readers = [
            QueryReader(client, tokens[USERNAMES[number % len(USERNAMES)]])
            for number in range(min(SUBSCRIBERS_PER_SCENARIO, MAX_READERS))
        ]
        for reader in readers:
            reader.expected_result = await reader.send_query()
        async with asyncio.TaskGroup() as tasks:
            reading_tasks = [tasks.create_task(each.run_queries()) for each in readers]
            yield readers
            for task in reading_tasks:
                task.cancel()


@pytest.fixture(scope="module")
def reader_role(environment: ChaosEnvironment) -> Iterator[ReaderRole]:
    """Yield a role that may read the environment's marketplace."""
    with create_reader_role(environment.url) as role:
        yield role


@pytest.fixture(scope="module", params=["compiled", "reference"])
def reading_gateway(
    environment: ChaosEnvironment, reader_role: ReaderRole, request: pytest.FixtureRequest
) -> Iterator[GatewayProcess]:
    """Yield a gateway process of either execution that connects by that role."""
    with environment.serve_gateway_process(
        database_url=reader_role.url,
        execution=request.param,
        events="off",
        viewer_seconds="1",
        inspection_seconds="2",
    ) as process:
        yield process


@pytest.mark.parametrize("scene", SCHEMA_SCENES, ids=lambda scene: scene.name)
async def test_tables_change_under_readers(
    environment: ChaosEnvironment,
    reader_role: ReaderRole,
    reading_gateway: GatewayProcess,
    scene: SchemaScene,
) -> None:
    async with run_readers(reading_gateway.url, environment.tokens) as readers:
        await asyncio.sleep(0.3)
        with reader_role.run_scene(scene):
            await asyncio.sleep(SCENE_SECONDS)
            readiness = await fetch_readiness(reading_gateway)
        mended_at = time.monotonic()
        await wait_until_async(readers[0].is_answered_as_before)
        recovery_seconds = time.monotonic() - mended_at
        await asyncio.gather(*[wait_until_async(each.is_answered_as_before) for each in readers])
    assert scene.readiness in readiness.text
    assert (readiness.status_code == httpx.codes.OK) == (scene.readiness == "ready")
    outcomes = sum((reader.outcomes for reader in readers), Counter[str]())
    assert set(outcomes) <= {"as before", "UNAVAILABLE", *scene.other_outcomes}, outcomes
    print_figure(f"{scene.name}: {dict(outcomes)}, as before after {recovery_seconds:.1f} s")
    await wait_until_async(lambda: is_ready(reading_gateway))  # the last check counts for a second


async def is_ready(process: GatewayProcess) -> bool:
    """Return whether the gateway says that it is ready."""
    return (await fetch_readiness(process)).status_code == httpx.codes.OK


async def fetch_readiness(process: GatewayProcess) -> httpx.Response:
    """Return the response of /readyz."""
    async with httpx.AsyncClient(timeout=scale_seconds(12)) as client:
        return await client.get(f"{process.url}/readyz")
