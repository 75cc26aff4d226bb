"""Test a pipelined connection: prepared statements, encoding, cancellation, errors."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from gateway.db.driver.database import (
    Database,
    PendingResult,
    TimedOutError,
    UnavailableError,
    UnreadableTableError,
)
from gateway.db.driver.errors import InvalidDataError
from gateway.db.driver.pipeline_connection import PipelineConnection
from gateway.db.driver.statement import Statement
from tests.conftest import DatabaseFactory
from tests.support.database_queries import (
    BackendAdmin,
    build_request,
    connect_admin,
    fetch_value,
    open_warm_database,
    send_batch,
)
from tests.support.time_limits import scale_seconds, wait_until, wait_until_async


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of an empty database."""
    return new_database()


@pytest_asyncio.fixture(loop_scope="session")
async def database(url: str) -> AsyncIterator[Database]:
    """Yield a database with one connection and a statement time-out of about a second."""
    async with open_warm_database(
        url, size=1, statement_seconds=scale_seconds(0.35)
    ) as warm_database:
        yield warm_database


@pytest_asyncio.fixture(loop_scope="session")
async def admin(url: str) -> AsyncIterator[BackendAdmin]:
    """Yield a superuser's connection."""
    async with connect_admin(url) as backend_admin:
        yield backend_admin


def test_the_same_sql_has_the_same_name() -> None:
    assert Statement("select 1").name == Statement("select 1", ("a",)).name
    assert Statement("select 1").name != Statement("select 2").name


async def list_prepared(database: Database) -> set[str]:
    """Return the SQL of the statements that the connection has prepared."""
    names_sql = f"select array_agg(statement) from pg_prepared_statements --{uuid4()}"
    prepared_statements = await fetch_value(database, names_sql)
    return set(prepared_statements) if isinstance(prepared_statements, list) else set()


async def test_a_statement_is_prepared_at_its_second_use(database: Database) -> None:
    sql = "select $1::int * 2"
    for each in range(4):
        assert (sql in await list_prepared(database)) == (each >= 2)
        assert await fetch_value(database, sql, str(each)) == each * 2


async def test_statements_sent_once_are_not_prepared(database: Database) -> None:
    for each in range(100):
        await fetch_value(database, f"select 'once', {each}")
    assert not any("once" in each for each in await list_prepared(database))


async def test_least_recently_used_prepared_statements_are_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.driver.prepared_statements.MAX_PREPARED_STATEMENTS", 4)
    for each in range(8):
        for _ in range(2):
            requests = [build_request("select 0"), build_request(f"select {each + 1}")]
            await database.fetch_rows(requests)
    assert await list_prepared(database) == {"select 0", "select 6", "select 7", "select 8"}


async def test_prepared_statements_are_bounded_by_bytes_of_sql(url: str) -> None:
    async with open_warm_database(url, size=1, prepared_bytes=10_000) as database:
        for each in range(20):
            for _ in range(2):
                await fetch_value(database, f"select {each}, '{'ü' * 950}'")
        await fetch_value(database, "select 'short'")
        await fetch_value(database, "select 'short'")
        for _ in range(3):
            await fetch_value(database, f"select '{'too long' * 2000}'")
        prepared = await list_prepared(database)
        assert sum(len(each.encode()) for each in prepared) <= 10_000
        assert "select 'short'" in prepared
        assert len(prepared) == 6


async def test_failed_prepare_is_retried(database: Database, admin: BackendAdmin) -> None:
    requests = [
        build_request("select 1"),
        build_request("select count(*) from later"),
        build_request("select 2"),
    ]
    for _ in range(2):
        with pytest.raises(UnreadableTableError):
            await database.fetch_rows(requests)
    await admin.connection.execute("create table later (id int)")
    assert await database.fetch_rows(requests) == [[(1,)], [(0,)], [(2,)]]


