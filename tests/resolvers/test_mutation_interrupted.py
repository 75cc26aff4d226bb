"""Mutations that end by a disconnect or a deadline change nothing and free their connections."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import psycopg
import pytest

from gateway.config.settings import load_settings
from gateway.db.driver.transactions import MAX_CONNECTIONS
from gateway.demo.marketplace.fill import create_marketplace
from gateway.server.app import build_application
from gateway.server.factory import detect_installation
from tests.conftest import DatabaseFactory
from tests.support.database_proxy import open_proxy
from tests.support.database_queries import GATEWAY_BACKENDS_SQL
from tests.support.gateway_server import GatewayClient, load_user_tokens
from tests.support.listening_server import serve_on_free_port
from tests.support.mutable_demo import MutableDemo
from tests.support.time_limits import scale_seconds, wait_until_async

COUNT_BLOCKED_SQL = (
    f"select count(*) from pg_stat_activity {GATEWAY_BACKENDS_SQL} and wait_event_type = 'Lock'"
)
COUNT_OPEN_TRANSACTIONS_SQL = (
    f"select count(*) from pg_stat_activity {GATEWAY_BACKENDS_SQL} and xact_start is not null"
)
LOCK_RESOURCES_SQL = "select id from marketplace_resource where uuid = any(%s::uuid[]) for update"
COUNT_ORDERS_SQL = """
select count(*) from marketplace_order o join marketplace_resource r on r.id = o.resource_id
where r.uuid = %s and o.attributes ->> 'action' = 'renew'
"""
HOLD_COMMITS_SQL = """
create function hold_commit() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
create constraint trigger hold_commit after insert on marketplace_order
    deferrable initially deferred for each row execute function hold_commit();
select pg_advisory_lock(1)
"""
RENEW_MUTATION = """
mutation ($input: RenewResourceInput!) {
  renewResource(input: $input) { __typename ... on Accepted { order { uuid } } }
}
"""


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that the tests change."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=300, seed=1)
    return url


@asynccontextmanager
async def serve_over_tcp(
    url: str, connect_url: str | None = None, **setting_values: str
) -> AsyncIterator[MutableDemo]:
    """Serve a demo to clients that can disconnect; the gateway uses `connect_url`, if not None."""
    variables = {f"GATEWAY_{name.upper()}": value for name, value in setting_values.items()}
    effective_settings = load_settings({"GATEWAY_DATABASE_URL": connect_url or url, **variables})
    installation = detect_installation(load_settings({"GATEWAY_DATABASE_URL": url}))
    app = build_application(effective_settings, installation)
    async with (
        serve_on_free_port(app, effective_settings) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=scale_seconds(30)) as http,
    ):
        with psycopg.connect(url, autocommit=True) as connection:
            yield MutableDemo(GatewayClient(http, load_user_tokens(url)), connection)


@asynccontextmanager
async def lock_resources(url: str, uuids: list[str]) -> AsyncIterator[None]:
    """Lock the rows of resources."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(LOCK_RESOURCES_SQL, [uuids])
        yield


@contextmanager
def hold_commits(demo: MutableDemo) -> Iterator[None]:
    """Make commits of new orders wait until `pg_advisory_unlock(1)`."""
    demo.run_sql(HOLD_COMMITS_SQL)
    try:
        yield
    finally:
        demo.run_sql("select pg_advisory_unlock_all()")
        demo.run_sql("drop function hold_commit cascade")


async def request_renewal(demo: MutableDemo, uuid: str) -> httpx.Response:
    """Renew a resource, always under the same idempotency key."""
    renewal_input = {"uuid": uuid, "extensionMonths": 12, "idempotencyKey": f"renewal of {uuid}"}
    return await demo.client.post_query(RENEW_MUTATION, input=renewal_input)


async def wait_for_count(demo: MutableDemo, count_sql: str, expected_count: int) -> None:
    """Wait until a statement counts exactly `expected_count` connections."""

    async def has_count() -> bool:
        return demo.run_sql(count_sql) == [(expected_count,)]

    await wait_until_async(has_count)
    assert await has_count()


