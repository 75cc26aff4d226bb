"""From an event to the message that tells of it, as one viewer is to read it."""

import asyncio
from collections.abc import Callable
from datetime import UTC

from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import Event, Position
from gateway.execution.errors import Code
from gateway.execution.executor import Answer, Answering, encode
from gateway.execution.subscription import Subscribing
from gateway.marketplace.states import ResourceState
from gateway.schema.framework.context import Context
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.resource_event import (
    GONE,
    ResourceEvent,
    ResourceEventKind,
    ResyncReason,
    ResyncRequired,
    fields_of,
)
from gateway.subscriptions.cursors import encode as cursor
from gateway.subscriptions.subscriber_queue import Message

ATTEMPTS, PAUSE = 5, 0.4
"""How often a resource is asked for while the database is away, and seconds between."""
AT_ONCE = 16
"""So many resources are asked for at a time: queries are to have their turns, too."""
KEPT = 1000
"""So many messages without a resource are kept for others who are told the same."""
Contexts = Callable[[Viewer], Context]
"""Makes what an operation of a viewer is executed with."""


class Telling:
    """Writes messages of the events of one source."""

    def __init__(self, answering: Answering, contexts: Contexts, source: Callable[[], str]) -> None:
        """Answer what is asked of resources; cursors name the `source`."""
        self._answering, self._contexts, self._source = answering, contexts, source
        self._written: dict[object, Message] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def message(
        self, subscribed: Subscribing, event: Event, kind: ResourceEventKind, viewer: Viewer
    ) -> Message:
        """Tell a viewer of an event, as one of that kind.

        What is told without a resource is written once for all who ask alike.
        """
        told = self._event(event, kind)
        if subscribed.query_about(told) is not None:
            async with self._turns:
                return Message(await self._answer(subscribed, told, viewer), told.cursor)
        name = subscribed.shared, event.position, kind
        if name not in self._written:
            if len(self._written) >= KEPT:
                self._written.clear()
            data = {"data": subscribed.written(told, {})}
            self._written[name] = Message(encode(data), told.cursor)
        return self._written[name]

    def resync(self, subscribed: Subscribing, reason: ResyncReason, position: Position) -> Message:
        """Tell that events up to a position may have been missed."""
        told = ResyncRequired(reason=reason, cursor=cursor(self._source(), position))
        return Message(encode({"data": subscribed.written(told, {})}), told.cursor)

    def _event(self, event: Event, kind: ResourceEventKind) -> ResourceEvent:
        shown = kind not in GONE
        known = shown and kind is not ResourceEventKind.CREATED
        at = event.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        return ResourceEvent(
            cursor=cursor(self._source(), event.position),
            at=DateTime(at),
            kind=kind,
            previous_state=_state(event.old_state) if known else None,
            state=_state(event.new_state) if shown else None,
            changed_fields=fields_of(event.changed) if known else [],
            uuid=UUID(event.uuid.replace("-", "")),
        )

    async def _answer(self, subscribed: Subscribing, told: ResourceEvent, viewer: Viewer) -> bytes:
        """Give the response; while the database is away, wait some seconds for it."""
        answer = await self._answering.tell(subscribed, told, self._contexts(viewer))
        for _ in range(ATTEMPTS):
            if not _unavailable(answer):
                break
            await asyncio.sleep(PAUSE)
            answer = await self._answering.tell(subscribed, told, self._contexts(viewer))
        return answer.encoded()


def _state(code: int | None) -> ResourceState | None:
    """Give the state that a code stands for, if it is known."""
    return _STATES.get(code or 0)


_STATES = {each.value: each for each in ResourceState}


def _unavailable(answer: Answer) -> bool:
    errors = answer.response.get("errors", ())
    return any(each["extensions"].get("code") == Code.UNAVAILABLE for each in errors)
