"""What all scenes share: a crowd of subscribers, and the judgement of what they heard."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from tests.support.event_listener import until
from tests.system.chaos.chaos_environment import SOCKETS, Ground
from tests.system.chaos.expected_events import Row, Told, Wish, differences, expected, rows
from tests.system.chaos.resilient_subscribers import (
    SocketSubscriber,
    StreamSubscriber,
    Subscriber,
    running,
)

SETTLING = 30
"""Seconds within which all is told, once nothing happens any more."""


BULKY = "".join(f" a{n}: cursor" for n in range(500))
"""So much of each event that the network's buffers are soon full."""


class Scene:
    """Subscribers of one ground."""

    def __init__(self, ground: Ground, subscribers: Sequence[Subscriber]) -> None:
        self.ground, self.subscribers = ground, subscribers
        self.skipped = self.events = 0
        """How many events resyncs covered, and how many were told."""

    async def settle(self) -> None:
        """Wait until all is told that is to be told, and a little longer for what is not."""
        wanted = self._wanted()
        with_ends = [(each, told[-1].position) for each, told in wanted if told]
        end = time.monotonic() + SETTLING
        for each, last in with_ends:
            with suppress(TimeoutError):  # judged in the end
                await until(lambda: each.position >= last, max(0, end - time.monotonic()))  # noqa: B023 - called here
        await asyncio.sleep(0.4)

    def _wanted(self) -> list[tuple[Subscriber, list[Told]]]:
        all_, known = rows(self.ground.url), self.ground.sights
        return [
            (each, expected(all_, known[each.wish.username], each.wish, each.heard[0].position))
            for each in self.subscribers
        ]

    def judge(self) -> None:
        """Fail unless everybody heard what they ought to, or were told that they may not have."""
        problems = []
        for each, wanted in self._wanted():
            wrong, skipped = differences(each.heard, wanted)
            self.skipped += skipped
            self.events += sum(isinstance(one, Told) for one in each.heard)
            problems += [f"{each.wish.username} {each.wish.filter}: {one}" for one in wrong]
            assert set(each.errors) <= {"UNAVAILABLE", "TIMEOUT"}, each.errors
        assert not problems, f"{len(problems)} of {len(self.subscribers)}: {problems[:5]}"

    def count(self, attribute: str) -> Counter[str]:
        """Add up what all subscribers count."""
        return sum((getattr(each, attribute) for each in self.subscribers), Counter[str]())

    @property
    def reasons(self) -> Counter[str]:
        """Count why somebody was told to read anew."""
        return Counter(each.reason for one in self.subscribers for each in one.resyncs)


def wishes(ground: Ground) -> list[Wish]:
    """Give what people wish to hear of: all, some kinds, some places, some states."""
    offering = next(iter(ground.offerings))
    project = next(iter(ground.projects))
    resource = "resource { name state project { name } }"

    def at(places: str, id_: int) -> Wish:
        uuid = {"projects": ground.projects, "offerings": ground.offerings}[places][id_]
        lets = lambda row, _told: id_ in getattr(row, places)  # noqa: E731
        return Wish("staff", {places[:-1]: uuid}, lets)

    kinds = ["CREATED", "DELETED", "HIDDEN"]
    return [
        Wish("staff"),
        Wish("member"),
        Wish("provider"),
        Wish("staff", about=resource),
        Wish("owner", {"kinds": kinds}, lambda _row, told: told.kind in kinds),
        at("projects", project),
        Wish("manager", about=resource),
        at("offerings", offering),
        Wish("provider", {"states": ["OK", "ERRED"]}, _ok_or_erred),
        Wish("member", {"kinds": ["STATE_CHANGED"]}, lambda _row, t: t.kind == "STATE_CHANGED"),
    ]


def _ok_or_erred(row: Row, told: Told) -> bool:
    gone = told.kind in ("HIDDEN", "DELETED")
    return (row.states[0] if gone else row.states[1]) in (2, 3)


def crowd(ground: Ground, *urls: str, sockets: int = SOCKETS) -> list[Subscriber]:
    """Give subscribers of all kinds, who share the servers; one in ten by a stream."""
    wanted = wishes(ground)
    made: list[Subscriber] = []
    for number in range(sockets):
        kind = StreamSubscriber if number % 10 == 3 else SocketSubscriber
        wish = wanted[(number + number // 10) % len(wanted)]
        made.append(kind(urls[number % len(urls)], ground.tokens[wish.username], wish))
    return made


def lazy(ground: Ground, url: str, count: int) -> list[Subscriber]:
    """Give subscribers to bulky events, who may stop reading; every fourth by a stream."""
    made: list[Subscriber] = []
    for number in range(count):
        kind = StreamSubscriber if number % 4 == 3 else SocketSubscriber
        made.append(kind(url, ground.tokens["staff"], Wish("staff", about=BULKY)))
        made[-1].reading = asyncio.Event()
        made[-1].go_on()
    return made


def tell(line: str) -> None:
    """Say what was measured, for who runs this with `-rP`."""
    sys.stdout.write(f"{line}\n")


@asynccontextmanager
async def scene(
    name: str, ground: Ground, subscribers: Sequence[Subscriber]
) -> AsyncIterator[Scene]:
    """Play a scene, judge it, and tell of it."""
    began, made = time.monotonic(), Scene(ground, subscribers)
    async with running(subscribers):
        yield made
        await made.settle()
    made.judge()
    tell(
        f"{name}: {len(subscribers)} sockets, {made.events} events told,"
        f" losses {dict(made.count('losses'))}, returns {sum(e.returns for e in subscribers)},"
        f" resyncs {dict(made.reasons)} for {made.skipped} events,"
        f" errors {dict(made.count('errors'))}, {time.monotonic() - began:.1f} s"
    )
    assert made.events > len(subscribers)
