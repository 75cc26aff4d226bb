"""Whatever becomes of the database, every subscriber hears all, in order, each once."""

import asyncio
import random

import psycopg
import pytest

from tests.support.gateway_server import Process
from tests.system.chaos.chaos_environment import LISTENS, OURS, Ground
from tests.system.chaos.load_writers import Writer, writing
from tests.system.chaos.scenarios import crowd, scene


def writer(ground: Ground, seed: int) -> Writer:
    return Writer(ground.url, [*ground.projects], seed)


async def test_the_listeners_backend_is_terminated(ground: Ground, serving: Process) -> None:
    async with scene("listener terminated", ground, crowd(ground, serving.url)) as played:
        async with writing(writer(ground, 1), 2.6):
            for _ in range(4):
                await asyncio.sleep(0.6)
                ended = await asyncio.to_thread(ground.server.end, f"{OURS} and ({LISTENS})")
                assert ended > 0
        assert played.reasons == {}


async def test_all_backends_are_terminated_again_and_again(
    ground: Ground, serving: Process
) -> None:
    everybody = "backend_type = 'client backend' and pid <> pg_backend_pid()"
    subscribers = crowd(ground, serving.url)
    for each in subscribers[::2]:
        each.stays = lambda: random.uniform(0.1, 0.8)
    async with scene("all terminated", ground, subscribers) as played:
        async with writing(writer(ground, 2), 3):
            for _ in range(6):
                await asyncio.sleep(0.4)
                await asyncio.to_thread(ground.server.end, everybody)
        for each in subscribers:
            each.stays = None
        assert played.reasons == {}


@pytest.mark.parametrize("immediate", [False, True], ids=["fast", "immediate"])
async def test_postgresql_is_restarted(ground: Ground, serving: Process, immediate: bool) -> None:
    mode = "immediate" if immediate else "fast"
    async with scene(f"restarted, {mode}", ground, crowd(ground, serving.url)) as played:
        async with writing(writer(ground, 3 + immediate), 4):
            await asyncio.sleep(0.7)
            await asyncio.to_thread(ground.server.stop, immediate=immediate)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(ground.server.start)
        assert played.reasons == {}


async def test_a_long_transaction_holds_back_and_nothing_is_skipped(
    ground: Ground, serving: Process
) -> None:
    async with scene("long transaction", ground, crowd(ground, serving.url)) as played:
        held = await psycopg.AsyncConnection.connect(ground.url)
        await held.execute("update marketplace_resource set name = 'long' where id % 7 = 0")
        await played.settle()
        before = [each.position for each in played.subscribers]
        async with writing(writer(ground, 5), 2.5):
            await asyncio.sleep(2)
            assert [each.position for each in played.subscribers] == before
            await held.commit()
        await held.close()
        assert played.reasons == {}


async def test_a_burst_in_one_transaction_and_in_a_thousand(
    ground: Ground, serving: Process
) -> None:
    async with scene("bursts", ground, crowd(ground, serving.url)) as played:
        rename = "update marketplace_resource set name = 'burst' || %s where id in (select id"
        rename += " from marketplace_resource order by id limit 20)"
        async with await psycopg.AsyncConnection.connect(ground.url) as connection:
            for number in range(50):
                await connection.execute(rename.encode(), [number])
        await played.settle()
        async with await psycopg.AsyncConnection.connect(ground.url, autocommit=True) as alone:
            for number in range(1000):
                await alone.execute(
                    "update marketplace_resource set name = 'each' || %s where id = "
                    "(select id from marketplace_resource order by id offset %s limit 1)",
                    [number, number % 50],
                )
        await played.settle()
        assert played.reasons == {}
