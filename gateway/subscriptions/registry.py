"""Subscription registry: start, change and end of the subscriptions of a process."""

import asyncio
import logging
from collections.abc import Callable, Hashable
from contextlib import ExitStack

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.feed import EventPosition
from gateway.error_table import ErrorKind
from gateway.execution.subscription import PreparedSubscription
from gateway.fairness.running_time import running_timeout
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.cursors import decode_event_cursor
from gateway.subscriptions.event_filter import EventFilter
from gateway.subscriptions.fanout_group import FanoutGroup
from gateway.subscriptions.hub import EventHub
from gateway.subscriptions.quota import Quota
from gateway.subscriptions.subscriber_queue import SubscriberMessage, SubscriberQueue

log = logging.getLogger(__name__)
ATTACH_TIMEOUT_SECONDS = 5
"""Seconds to wait until the event feed is attached to its source."""
RETRY_DELAY_SECONDS = 1
"""Seconds between two attempts to deliver missed events."""
WakeCallback = Callable[[], None]


class ServerDrainingError(Exception):
    """The server is about to stop and starts no more subscriptions."""

    error_kind = ErrorKind.SERVER_DRAINING

    def __init__(self) -> None:
        super().__init__("The server is about to stop. Connect again.")


class SubscriptionRegistry:
    """The subscriptions of a process, as its transports start them."""

    def __init__(self, hub: EventHub, quota: Quota, queue_size: int) -> None:
        """Subscribe to the events of `hub`; each subscriber queue has `queue_size` messages."""
        self.hub, self.quota = hub, quota
        self.overflow_count = 0
        """Number of overflows of subscriber queues so far."""
        self.is_draining = False
        """Whether new subscriptions are refused, because the server is about to stop."""
        self._queue_size = queue_size

    async def start_subscription(
        self,
        subscription: PreparedSubscription,
        viewer: Viewer,
        user_key: Hashable,
        wake: WakeCallback,
        after: str | None = None,
    ) -> "ActiveSubscription":
        """Start a subscription after a cursor, after its own argument `after`, or from now on.

        `user_key` names the user in the quota; `wake` is called when there are messages to send.
        Raises BadInputError for an invalid filter or cursor, QuotaExceededError if a limit is
        reached, UnavailableError if the event feed is not attached within
        ATTACH_TIMEOUT_SECONDS, EventsDisabledError if events are switched off,
        ServerDrainingError if the server is about to stop.
        """
        EventFilter.from_argument(subscription.arguments.get("filter"))
        after_cursor = after or subscription.arguments.get("after")
        await self._wait_attached()
        position = None if after_cursor is None else await self._find_position(after_cursor)
        is_cursor_unknown = after_cursor is not None and position is None
        if self.is_draining:
            raise ServerDrainingError
        with ExitStack() as exit_stack:
            exit_stack.enter_context(self.quota.acquire_slot(user_key))
            active_subscription = ActiveSubscription(self, subscription, viewer)
            queue = self._build_queue(
                active_subscription, position, wake, is_cursor_unknown=is_cursor_unknown
            )
            active_subscription.attach_queue(queue, exit_stack.pop_all())
        return active_subscription

    def _build_queue(
        self,
        active_subscription: "ActiveSubscription",
        position: EventPosition | None,
        wake: WakeCallback,
        *,
        is_cursor_unknown: bool,
    ) -> SubscriberQueue:
        """Return a queue from a position on, or from now on; the latter may need a resync."""
        current_position = self.hub.source.position
        queue = SubscriberQueue(
            position or current_position,
            self._queue_size,
            active_subscription.build_overflow_message,
            wake,
        )
        if is_cursor_unknown:
            queue.enqueue(
                active_subscription.build_resync(ResyncReason.CURSOR_UNKNOWN, current_position)
            )
        return queue

    async def _find_position(self, cursor: str) -> EventPosition | None:
        """Return the position of a cursor; None if it belongs to another source or to the future.

        A position ahead of the feed's is valid if the table has it: another process may have
        published it first.
        """
        (kind, position), source = decode_event_cursor(cursor), self.hub.source
        if kind != source.source_kind:
            return None
        is_ahead = position > source.position
        return (
            None if is_ahead and await source.load_events_after(position, 1) is None else position
        )

    async def _wait_attached(self) -> None:
        try:
            async with running_timeout(ATTACH_TIMEOUT_SECONDS):
                await self.hub.source.wait_until_attached()
        except TimeoutError:
            raise UnavailableError("The event feed is not available.") from None