async def test_disconnect_rolls_back_and_frees_connections(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """All connections wait for row locks when the clients disconnect."""
    async with serve_over_tcp(url) as demo:
        uuids = (await demo.find_operable_resources("RENEW_RESOURCE"))[: MAX_CONNECTIONS + 1]
        assert len(uuids) == MAX_CONNECTIONS + 1
        unlocked_uuid, *locked_uuids = uuids
        digest_before = demo.digest_tables()
        async with lock_resources(url, locked_uuids):
            tasks = [asyncio.create_task(request_renewal(demo, each)) for each in locked_uuids]
            await wait_for_count(demo, COUNT_BLOCKED_SQL, MAX_CONNECTIONS)
            for each in tasks:
                each.cancel()
            await wait_for_count(demo, COUNT_OPEN_TRANSACTIONS_SQL, 0)
            assert demo.digest_tables() == digest_before
            result = (await request_renewal(demo, unlocked_uuid)).json()
            assert result["data"]["renewResource"]["__typename"] == "ResourceRenewed"
        assert demo.digest_tables() != digest_before
        result = (await request_renewal(demo, locked_uuids[0])).json()
        assert result["data"]["renewResource"]["__typename"] == "ResourceRenewed"
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_deadline_rolls_back_and_the_key_stays_usable(url: str) -> None:
    async with serve_over_tcp(url, request_seconds="1") as demo:
        (uuid, *_) = await demo.find_operable_resources("RENEW_RESOURCE")
        ((count_before,),) = demo.run_sql(COUNT_ORDERS_SQL, uuid)
        digest_before = demo.digest_tables()
        async with lock_resources(url, [uuid]):
            response = await request_renewal(demo, uuid)
            (error,) = response.json()["errors"]
            assert (response.status_code, error["extensions"]["code"]) == (504, "TIMEOUT")
            await wait_for_count(demo, COUNT_OPEN_TRANSACTIONS_SQL, 0)
            assert demo.digest_tables() == digest_before
        results = [(await request_renewal(demo, uuid)).json()["data"] for _ in range(2)]
        assert results[0]["renewResource"]["__typename"] == "ResourceRenewed"
        assert results[1] == results[0]
        assert demo.run_sql(COUNT_ORDERS_SQL, uuid) == [(count_before + 1,)]


async def test_deadline_cancels_reads_of_the_transaction(url: str) -> None:
    """A loader's task reads; the rollback does not wait for its statement."""
    async with serve_over_tcp(url, request_seconds="1", statement_seconds="60") as demo:
        (uuid, *_) = await demo.find_operable_resources("RENEW_RESOURCE")
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("lock table marketplace_resource in access exclusive mode")
            response = await request_renewal(demo, uuid)
            assert response.status_code == 504
            await wait_for_count(demo, COUNT_OPEN_TRANSACTIONS_SQL, 0)


async def test_statement_time_out_rolls_back(url: str) -> None:
    async with serve_over_tcp(url, statement_seconds="1") as demo:
        (uuid, *_) = await demo.find_operable_resources("RENEW_RESOURCE")
        digest_before = demo.digest_tables()
        async with lock_resources(url, [uuid]):
            response = await request_renewal(demo, uuid)
        (error,) = response.json()["errors"]
        assert (response.status_code, error["extensions"]["code"]) == (200, "TIMEOUT")
        assert demo.digest_tables() == digest_before


async def test_deadline_before_the_commit_is_final_rolls_back(url: str) -> None:
    async with serve_over_tcp(url, request_seconds="1") as demo:
        (uuid, *_) = await demo.find_operable_resources("RENEW_RESOURCE")
        digest_before = demo.digest_tables()
        with hold_commits(demo):
            response = await request_renewal(demo, uuid)
        assert response.status_code == 504
        assert demo.digest_tables() == digest_before


async def test_idempotency_key_finds_a_commit_whose_confirmation_came_too_late(url: str) -> None:
    """The database commits, but its confirmation reaches the gateway after the deadline."""
    async with (
        open_proxy(url) as proxy,
        serve_over_tcp(url, proxy.url, request_seconds="1") as demo,
    ):
        (uuid, *_) = await demo.find_operable_resources("RENEW_RESOURCE")
        ((count_before,),) = demo.run_sql(COUNT_ORDERS_SQL, uuid)
        with hold_commits(demo):
            task = asyncio.create_task(request_renewal(demo, uuid))
            await wait_for_count(demo, COUNT_BLOCKED_SQL, 1)
            proxy.freeze_traffic()
            demo.run_sql("select pg_advisory_unlock(1)")
            await asyncio.sleep(1.5)
            assert demo.run_sql(COUNT_ORDERS_SQL, uuid) == [(count_before + 1,)]
            await proxy.restore_traffic()
            assert (await task).status_code == 504
        result = (await request_renewal(demo, uuid)).json()["data"]["renewResource"]
        assert result["__typename"] == "ResourceRenewed"
        assert demo.run_sql(COUNT_ORDERS_SQL, uuid) == [(count_before + 1,)]
