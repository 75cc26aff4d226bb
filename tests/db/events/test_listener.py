"""Who listens hears all events, in order, each once, whatever happens to the database."""

import asyncio
from random import Random

import psycopg
import pytest

from gateway.db.driver.connection_options import Session
from gateway.db.events import feed
from gateway.db.events.feed import Event
from gateway.db.events.listener import Listening
from gateway.db.events.source import keep_short, listening
from gateway.demo.marketplace.fill import make
from gateway.demo.postgres import Postgres
from tests.conftest import NewDatabase
from tests.db.events.test_feed import AGED, DAYS, touch
from tests.support.database_proxy import line_to
from tests.support.embedded_postgres import open_folder
from tests.support.event_listener import Ear, change, connected, ear, until, written

WRITERS, EACH = 8, 40
LISTENERS = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = 'marketplace-gateway'
"""


@pytest.fixture(scope="module")
def made_url(new_database: NewDatabase) -> str:
    """Give the address of a small demo."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=30, seed=1)
    return url


@pytest.fixture
def url(made_url: str) -> str:
    """Give the address of a small demo without events."""
    change(made_url, "truncate gateway.resource_event")
    return made_url


async def writes(url: str, seed: int) -> int:
    """Change resources in transactions of many lengths, some undone; give how many events."""
    random, done = Random(seed), 0
    async with connected(url, autocommit=False) as connection:
        for _ in range(EACH):
            ids = sorted(random.sample(range(seed, 31, WRITERS), random.randint(1, 3)))
            for each in ids:
                await connection.execute(touch(each, random.randint(1, 6)).encode())
                await asyncio.sleep(random.choice([0, 0, 0.002, 0.02]))
            if random.random() < 0.2:
                await connection.rollback()
            else:
                await connection.commit()
                done += len(ids)
    return done


async def heard_all(ear: Ear, url: str) -> None:
    """See that what was heard is what was written, in order."""
    await until(lambda: len(ear.heard) >= len(written(url)))
    assert ear.positions == written(url)
    assert ear.losses == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_of_many_writers_nothing_is_skipped_and_nothing_told_twice(
    url: str, seed: int
) -> None:
    async with ear(url) as one, ear(url) as other:
        each = [writes(url, seed + n) for n in range(WRITERS)]
        done = sum(await asyncio.gather(*each))
        await heard_all(one, url)
        await heard_all(other, url)
        assert len(one.heard) == done
        numbers = [each.id for each in one.heard]
        assert numbers != sorted(numbers), "the writers did not cross"


async def test_is_told_at_once(url: str) -> None:
    async with ear(url) as one:
        for n in range(1, 6):
            change(url, touch(n))
            await until(lambda n=n: len(one.heard) == n, 0.5)  # type: ignore[misc]


async def test_what_a_transaction_held_back_is_told_soon_after_its_end(url: str) -> None:
    async with ear(url) as one:
        async with connected(url, autocommit=False) as long:
            await long.execute("select pg_current_xact_id()")
            change(url, touch(1))
            await asyncio.sleep(1)
            assert one.heard == []
            await long.commit()  # notifies nobody
        await until(lambda: len(one.heard) == 1, 1)


@pytest.mark.parametrize("after", [0.0, 0.3])
async def test_who_is_cut_off_hears_what_was_written_meanwhile(url: str, after: float) -> None:
    async with ear(url) as one:
        change(url, touch(1))
        await until(lambda: len(one.heard) == 1)
        for _ in range(3):
            change(url, LISTENERS)
            change(url, touch(2))
            await asyncio.sleep(after)
            change(url, touch(3))
        await heard_all(one, url)
        assert len(one.heard) == 7


async def test_while_writers_write_the_listener_is_cut_off_again_and_again(url: str) -> None:
    async with ear(url) as one:
        writing = asyncio.gather(*[writes(url, n) for n in range(1, WRITERS + 1)])
        while not writing.done():
            await asyncio.to_thread(change, url, LISTENERS)
            await asyncio.sleep(0.15)
        await heard_all(one, url)


