"""What goes wrong with some events, cursors or sessions is told, and is nobody else's trouble."""

import asyncio
from random import Random

import pytest

from gateway.db.access.viewer import Viewer
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.cursors import encode
from gateway.subscriptions.session_monitor import Presence
from tests.subscriptions.follower import Following, kinds
from tests.support.event_listener import until
from tests.support.marketplaces import LOCAL

CHANGE = "update marketplace_resource set name = name || 'x' where id = 1"
ODD = """
insert into gateway.resource_event
    (resource_id, resource_uuid, kind, old_state, new_state,
     project_id_before, project_id_after, offering_id_before, offering_id_after, changed)
select id, uuid::text, 'PAINTED', state, state,
    project_id, project_id, offering_id, offering_id, '{name}'
from marketplace_resource where id = 1
"""
"""An event of a kind that nobody knows."""


class Session:
    """A session that keeps what it was told, and fails if it is to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.told: list[Viewer | str] = []
        self._fails = fails

    def seen(self, viewer: Viewer) -> None:
        """Go on as this viewer."""
        self._take(viewer)

    def refused(self, why: str) -> None:
        """End."""
        self._take(why)

    def _take(self, what: Viewer | str) -> None:
        self.told.append(what)
        if self._fails:
            raise ValueError


async def test_what_can_not_be_told_is_told_as_an_interruption(demo: Following) -> None:
    cursor = demo.cursor()
    one, two = await demo.follow(), await demo.follow("member")
    demo.sql(CHANGE)
    await demo.settled()
    demo.sql(ODD)
    await demo.settled()
    demo.sql(CHANGE)
    for told in await demo.told(one, two):
        assert kinds(told) == ["UPDATED", "INTERRUPTED", "UPDATED"]
    late = await demo.follow(after=cursor)
    await until(lambda: late._group is not None)
    demo.sql(CHANGE)
    assert kinds((await demo.told(late))[0]) == ["INTERRUPTED", "UPDATED"]
    for each in (one, two, late):
        each.end()


@pytest.mark.parametrize("ahead", [(1, 0), (10**9, 0)])
async def test_a_cursor_of_what_is_yet_to_come_is_unknown(
    demo: Following, ahead: tuple[int, int]
) -> None:
    xid, id_ = demo.hub.source.position
    cursor = encode(demo.hub.source.kind or "", (xid + ahead[0], id_ + ahead[1]))
    running = await demo.follow(after=cursor)
    demo.sql(CHANGE)
    ((first, *rest),) = await demo.told(running)
    assert first["reason"] == ResyncReason.CURSOR_UNKNOWN.value
    assert kinds(rest) == ["UPDATED"]
    running.end()


async def test_a_cursor_of_another_source_is_unknown(demo: Following) -> None:
    running = await demo.follow(after=encode("elsewhere", demo.hub.source.position))
    demo.sql(CHANGE)
    ((first, *rest),) = await demo.told(running)
    assert (first["reason"], kinds(rest)) == (ResyncReason.CURSOR_UNKNOWN.value, ["UPDATED"])
    running.end()


async def test_whoever_comes_and_goes_misses_nothing_and_hears_nothing_twice(
    demo: Following,
) -> None:
    """Join, leave, and become somebody else who sees the same, in between events of all sizes."""
    random, viewer = Random(6), await demo.viewer("staff")
    cursor, heard, running = demo.cursor(), [], None
    began = demo.sql("select count(*) from gateway.resource_event")[0][0]
    steady = await demo.follow(viewer)
    for turn in range(60):
        for _ in range(random.choice([0, 1, 1, 5])):
            demo.sql(CHANGE)
        if random.random() < 0.5:
            await asyncio.sleep(random.choice([0, 0.001, 0.02]))
        running = running or await demo.follow(viewer, after=cursor)
        running.seen(await demo.viewer(random.choice(["staff", "support"])))
        if turn % 3 == 0:
            told = running.subscriber.drain(3)
            heard += told
            cursor = told[-1].cursor if told else cursor
            running.end()
            running = None
    running = running or await demo.follow(viewer, after=cursor)
    await demo.settled()
    await asyncio.sleep(0.2)
    heard += running.subscriber.drain(10_000)
    everything = [each.cursor for each in steady.subscriber.drain(10_000)]
    ended = demo.sql("select count(*) from gateway.resource_event")[0][0]
    assert [each.cursor for each in heard] == everything
    assert len(everything) == ended - began > 50
    running.end()
    steady.end()


async def test_a_session_that_fails_is_no_other_ones_trouble(demo: Following) -> None:
    presence = Presence(demo.service._viewers, seconds=0.05)
    name = demo.tokens["member"], LOCAL
    bad, good = Session(fails=True), Session()
    for each in (bad, good):
        await presence.enter(each, name)
    running = asyncio.create_task(presence.run())
    await asyncio.sleep(0.5)
    running.cancel()
    assert len(bad.told) >= 2
    assert len(good.told) >= 2
