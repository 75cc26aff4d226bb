"""Whatever clients do, each hears all or is told that it may not have, and others do not notice."""

import asyncio
import json
import random
from datetime import timedelta

import psutil  # type: ignore[import-untyped]

from gateway.db.events.feed import forget
from gateway.subscriptions.cursors import encode
from tests.support.event_listener import connected
from tests.support.gateway_server import Process
from tests.system.chaos.chaos_environment import LARGE, Ground
from tests.system.chaos.expected_events import Resync, Wish, rows
from tests.system.chaos.load_writers import Writer, writing
from tests.system.chaos.resilient_subscribers import SocketSubscriber, running
from tests.system.chaos.scenarios import crowd, lazy, scene, tell

QUEUE = 100
MEMORY = 100_000_000
"""Bytes by which a server may grow while some do not read."""


async def test_who_does_not_read_is_told_and_others_do_not_notice(ground: Ground) -> None:
    with ground.serving(subscriber_queue=str(QUEUE)) as serving:
        slow = lazy(ground, serving.url, 20 if LARGE else 4)
        others = crowd(ground, serving.url)
        async with scene("slow readers", ground, [*slow, *others]) as played:
            for each in slow:
                each.rest()
            server = psutil.Process(serving.process.pid)
            before = server.memory_info().rss
            writer = Writer(ground.url, [*ground.projects], 11)
            async with writing(writer, 4, 200):
                await asyncio.sleep(3.6)
                grown = server.memory_info().rss - before
                for each in slow:
                    each.go_on()
            await played.settle()
            tell(f"the server grew by {grown / 1e6:.1f} MB")
            for each in slow:
                assert [one.reason for one in each.resyncs] == ["TOO_SLOW"], each.resyncs
            assert [each.resyncs for each in others if each.resyncs] == []
            assert grown < MEMORY * (4 if LARGE else 1)


async def test_who_comes_back_again_and_again_misses_nothing(
    ground: Ground, serving: Process
) -> None:
    subscribers = crowd(ground, serving.url)
    for each in subscribers:
        each.stays = lambda: random.uniform(0.05, 0.5) * (4 if LARGE else 1)
    async with scene("comes back", ground, subscribers) as played:
        async with writing(Writer(ground.url, [*ground.projects], 12), 3.5):
            await asyncio.sleep(3.5)
        for each in subscribers:
            each.stays = None
        await asyncio.sleep(0.5)
        assert played.reasons == {}
        assert sum(each.returns for each in subscribers) > 3 * len(subscribers)


async def test_a_small_queue_is_enough_for_whom_reads_what_it_missed(ground: Ground) -> None:
    with ground.serving(subscriber_queue="10") as serving:
        subscribers = crowd(ground, serving.url)
        async with running(subscribers):
            pass
        writer = Writer(ground.url, [*ground.projects], 13)
        await writer.run(1, 150)
        async with scene("small queue, much missed", ground, subscribers) as played:
            await played.settle()
            assert played.reasons == {}


USELESS = [
    (encode("triggers", (3, 0)), "CURSOR_EXPIRED"),
    (encode("triggers", (1 << 40, 5)), "CURSOR_UNKNOWN"),
    (encode("poll", (3, 0)), "CURSOR_UNKNOWN"),
]
"""Cursors that are older than what is kept, of a future that never comes, of another source."""


async def test_who_comes_with_a_cursor_of_no_use_is_told_and_goes_on(
    ground: Ground, serving: Process
) -> None:
    subscribers = crowd(ground, serving.url)
    for number, each in enumerate(subscribers):
        each.cursor = USELESS[number % len(USELESS)][0]
    async with scene("cursors of no use", ground, subscribers):
        async with writing(Writer(ground.url, [*ground.projects], 14), 1.5):
            pass
        for number, each in enumerate(subscribers):
            assert each.heard[0][1] == USELESS[number % len(USELESS)][1]


async def test_what_was_removed_meanwhile_is_told_as_expired(
    ground: Ground, serving: Process
) -> None:
    subscribers = crowd(ground, serving.url)
    async with running(subscribers):
        pass
    others = [SocketSubscriber(serving.url, ground.tokens["staff"], Wish("staff"))]
    async with scene("before it is removed, all is handed on", ground, others):
        await Writer(ground.url, [*ground.projects], 15).run(1)
    ground.sql("update gateway.resource_event set at = at - interval '30 days'")
    async with connected(ground.url) as connection:
        await forget(connection, timedelta(days=7))
    assert rows(ground.url) == []
    async with scene("retention", ground, subscribers) as played:
        async with writing(Writer(ground.url, [*ground.projects], 16), 1.5):
            pass
        assert played.reasons == {"CURSOR_EXPIRED": len(subscribers)}
        assert all(isinstance(each.heard[1], Resync) for each in subscribers)


async def test_what_is_no_cursor_is_an_error(ground: Ground, serving: Process) -> None:
    subscriber = SocketSubscriber(serving.url, ground.tokens["staff"], Wish("staff"))
    subscriber.cursor = json.dumps("nonsense")
    task = asyncio.create_task(subscriber.run())
    await asyncio.sleep(1)
    task.cancel()
    assert set(subscriber.losses) == {"BAD_USER_INPUT"}
    assert subscriber.heard == []