async def test_table_change_prepares_again(database: Database, admin: BackendAdmin) -> None:
    await admin.connection.execute("create table changing as select 1 as first")
    requests = [
        build_request("select 0"),
        build_request("select * from changing"),
        build_request("select 2"),
    ]
    assert await database.fetch_rows(requests) == [[(0,)], [(1,)], [(2,)]]
    await admin.connection.execute("alter table changing add second text default 'new'")
    batches = [database.fetch_rows(requests) for _ in range(3)]
    assert await asyncio.gather(*batches) == [[[(0,)], [(1, "new")], [(2,)]]] * 3


async def test_deallocated_statements_are_prepared_again(database: Database) -> None:
    await fetch_value(database, "select 3")
    await database.fetch_rows([build_request("deallocate all")])
    assert await asyncio.gather(*[fetch_value(database, "select 3") for _ in range(3)]) == [3] * 3


async def test_name_collision_is_resolved(database: Database) -> None:
    request = build_request("select 4")
    await database.fetch_rows(
        [build_request(f"prepare {request[0].name.decode()} as select 'other'")]
    )
    assert await database.fetch_rows([request]) == [[(4,)]]


async def test_large_parameters_and_rows(database: Database) -> None:
    texts = [str(each) * 3_000_000 for each in range(5)]
    values = await asyncio.gather(
        *[fetch_value(database, "select $1::text", each) for each in texts]
    )
    assert values == texts


@pytest.mark.parametrize("invalid_text", ["a\0b", "\ud800"])
async def test_invalid_text_is_rejected(database: Database, invalid_text: str) -> None:
    valid, invalid = send_batch(
        database, build_request("select 1"), build_request("select $1::text", invalid_text)
    )
    with pytest.raises(ValueError, match=r"zero byte|surrogates"):
        await invalid
    assert (await valid).decode_rows() == [(1,)]
    (only,) = send_batch(database, build_request("select $1::text", invalid_text))
    with pytest.raises(ValueError, match=r"zero byte|surrogates"):
        await only


async def test_undecodable_value_fails_alone(database: Database) -> None:
    good, bad, other = send_batch(
        database,
        build_request("select 1"),
        build_request("select 'infinity'::timestamp"),
        build_request("select 2"),
    )
    result = await bad
    assert len(result) == 1
    with pytest.raises(psycopg.DataError):
        result.decode_rows()
    assert [(await each).decode_rows() for each in (good, other)] == [[(1,)], [(2,)]]


async def test_rows_can_be_decoded_repeatedly_after_close(url: str) -> None:
    async with open_warm_database(url, size=1) as database:
        (pending_result,) = send_batch(database, build_request("select 7, 'ä', true, 1.50, null"))
        result = await pending_result
    assert [result.decode_rows() for _ in "ab"] == [[(7, "ä", True, "1.50", None)]] * 2


async def test_abandoned_batch_is_cancelled(url: str, admin: BackendAdmin) -> None:
    async with open_warm_database(url, size=1, statement_seconds=600) as database:
        running = asyncio.create_task(
            database.fetch_rows([build_request("select 1"), build_request("select pg_sleep(600)")])
        )
        await wait_until_async(lambda: is_busy(admin))
        running.cancel()
        await wait_until_async(admin.is_idle, 1)
        assert await fetch_value(database, "select 1") == 1


async def is_busy(admin: BackendAdmin) -> bool:
    """Return whether a backend of the gateway runs a statement."""
    return not await admin.is_idle()


async def test_batches_after_a_cancelled_one_succeed(database: Database) -> None:
    for _ in range(5):
        (cancelled,) = send_batch(database, build_request("select pg_sleep(0.9)"))
        later_batches = [
            send_batch(
                database, build_request("select pg_sleep(0.02)::text"), build_request("select 2")
            )
            for _ in "ab"
        ]
        cancelled.cancel()
        assert [(await each).decode_rows() for batch in later_batches for each in batch] == [
            [("",)],
            [(2,)],
        ] * 2