class ActiveSubscription:
    """One subscriber, from the start of its subscription to its end.

    **Path of an event.** The change feed reads committed events in order and publishes them to
    the hub, which appends them to the queue of each fan-out group. A group has all subscribers
    with the same document, variables and visibility; it builds the message of an event once,
    and delivers it to the queue of each member. The transport empties that queue.

        ChangeFeed --> EventHub --> FanoutGroup --> SubscriberQueue --> WebSocket, HTTP stream
                                        ^                ^
                                  MessageBuilder         +--- missed events, read from the table

    **States of a subscriber.**

        start_subscription: filter and cursor valid, feed attached, quota has a slot
             |
             |  unknown cursor: ResyncRequired(CURSOR_UNKNOWN), start from now
             v
          JOINING <------------------------------------------------------+
             |  |  missed events are read page by page after the queue's |
             |  |  position, until it has reached the group's position   |
             |  |                                                        |
             |  +-- events already removed: ResyncRequired(CURSOR_EXPIRED),
             |  |   continues at the group's position                    |
             |  +-- database not available: retry after a delay          |
             |  +-- other error: ResyncRequired(INTERRUPTED), retry      |
             v                                                           |
          MEMBER ---- viewer_changed, with other roles ------------------+
             |   |      (another group; the queue and its position stay)
             |   +-- queue full: messages dropped, ResyncRequired(TOO_SLOW)
             |   +-- group's events dropped: ResyncRequired(TOO_SLOW or INTERRUPTED)
             |   (both stay MEMBER, and continue after the position in the message)
             v
           ENDED  by end_subscription in any state: client gone or `complete`, token revoked
                  (session monitor), connection closed. The slot of the quota is freed.

    **No gap and no duplicate.** Three rules guarantee this. (1) A queue ignores events up to
    its position. (2) A subscriber becomes a member of its group in the same step of
    the event loop in which both positions are found equal, so no event can be published in
    between (`EventHub.join_group`). (3) Whenever events may be lost, the client receives
    `ResyncRequired` with the position from which it continues: it reads its resources again.
    A change is then either in what it reads or in a later event.

    **Roles.** The session monitor re-authenticates the connection periodically and calls
    `viewer_changed`. Visibility is that of the viewer at delivery: with other roles the
    subscriber leaves its group and joins that of its new visibility, from its own position on.
    """

    queue: SubscriberQueue

    def __init__(
        self, registry: SubscriptionRegistry, subscription: PreparedSubscription, viewer: Viewer
    ) -> None:
        """Create the subscription of a viewer; `attach_queue` starts it."""
        self._registry, self._hub = registry, registry.hub
        self._subscription, self._viewer = subscription, viewer
        self._group: FanoutGroup | None = None
        self._joining_task: asyncio.Task[None]
        self._exit_stack: ExitStack

    def attach_queue(self, queue: SubscriberQueue, exit_stack: ExitStack) -> None:
        """Start the delivery of events to `queue`; `exit_stack` is closed at the end of it."""
        self.queue, self._exit_stack = queue, exit_stack
        self._joining_task = asyncio.create_task(self._join_group())

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue with the viewer's current roles, in another group if they have changed."""
        if viewer != self._viewer:
            self._leave_group()
            self._viewer = viewer
            self._joining_task = asyncio.create_task(self._join_group())

    def end_subscription(self) -> None:
        """End the delivery of events and free the slot of the quota."""
        self._leave_group()
        del self._joining_task  # a cancelled task refers to this object, by its traceback
        self._exit_stack.close()
        self.queue.close_queue()

    def build_resync(self, reason: ResyncReason, position: EventPosition) -> SubscriberMessage:
        """Return the message `ResyncRequired`: events up to `position` may have been missed."""
        return self._hub.message_builder.build_resync(self._subscription, reason, position)

    def build_overflow_message(self, position: EventPosition) -> SubscriberMessage:
        """Count an overflow of the queue and return the message that replaces its messages."""
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
                log.exception("Missed events could not be delivered to a subscriber")
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
