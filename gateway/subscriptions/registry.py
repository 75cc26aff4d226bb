"""Subscription registry: start of the subscriptions of a process."""

from collections.abc import Callable, Hashable
from contextlib import ExitStack

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import UnavailableError
from gateway.db.events.feed import EventPosition
from gateway.error_table import ErrorKind
from gateway.execution.subscription import PreparedSubscription
from gateway.fairness.running_time import running_timeout
from gateway.schema.framework.event_cursors import decode_event_cursor
from gateway.schema.types.object_event import ResyncReason
from gateway.subscriptions.event_filter import EventFilter
from gateway.subscriptions.hub import EventHub
from gateway.subscriptions.quota import Quota
from gateway.subscriptions.subscriber import Subscriber

ATTACH_TIMEOUT_SECONDS = 5
"""Seconds to wait until the event feed is attached to its source."""


class ServerDrainingError(Exception):
    """The server is about to stop and starts no more subscriptions."""

    error_kind = ErrorKind.SERVER_DRAINING

    def __init__(self) -> None:
        super().__init__("The server is about to stop. Connect again.")


class SubscriptionRegistry:
    """The subscriptions of a process, as its transports start them."""

    def __init__(self, hub: EventHub, quota: Quota) -> None:
        """Subscribe to the events of `hub`."""
        self.hub, self.quota = hub, quota
        self.is_draining = False
        """Whether new subscriptions are refused, because the server is about to stop."""

    async def start_subscription(
        self,
        subscription: PreparedSubscription,
        viewer: Viewer,
        user_key: Hashable,
        on_ready: Callable[[Subscriber], None],
        after: str | None = None,
    ) -> Subscriber:
        """Start a subscription after a cursor, after its own argument `after`, or from now on.

        `user_key` names the user in the quota; `on_ready` is called when there are messages.
        Raises BadInputError for an invalid filter or cursor, QuotaExceededError if a limit is
        reached, UnavailableError if the event feed is not attached within
        ATTACH_TIMEOUT_SECONDS, EventsDisabledError if events are switched off,
        ServerDrainingError if the server is about to stop.
        """
        EventFilter.from_argument(
            subscription.event_type.tracked_table, subscription.arguments.get("filter")
        )
        after_cursor = after or subscription.arguments.get("after")
        await self._wait_attached()
        position = None if after_cursor is None else await self._find_position(after_cursor)
        is_cursor_unknown = after_cursor is not None and position is None
        if self.is_draining:
            raise ServerDrainingError
        with ExitStack() as exit_stack:
            exit_stack.enter_context(self.quota.acquire_slot(user_key))
            subscriber = Subscriber(
                self.hub, subscription, viewer, position or self.hub.source.position, on_ready
            )
            subscriber.start(ResyncReason.CURSOR_UNKNOWN if is_cursor_unknown else None)
            subscriber.slot = exit_stack.pop_all()
        return subscriber

    async def _find_position(self, cursor: str) -> EventPosition | None:
        """Return the position of a cursor; None if it belongs to another source or to the future.

        A position ahead of the feed's is valid if the table has it: another process may have
        published it first.
        """
        (source_name, position), source = decode_event_cursor(cursor), self.hub.source
        if source_name != source.source_name:
            return None
        if position > source.position and await source.load_events_after(position, 1) is None:
            return None
        return position if source_name == source.source_name else None

    async def _wait_attached(self) -> None:
        try:
            async with running_timeout(ATTACH_TIMEOUT_SECONDS):
                await self.hub.source.wait_until_attached()
        except TimeoutError:
            raise UnavailableError("The event feed is not available.") from None