async def test_wrongly_cancelled_batch_is_retried(database: Database, admin: BackendAdmin) -> None:
    for _ in range(5):
        (connection,) = database._pool._connections
        futures = send_batch(
            database, build_request("select 1"), build_request("select pg_sleep(0.2)::text")
        )
        await wait_until_async(lambda: is_busy(admin))
        connection.cancel()
        assert [(await each).decode_rows() for each in futures] == [[(1,)], [("",)]]


async def test_batch_cancelled_twice_counts_as_timed_out(
    database: Database, admin: BackendAdmin
) -> None:
    """The server's error does not tell a late cancel request from the statement's time-out."""
    (connection,) = database._pool._connections
    (slow,) = send_batch(database, build_request("select pg_sleep(30)"))
    for attempts in ([False], [True]):
        await wait_until(partial(is_running, connection, attempts))
        await wait_until_async(lambda: is_busy(admin))
        connection.cancel()
    with pytest.raises(TimedOutError):
        await slow


def is_running(connection: PipelineConnection, attempts: list[bool]) -> bool:
    """Return whether the batches of a connection are first (False) or second (True) attempts."""
    return (
        not connection.is_cancelling and [each.retried for each in connection.batches] == attempts
    )


async def test_timeout_fails_only_its_batch(database: Database) -> None:
    (slow,) = send_batch(database, build_request("select pg_sleep(30)"))
    later_results = send_batch(database, build_request("select 1"), build_request("select 2"))
    with pytest.raises(TimedOutError):
        await slow
    assert [(await each).decode_rows() for each in later_results] == [[(1,)], [(2,)]]


async def test_insufficient_resources_are_unavailable(database: Database) -> None:
    with pytest.raises(UnavailableError):
        await database.fetch_rows([build_request("do $$ begin raise sqlstate '53200'; end $$")])
    assert await fetch_value(database, "select 1") == 1


async def test_error_fails_only_its_statement(database: Database) -> None:
    sql = ("select 1", "select missing", "select 2", "select 1 / 0", "select 'x'::int", "select 3")
    expected = [
        [(1,)],
        UnreadableTableError,
        [(2,)],
        InvalidDataError,
        InvalidDataError,
        [(3,)],
    ]
    for _ in range(3):
        batch = send_batch(database, *map(build_request, sql))
        (later,) = send_batch(database, build_request("select 4"))
        assert await collect_outcomes(batch) == expected
        assert (await later).decode_rows() == [(4,)]


async def collect_outcomes(futures: list[PendingResult]) -> list[object]:
    """Return the rows of each statement, or the class of the error that it failed by."""
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    return [
        type(each) if isinstance(each, BaseException) else each.decode_rows() for each in outcomes
    ]


async def test_exceeded_limit_fails_only_its_statement(database: Database) -> None:
    exceed_limit = "do $$ begin raise sqlstate '54001'; end $$"
    batch = send_batch(database, build_request(exceed_limit), build_request("select 2"))
    assert await collect_outcomes(batch) == [UnavailableError, [(2,)]]


async def test_second_timeout_fails_the_rest_of_the_batch(database: Database) -> None:
    slow = build_request("select pg_sleep(30)")
    quick = build_request("select 1")
    batch = send_batch(database, quick, slow, quick, slow, quick)
    expected = [[(1,)], TimedOutError, [(1,)], TimedOutError, TimedOutError]
    assert await collect_outcomes(batch) == expected
    assert await fetch_value(database, "select 4") == 4


async def test_connection_lost_after_an_error_is_reported(database: Database) -> None:
    terminate = build_request("select pg_terminate_backend(pg_backend_pid())")
    batch = send_batch(database, build_request("select 1 / 0"), terminate)
    assert await collect_outcomes(batch) == [InvalidDataError, UnavailableError]
    assert await fetch_value(database, "select 4") == 4
