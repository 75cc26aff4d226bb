"""Test that /readyz tells what requests can expect, and that changed tables are noticed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
import pytest_asyncio

from gateway.db.driver.batch import Batch
from gateway.db.driver.connection_pool import ConnectionPool
from gateway.server import installation_monitor
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process
from tests.support.schema_scenes import (
    SCENE_QUERY,
    SCHEMA_SCENES,
    ReaderRole,
    SchemaScene,
    create_reader_role,
)
from tests.support.time_limits import scale_seconds, wait_until_async

MAX_STATEMENTS_OF_A_CHECK = 8
DATABASE_PROBLEM = "The database is not available.\n"
ORDERS_QUERY = "{ orders { totalCount } }"


@pytest.fixture(scope="module")
def reader_role(new_database: DatabaseFactory) -> Iterator[ReaderRole]:
    """Yield a role that reads a small demo."""
    with create_reader_role(create_small_demo(new_database())) as role:
        yield role


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check as soon as something fails, and for each request to /readyz."""
    monkeypatch.setattr(installation_monitor, "MAX_AGE_SECONDS", 0.0)


@pytest_asyncio.fixture(params=["compiled", "reference"], loop_scope="session")
async def client(
    reader_role: ReaderRole, request: pytest.FixtureRequest
) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway with that role, in either execution, without cached viewers."""
    async with serve_reader(reader_role, execution=request.param) as client:
        yield client


def serve_reader(
    reader_role: ReaderRole, **settings: str
) -> AbstractAsyncContextManager[GatewayClient]:
    """Return a context with a client of a gateway that connects by that role."""
    overrides = {"viewer_seconds": "0", "events": "off", "inspection_seconds": "1", **settings}
    return serve_in_process(reader_role.url, **overrides)


async def is_answered_like(client: GatewayClient, username: str, expected_result: object) -> bool:
    """Return whether the query has that result, by a viewer that is loaded again."""
    return bool(await client.execute_query(SCENE_QUERY, username) == expected_result)


async def is_answered(client: GatewayClient, username: str) -> bool:
    """Return whether the query has no errors."""
    return "errors" not in await client.execute_query(SCENE_QUERY, username)


def find_first_error(response: httpx.Response) -> tuple[str | None, object]:
    """Return code and path of the first error."""
    (error, *_) = response.json().get("errors", [{"extensions": {"code": None}}])
    return error["extensions"]["code"], error.get("path") and tuple(error["path"])


@pytest.mark.parametrize("scene", SCHEMA_SCENES, ids=lambda scene: scene.name)
async def test_changed_tables_are_noticed_and_served_again(
    client: GatewayClient, reader_role: ReaderRole, scene: SchemaScene
) -> None:
    result = await client.execute_query(SCENE_QUERY, scene.username)
    assert "errors" not in result
    for _ in range(2):  # the statements are prepared
        assert await is_answered_like(client, scene.username, result)
    with reader_role.run_scene(scene):
        response = await client.post_query(SCENE_QUERY, scene.username)
        readiness = await client.http.get("/readyz")
        assert scene.readiness in readiness.text
        if scene.readiness == "ready":
            assert find_first_error(response)[0] in (None, "UNAVAILABLE")
            await wait_until_async(lambda: is_answered(client, scene.username))
        else:
            assert (readiness.status_code, response.status_code) == (503, scene.status)
            assert find_first_error(response) == ("UNAVAILABLE", scene.error_path)
    await wait_until_async(lambda: is_answered_like(client, scene.username, result))
    readiness = await client.http.get("/readyz")
    assert (readiness.status_code, readiness.text) == (200, "ready\n")


async def test_other_fields_are_served_alike_in_both_executions(reader_role: ReaderRole) -> None:
    (scene,) = [each for each in SCHEMA_SCENES if each.name == "renamed plans"]
    results = []
    for execution in ("compiled", "reference"):
        async with serve_reader(reader_role, execution=execution) as client:
            expected_data = (await client.execute_query(SCENE_QUERY))["data"]
            with reader_role.run_scene(scene):
                result = await client.execute_query(SCENE_QUERY)
        for error in result["errors"]:
            assert len(error["extensions"].pop("id")) == 32
        assert [(node["name"], node["plan"]) for node in result["data"]["resources"]["nodes"]] == [
            (node["name"], None) for node in expected_data["resources"]["nodes"]
        ]
        results.append(result)
    assert results[0] == results[1]


async def test_many_probes_share_a_check(
    reader_role: ReaderRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation_monitor, "MAX_AGE_SECONDS", 300.0)
    sent_statements: list[str] = []

    class RecordingPool(ConnectionPool):
        """Connection pool that records the SQL of its batches."""

        def submit_batch(self, batch: Batch) -> None:
            sent_statements.extend(statement.sql for statement, _, _ in batch.requests)
            super().submit_batch(batch)

    monkeypatch.setattr("gateway.db.driver.database.ConnectionPool", RecordingPool)
    async with serve_reader(reader_role, inspection_seconds="86400") as client:
        for _ in range(3):
            responses = await asyncio.gather(*[client.http.get("/readyz") for _ in range(50)])
            assert {each.status_code for each in responses} == {200}
    assert len(sent_statements) <= MAX_STATEMENTS_OF_A_CHECK


async def test_a_check_has_a_time_limit(
    reader_role: ReaderRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation_monitor, "MAX_CHECK_SECONDS", scale_seconds(0.2))
    async with serve_reader(reader_role) as client:
        with reader_role.lock_table("marketplace_resource"):
            readiness = await client.http.get("/readyz")
            assert (readiness.status_code, readiness.text) == (503, DATABASE_PROBLEM)
        await wait_until_async(lambda: is_ready(client))


async def is_ready(client: GatewayClient) -> bool:
    """Return whether the gateway says that it is ready."""
    return (await client.http.get("/readyz")).status_code == 200


async def test_other_rules_apply_to_cached_viewers_at_once(reader_role: ReaderRole) -> None:
    """A column tells the version; in 2024 each role shows orders, in 2026 a permission does."""
    rename_sql = "alter table marketplace_resource rename {} to {}"
    async with serve_reader(reader_role, viewer_seconds="300") as client:
        result = await client.execute_query(ORDERS_QUERY, "member")
        reader_role.run_sql(rename_sql.format("last_sync", "sync_elsewhere"))
        try:
            assert await is_ready(client)
            earlier_result = await client.execute_query(ORDERS_QUERY, "member")
        finally:
            reader_role.run_sql(rename_sql.format("sync_elsewhere", "last_sync"))
        assert await is_ready(client)
        assert await client.execute_query(ORDERS_QUERY, "member") == result != earlier_result
    async with serve_reader(reader_role, rules="2024") as client:
        assert await client.execute_query(ORDERS_QUERY, "member") == earlier_result
