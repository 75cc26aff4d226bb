"""One operation of a WebSocket: a query or change that is answered, or a subscription."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.auth.authenticator import UnauthenticatedError
from gateway.db.access.viewer import Viewer
from gateway.execution.executor import Answer
from gateway.execution.graphql_request import Asking
from gateway.execution.subscription import Subscribing
from gateway.subscriptions.registry import Running
from gateway.transports.graphql_transport_ws import Close, CloseError, next_head, written
from gateway.transports.services import failed

if TYPE_CHECKING:
    from gateway.transports.websocket import Socket


class Operation:
    """One operation, which the client calls `id_`."""

    def __init__(self, socket: "Socket", id_: str, asking: Asking) -> None:
        """Carry it out, from now on."""
        self._socket, self._id, self._asking = socket, id_, asking
        self._head = next_head(id_)
        self._running: Running | None = None
        self._task = asyncio.create_task(self._carry_out())

    def seen(self, viewer: Viewer) -> None:
        """Go on as what the viewer has become."""
        if self._running is not None:
            self._running.seen(viewer)

    def end(self) -> None:
        """Have done with it."""
        self._task.cancel()
        if self._running is not None:
            self._running.end()
            self._running = None

    def drain(self, most: int) -> tuple[list[bytes], bool]:
        """Give what is to be sent now, but not more than `most`, and whether there is more."""
        if self._running is None:
            return [], False
        subscriber = self._running.subscriber
        texts = [b"%b%b}" % (self._head, each.payload) for each in subscriber.drain(most)]
        return texts, len(subscriber) > 0

    async def _carry_out(self) -> None:
        try:
            await self._begin()
        except UnauthenticatedError as problem:
            self._socket.close(CloseError(Close.FORBIDDEN, str(problem)))
        except Exception as problem:  # noqa: BLE001 - the socket lives, whatever happens
            self._fail([failed(problem, self._asking.id)])

    async def _begin(self) -> None:
        desk, asking = self._socket.desk, self._asking
        subscribed = desk.answering.subscription(asking)
        if isinstance(subscribed, Answer):
            self._fail(subscribed.response["errors"])
        elif subscribed is not None:
            await self._subscribe(subscribed)
        else:
            assert self._socket.name is not None
            viewer = await desk.presence.viewers.viewer(*self._socket.name)
            async with asyncio.timeout(desk.settings.request_seconds):
                self._answered(await desk.answering.answer(asking, desk.contexts(viewer)))

    async def _subscribe(self, subscribed: Subscribing) -> None:
        desk, viewer = self._socket.desk, self._socket.viewer
        wake = partial(self._socket.ready, self)
        user = viewer.user_id or self._socket.name
        self._running = await desk.subscriptions.start(subscribed, viewer, user, wake)
        self._running.seen(self._socket.viewer)  # who may have become another by now

    def _answered(self, answer: Answer) -> None:
        if answer.refused:
            self._fail(answer.response["errors"])
        else:
            self._socket.say(self._head + answer.encoded() + b"}")
            self._finish(written("complete", id=self._id))

    def _fail(self, errors: Any) -> None:
        self._finish(written("error", id=self._id, payload=errors))

    def _finish(self, message: bytes) -> None:
        """Send the last message, after which the id is free again."""
        self._socket.operations.pop(self._id, None)
        self._socket.say(message)
