"""What transports need: to start a subscription, to go on as another viewer, and to end it."""

import asyncio
import logging
from collections.abc import Callable, Hashable
from contextlib import ExitStack

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.feed import EventPosition
from gateway.execution.subscription import PreparedSubscription
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.cursors import decode_event_cursor
from gateway.subscriptions.event_filter import EventFilter
from gateway.subscriptions.fanout_group import FanoutGroup
from gateway.subscriptions.hub import EventHub
from gateway.subscriptions.quota import Quota
from gateway.subscriptions.subscriber_queue import SubscriberMessage, SubscriberQueue

log = logging.getLogger(__name__)
ATTACH_TIMEOUT_SECONDS = 5
"""Seconds to wait for the first look at the events."""
RETRY_DELAY_SECONDS = 1
"""Seconds between attempts to tell of what was missed."""
WakeCallback = Callable[[], None]


class SubscriptionRegistry:
    """The subscriptions of a process."""

    def __init__(self, hub: EventHub, quota: Quota, queue_size: int) -> None:
        """Tell of what `hub` has; let `queue` messages wait for a subscriber."""
        self.hub, self.quota = hub, quota
        self.overflow_count = 0
        """How often a queue was too short."""
        self._queue_size = queue_size

    async def start_subscription(
        self,
        subscription: PreparedSubscription,
        viewer: Viewer,
        user_key: Hashable,
        wake: WakeCallback,
        after: str | None = None,
    ) -> "ActiveSubscription":
        """Start a subscription of a `user`; `wake` is called when there is something to send.

        It begins `after` a cursor, or where its own arguments say. BadInputError
        for a filter or a cursor that makes no sense, TooManyError without room,
        UnavailableError while nobody can tell where the events are, UnwatchedError
        if nobody ever will.
        """
        EventFilter.from_argument(subscription.arguments.get("filter"))
        after_cursor = after or subscription.arguments.get("after")
        await self._wait_attached()
        position = None if after_cursor is None else await self._find_position(after_cursor)
        active_subscription = ActiveSubscription(self, subscription, viewer)
        active_subscription.exit_stack.enter_context(self.quota.acquire_slot(user_key))
        current_position = self.hub.source.position
        queue = SubscriberQueue(
            position or current_position,
            self._queue_size,
            active_subscription.build_overflow_message,
            wake,
        )
        if after_cursor is not None and position is None:
            queue.enqueue(
                active_subscription.build_resync(ResyncReason.CURSOR_UNKNOWN, current_position)
            )
        active_subscription.attach_queue(queue)
        return active_subscription

    async def _find_position(self, cursor: str) -> EventPosition | None:
        """Give the position of a cursor; None if it is none of these events."""
        (kind, position), source = decode_event_cursor(cursor), self.hub.source
        if kind != source.source_kind:
            return None
        is_ahead = position > source.position
        return (
            None if is_ahead and await source.load_events_after(position, 1) is None else position
        )

    async def _wait_attached(self) -> None:
        try:
            async with asyncio.timeout(ATTACH_TIMEOUT_SECONDS):
                await self.hub.source.wait_until_attached()
        except TimeoutError:
            raise UnavailableError("The events can't be read.") from None


class ActiveSubscription:
    """A subscription that goes on until it is ended."""

    queue: SubscriberQueue

    def __init__(
        self, registry: SubscriptionRegistry, subscription: PreparedSubscription, viewer: Viewer
    ) -> None:
        """Tell a viewer of what there is."""
        self._registry, self._hub = registry, registry.hub
        self._subscription, self._viewer = subscription, viewer
        self._group: FanoutGroup | None = None
        self._joining_task: asyncio.Task[None]
        self.exit_stack = ExitStack()
        """What is to be given back in the end."""

    def attach_queue(self, queue: SubscriberQueue) -> None:
        """Tell a subscriber from now on."""
        self.queue = queue
        self._joining_task = asyncio.create_task(self._join_group())

    def viewer_changed(self, viewer: Viewer) -> None:
        """Go on as what the viewer has become."""
        if viewer != self._viewer:
            self._leave_group()
            self._viewer = viewer
            self._joining_task = asyncio.create_task(self._join_group())

    def end_subscription(self) -> None:
        """Tell nothing more."""
        self._leave_group()
        self.exit_stack.close()

    def build_resync(self, reason: ResyncReason, position: EventPosition) -> SubscriberMessage:
        """Give what says that events up to a position may have been missed."""
        return self._hub.message_builder.build_resync(self._subscription, reason, position)

    def build_overflow_message(self, position: EventPosition) -> SubscriberMessage:
        """Give what says that too many events waited, up to a position."""
        self._registry.overflow_count += 1
        return self.build_resync(ResyncReason.TOO_SLOW, position)

    async def _join_group(self) -> None:
        while True:
            try:
                self._group = await self._hub.join_group(
                    self.queue, self._subscription, self._viewer
                )
            except (UnavailableError, TimedOutError):
                await asyncio.sleep(RETRY_DELAY_SECONDS)
            except Exception:
                log.exception("A subscriber could not be told of what it missed")
                position = self._hub.source.position
                self.queue.advance_to(
                    position, self.build_resync(ResyncReason.INTERRUPTED, position)
                )
                await asyncio.sleep(RETRY_DELAY_SECONDS)
            else:
                return

    def _leave_group(self) -> None:
        self._joining_task.cancel()
        if self._group is not None:
            self._hub.leave_group(self.queue, self._group)
            self._group = None
