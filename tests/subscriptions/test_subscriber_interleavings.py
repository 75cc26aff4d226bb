"""Random interleavings of a subscriber's life: no event is lost or repeated without a resync."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from gateway.schema.framework.event_cursors import decode_event_cursor, encode_event_cursor
from gateway.schema.types.object_event import ResyncReason
from gateway.subscriptions import fanout_group, subscriber
from gateway.subscriptions.subscriber import BufferLimits, Subscriber
from tests.subscriptions.follower import FollowedDemo, decode_event
from tests.support.time_limits import wait_until

UPDATE_RESOURCES = "update marketplace_resource set name = left(name, 20) || 'x' where id <= %s"
SELECT_POSITIONS = "select xid::text::bigint, id from gateway.marketplace_event order by xid, id"
STEP_COUNT, CLIENT_COUNT = 100, 4
Position = tuple[int, int]


class CheckedClient:
    """A client that reads now and then, and checks the order of what it receives."""

    def __init__(self, demo: FollowedDemo, random: Random) -> None:
        self._demo, self._random = demo, random
        self.subscriber: Subscriber | None = None
        self.start_position: Position = (0, 0)
        """Position after which all events must have been received."""
        self.positions: list[Position] = []

    async def connect(self) -> None:
        """Subscribe after the last cursor."""
        source = self._demo.hub.source
        if not self.positions and self.start_position == (0, 0):
            self.start_position = source.position
        last_position = self.positions[-1] if self.positions else self.start_position
        cursor = encode_position(self._demo, last_position)
        viewer = await self._demo.load_viewer(self._random.choice(["staff", "support"]))
        self.subscriber = await self._demo.subscription_registry.start_subscription(
            self._demo.parse_subscription(after=cursor), viewer, "x", lambda _: None
        )

    async def change_viewer(self) -> None:
        """Continue with a viewer of another group."""
        if self.subscriber is not None:
            viewer = await self._demo.load_viewer(self._random.choice(["staff", "support"]))
            self.subscriber.viewer_changed(viewer)

    async def reconnect(self) -> None:
        """End the subscription, and subscribe after the last cursor."""
        self.disconnect()
        await self.connect()

    def lose_events(self, reason: ResyncReason) -> None:
        """Require a resync."""
        if self.subscriber is not None:
            self.subscriber.require_resync(reason)

    def disconnect(self) -> None:
        """End the subscription; what is buffered is lost."""
        if self.subscriber is not None:
            self.subscriber.end_subscription()
            self.subscriber = None

    def read(self, max_messages: int) -> None:
        """Read some messages; after a resync, events count from its position."""
        if self.subscriber is None:
            return
        for message in self.subscriber.take_messages(max_messages):
            event = decode_event(message.payload)
            _, position = decode_event_cursor(event["cursor"])
            if "reason" in event:
                self.start_position, self.positions = position, []
            else:
                self.positions.append(position)


def encode_position(demo: FollowedDemo, position: Position) -> str:
    """Return the cursor of a position."""
    return encode_event_cursor(demo.hub.source.source_name, position)


async def read_while_delivering(
    demo: FollowedDemo, clients: list[CheckedClient], random: Random
) -> None:
    """Read by some clients between single steps of the event loop, while events are delivered."""
    groups = demo.hub.groups.values()
    for _ in range(100):
        if any(each.queued_event_count for each in groups):
            break
        await asyncio.sleep(0.001)
    for _ in range(random.randrange(60)):
        await asyncio.sleep(0)
        if random.random() < 0.3:
            random.choice(clients).read(random.choice([1, 100]))


async def take_step(demo: FollowedDemo, clients: list[CheckedClient], random: Random) -> None:
    """Do something at random."""
    client = random.choice(clients)
    steps: list[Callable[[], Awaitable[None] | None]] = [
        *[lambda: update_resources(demo, random.choice([1, 2, 7, 25]))] * 3,
        lambda: client.read(random.choice([1, 3, 100])),
        client.change_viewer,
        client.reconnect,
        lambda: client.lose_events(random.choice([*ResyncReason])),
        lambda: interrupt_and_read(demo, clients, random),
        lambda: read_while_delivering(demo, clients, random),
    ]
    waiting = random.choice(steps)()
    if waiting is not None:
        await waiting


def update_resources(demo: FollowedDemo, count: int) -> None:
    """Cause events, in one transaction."""
    demo.execute_sql(UPDATE_RESOURCES, count)


async def interrupt_and_read(
    demo: FollowedDemo, clients: list[CheckedClient], random: Random
) -> None:
    """Lose events of all clients, and read again while others are delivered."""
    for each in clients:
        each.lose_events(ResyncReason.INTERRUPTED)
    update_resources(demo, 25)
    await read_while_delivering(demo, clients, random)


@pytest.mark.parametrize("seed", range(8))
async def test_no_event_is_lost_or_repeated(
    demo: FollowedDemo, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    monkeypatch.setattr(fanout_group, "MAX_MESSAGES_PER_TURN", random.choice([1, 3, 4000]))
    monkeypatch.setattr(fanout_group, "MAX_EVENTS_PER_BATCH", random.choice([2, 5, 32]))
    monkeypatch.setattr(subscriber, "MISSED_EVENTS_PAGE_SIZE", random.choice([1, 3, 200]))
    monkeypatch.setattr(fanout_group, "MAX_QUEUED_EVENTS", random.choice([20, 20_000]))
    demo.hub.buffer_limits = BufferLimits(random.choice([4, 30, 1000]), 10**7)
    clients = [CheckedClient(demo, random) for _ in range(CLIENT_COUNT)]
    for client in clients:
        await client.connect()
    for _ in range(STEP_COUNT):
        await take_step(demo, clients, random)
    await check_all(demo, clients)


async def check_all(demo: FollowedDemo, clients: list[CheckedClient]) -> None:
    """Read to the end by all clients, and compare what they received with the table."""
    positions = demo.execute_sql(SELECT_POSITIONS)
    for client in clients:
        if client.subscriber is None:
            await client.connect()

        def is_complete(client: CheckedClient = client) -> bool:
            client.read(1000)
            assert client.subscriber is not None
            group = client.subscriber._group
            return (
                client.subscriber.state is subscriber.SubscriberState.LIVE
                and group is not None
                and group.position >= positions[-1]
            )

        await wait_until(is_complete)
        client.read(1000)
        expected = [each for each in positions if each > client.start_position]
        assert client.positions == expected
    for client in clients:
        client.disconnect()