async def test_a_restart_loses_nothing() -> None:
    with open_folder() as folder, Postgres.at(folder / "data") as server:
        first = server.url
        with psycopg.connect(first) as connection:
            make(connection, resources=30, seed=1)
        async with line_to(first) as line, ear(line.url) as one:
            change(first, touch(1))
            await until(lambda: len(one.heard) == 1)
            server.stop()
            await until(lambda: not one.listening.ready.is_set())
            with Postgres.at(folder / "data") as again:
                change(again.url, touch(2))
                line.leads_to(again.url)
                await until(lambda: len(one.heard) == 2)
                change(again.url, touch(3))
                await heard_all(one, again.url)


async def test_a_server_that_says_nothing_is_let_go(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.events.listener.PATIENCE", 0.5)
    async with line_to(url) as line:
        session = Session(line.url, 0.5)
        heard: list[Event] = []
        patient = Listening(session, feed, None, seconds=0.1)
        running = asyncio.create_task(patient.run(heard.extend, lambda: None))
        await until(patient.ready.is_set)
        line.hang()
        change(url, touch(1))
        await until(lambda: not patient.ready.is_set(), 15)
        await line.mend()
        await until(lambda: len(heard) == 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_removed_before_it_was_heard_is_told_as_a_loss(url: str) -> None:
    async with ear(url) as one:
        one.listening.position = (3, 0)
        change(url, touch(1))
        change(url, AGED)
        async with connected(url) as connection:
            await feed.forget(connection, DAYS)
        change(url, LISTENERS)
        await until(lambda: one.losses == 1)
        change(url, touch(2))
        await until(lambda: bool(one.heard))
        assert [each.resource_id for each in one.heard][-1] == 2


async def test_who_fails_to_take_is_told_and_goes_on(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard, losses = [], []

    def take(batch: list[Event]) -> None:
        heard.extend(batch)
        if len(heard) == 1:
            raise ValueError(heard)

    made = listening(Session(url, 5), "triggers", 30)
    assert made is not None
    running = asyncio.create_task(made.run(take, lambda: losses.append(1)))
    await made.ready.wait()
    change(url, touch(1))
    await until(lambda: losses == [1])
    change(url, touch(2))
    await until(lambda: len(heard) == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "can't be handed on" in caplog.text


async def test_who_can_not_listen_looks_now_and_then(url: str) -> None:
    made = listening(Session(url, 5, pooler=True), "triggers", 0.1)
    assert made is not None
    heard: list[Event] = []
    running = asyncio.create_task(made.run(heard.extend, lambda: None))
    await made.ready.wait()
    change(url, touch(1))
    await until(lambda: len(heard) == 1)
    with psycopg.connect(url) as connection:
        listens = "select count(*) from pg_stat_activity where query ilike 'listen%'"
        assert connection.execute(listens.encode()).fetchone() == (0,)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_waits_for_a_source_that_is_not_there_yet(url: str) -> None:
    change(url, "alter table gateway.resource_event rename to away")
    made = listening(Session(url, 5), "triggers", 30)
    assert made is not None
    heard: list[Event] = []
    running = asyncio.create_task(made.run(heard.extend, lambda: None))
    await asyncio.sleep(0.3)
    assert not made.ready.is_set()
    change(url, "alter table gateway.away rename to resource_event")
    await until(made.ready.is_set)
    change(url, touch(1))
    await until(lambda: len(heard) == 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_table_is_kept_short(url: str, caplog: pytest.LogCaptureFixture) -> None:
    change(url, touch(1))
    change(url, AGED)
    change(url, touch(2))
    for session, left in ((Session(url, 5), 2), (Session(url, 5, writes=True), 1)):
        running = asyncio.create_task(keep_short(session, DAYS))
        await asyncio.sleep(0.5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()
        assert len(written(url)) == left
    assert "Old events wait" in caplog.text
