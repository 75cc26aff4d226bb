"""Several connections: slow statements hold up nobody, ended backends lose nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.db.driver.connection_pool import AWAKE, DEPTH
from gateway.db.driver.database import Ask, Coming, Database, TimedOutError, UnavailableError
from tests.conftest import NewDatabase
from tests.support.database_proxy import line_to
from tests.support.database_queries import Root, ask, at, eventually, opened, root_at, sent, value


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of an empty database."""
    return new_database()


@pytest_asyncio.fixture(loop_scope="session")
async def root(url: str) -> AsyncIterator[Root]:
    """Give a root's connection."""
    async with root_at(url) as opened:
        yield opened


async def test_there_is_one_connection_until_more_are_of_use(url: str, root: Root) -> None:
    await eventually(lambda: are(root, 0))
    async with opened(url, size=3) as database:
        for _ in range(5):
            await value(database, "select 1")
        assert await are(root, 1)
        await asyncio.gather(*[value(database, "select pg_sleep(0.1)::text") for _ in range(20)])
        assert await are(root, 3)
    await eventually(lambda: are(root, 0))


async def are(root: Root, connections: int) -> bool:
    """Tell whether the gateway has so many connections."""
    return len(await root.pids()) == connections


async def test_a_slow_statement_holds_up_nobody(url: str) -> None:
    async with at(url, size=2) as database:
        (slow,) = sent(database, ask("select pg_sleep(2)"))
        for each in range(50):
            assert await value(database, "select $1::int", str(each)) == each
        assert not slow.done()
        slow.cancel()


async def test_what_was_sent_behind_a_slow_statement_need_not_wait_for_it(url: str) -> None:
    async with at(url, size=2) as database:
        (slow,) = sent(database, ask("select pg_sleep(3)"))
        sent(database, ask("select pg_sleep(0.05)"))
        behind = [value(database, "select $1::int", str(each)) for each in range(6)]
        async with asyncio.timeout(2):
            assert await asyncio.gather(*behind) == list(range(6))
        assert not slow.done()
        slow.cancel()


async def test_quick_statements_wake_up_few_backends(url: str) -> None:
    quick = ask("select pg_backend_pid()")
    async with at(url, size=4) as database:
        found = [await each for each in sent_apart(database, quick, 12)]
    assert len({result.rows()[0][0] for result in found}) == AWAKE


async def test_nothing_is_sent_behind_what_is_known_to_be_slow(url: str) -> None:
    quick, slow = (
        ask("select pg_backend_pid()"),
        ask("select pg_backend_pid(), pg_sleep(0.2)::text"),
    )
    async with at(url, size=4) as database:
        await database.run([slow])
        coming = sent_apart(database, slow, 3)
        found = [await each for each in sent_apart(database, quick, DEPTH)]
        assert not any(each.done() for each in coming)
        others = {(await each).rows()[0][0] for each in coming}
    assert len(others) == 3
    assert others.isdisjoint(result.rows()[0][0] for result in found)


def sent_apart(database: Database, one: Ask, times: int) -> list[Coming]:
    """Send batches of one statement each; give what their rows will settle."""
    return [coming for _ in range(times) for coming in sent(database, one)]


async def test_first_come_first_served(url: str) -> None:
    async with at(url, size=1) as database:
        order: list[int] = []
        for each in range(20):
            (future,) = sent(database, ask("select $1::int, pg_sleep(0.02)::text", str(each)))
            future.add_done_callback(lambda done: order.append(done.result().rows()[0][0]))
        await value(database, "select 1")
        assert order == list(range(20))


async def test_only_so_many_may_wait(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.db.driver.wait_queue.MOST", 3)
    async with at(url, size=1) as database:
        held = [sent(database, ask("select pg_sleep(0.3)::text"))[0] for _ in range(DEPTH + 3)]
        (refused,) = sent(database, ask("select 1"))
        assert isinstance(refused.exception(), UnavailableError)
        held[DEPTH + 1].cancel()
        await asyncio.wait(held[:1])
        assert await value(database, "select 1") == 1
        for each in held:
            each.cancel()


async def test_ended_backends_lose_nothing_but_what_they_did(url: str, root: Root) -> None:
    async with at(url, size=4) as database:
        running = [
            asyncio.create_task(database.run([ask("select 1"), ask("select pg_sleep(0.02)::text")]))
            for _ in range(200)
        ]
        for _ in range(10):
            await root.end(await root.pids())
            await asyncio.wait(running, timeout=0.1)
        outcomes = await asyncio.gather(*running, return_exceptions=True)
        good = [each for each in outcomes if each == [[(1,)], [("",)]]]
        others = [each for each in outcomes if not isinstance(each, list)]
        assert good
        assert {type(each) for each in others} <= {UnavailableError}
        assert len(good) + len(others) == 200
        assert await value(database, "select 1") == 1


async def test_one_end_of_all_backends_is_noticed_by_nobody(url: str, root: Root) -> None:
    async with at(url, size=4) as database:
        running = [
            asyncio.create_task(value(database, "select pg_sleep(0.05)::text")) for _ in range(100)
        ]
        await asyncio.wait(running, timeout=0.1)
        await root.end(await root.pids())
        assert await asyncio.gather(*running) == [""] * 100


async def test_a_lost_connection_is_replaced_before_anybody_asks(url: str, root: Root) -> None:
    async with at(url, size=2):
        before = await root.pids()
        await root.end(before)
        await eventually(lambda: others(root, before))


async def others(root: Root, pids: list[int]) -> bool:
    """Tell whether there are backends besides those."""
    return bool(set(await root.pids()) - set(pids))


async def test_who_waits_in_vain_is_told_so(url: str) -> None:
    async with line_to(url) as line:
        await line.cut()
        async with opened(line.url, wait=0.3) as database:
            futures = sent(database, ask("select 1")) + sent(database, ask("select 2"))
            async with asyncio.timeout(1):
                outcomes = await asyncio.gather(*futures, return_exceptions=True)
            assert [type(each) for each in outcomes] == [UnavailableError] * 2
            await line.mend()
            await eventually(lambda: answers(database))


async def answers(database: Database) -> bool:
    """Tell whether a database answers."""
    (answer,) = await asyncio.gather(value(database, "select 1"), return_exceptions=True)
    return answer == 1


async def test_who_is_behind_a_silence_is_answered_by_others(url: str) -> None:
    async with (
        line_to(url) as line,
        opened(line.url, size=1, statement_seconds=0.2, wait=1) as database,
    ):
        await value(database, "select 1")
        line.hang()
        (first,), (second,) = [sent(database, ask(f"select {each}")) for each in (1, 2)]
        await asyncio.wait([first], timeout=3)
        assert isinstance(first.exception(), TimedOutError)
        await line.mend()
        assert (await second).rows() == [(2,)]


async def test_what_is_under_way_is_ended_before_all_is_closed(url: str) -> None:
    database = await Database.at(url, size=1)
    await value(database, "select 1")
    (going,) = sent(database, ask("select pg_sleep(0.3)::text"))
    await database.close()
    assert going.result().rows() == [("",)]
    (late,) = sent(database, ask("select 1"))
    assert isinstance(late.exception(), UnavailableError)


async def test_closing_waits_for_nobody_for_ever(
    url: str, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.driver.connection_pool.FAREWELL", 0.2)
    database = await Database.at(url, size=1)
    await value(database, "select 1")
    (going,) = sent(database, ask("select pg_sleep(9)"))
    async with asyncio.timeout(2):
        await database.close()
    assert isinstance(going.exception(), UnavailableError)
    await eventually(root.idle)
