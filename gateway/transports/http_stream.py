"""Streams over HTTP: Server-Sent Events, and Apollo's multipart subscriptions."""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.db.access.viewer import Viewer
from gateway.execution.errors import Code, failure
from gateway.execution.executor import Answer, encode
from gateway.execution.subscription import Subscribing
from gateway.http.responses import Answered
from gateway.http.single_write import EXTENSION
from gateway.subscriptions.registry import Running
from gateway.subscriptions.session_monitor import Name
from gateway.transports.services import Desk
from gateway.transports.stream_framing import SSE, Framing

AT_ONCE = 64
"""So many events are written at once."""
STALLED, HASTE = 60, 2
"""Seconds for a client to take what is sent; and when it is the last, or nobody should."""


def streamed(answer: Answer, framing: Framing, accepted: str, id_: str) -> Response:
    """Give an answer; to a client that takes nothing else, as the only message of a stream.

    Clients that do not know yet what is asked accept both.
    """
    if framing is not SSE or "json" in accepted.lower() or "*/*" in accepted:
        return Answered(answer, accepted, id_)
    body = framing.begin + framing.answer(answer.encoded()) + framing.end
    return Response(body, headers={**_headers(framing, id_)})


def _nothing() -> None:
    """Do nothing."""


def _headers(framing: Framing, id_: str) -> dict[str, str]:
    return {
        "Content-Type": framing.media_type,
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Accel-Buffering": "no",
        "X-Request-ID": id_,
    }


class Stream:
    """The response to one subscription, which goes on until somebody ends it."""

    def __init__(self, desk: Desk, framing: Framing, id_: str) -> None:
        """Write by a framing what the log calls `id_`."""
        self._desk, self._framing, self._id = desk, framing, id_
        self._some = asyncio.Event()
        self._running: Running | None = None
        self._name: Name
        self._viewer: Viewer
        self._first: list[bytes] = []
        self._last: bytes | None = None
        self._over = False
        self._patience: asyncio.Timeout | None = None

    async def begin(self, subscribed: Subscribing, name: Name, after: str | None) -> "Stream":
        """Begin a subscription, `after` a cursor if one is given; raises as its start does."""
        viewer = self._viewer = await self._desk.presence.enter(self, name)
        self._name = name
        try:
            start, user = self._desk.subscriptions.start, viewer.user_id or name
            self._running = await start(subscribed, viewer, user, self._some.set, after)
            self._running.seen(self._viewer)  # who may have become another by now
        except BaseException:
            self._desk.presence.leave(self, name)
            raise
        return self

    def seen(self, viewer: Viewer) -> None:
        """Go on as this viewer."""
        self._viewer = viewer
        if self._running is not None:
            self._running.seen(viewer)

    def refused(self, why: str) -> None:
        """End: the token does not count any more."""
        errors = {"errors": [failure(why, Code.UNAUTHENTICATED)]}
        self._first.append(self._framing.failure(encode(errors)))
        self._finish()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, until its end or the client's."""
        server: dict[str, Any] = scope.get("extensions", {}).get(EXTENSION, {})
        server["end"] = self._break
        gone = asyncio.create_task(self._gone(receive))
        try:
            await self._begin(send)
            await self._write(send)
        except TimeoutError:  # the client does not read
            server.get("abort", _nothing)()
        finally:
            gone.cancel()
            self._leave()
            scope.pop("extensions", None)  # a circle that only the garbage collector would open

    async def _begin(self, send: Send) -> None:
        pairs = _headers(self._framing, self._id).items()
        headers = [(name.lower().encode(), value.encode()) for name, value in pairs]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    def _finish(self) -> None:
        """Let nothing follow, and say so."""
        self._last = self._framing.end
        self._ending()

    def _break(self) -> None:
        """End without saying that nothing follows: the client is to come back."""
        self._over = True
        self._ending()

    def _ending(self) -> None:
        self._some.set()
        if self._patience is not None and not self._patience.expired():
            self._hurry()

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._break()

    async def _write(self, send: Send) -> None:
        text = self._framing.begin
        while not self._over:
            self._some.clear()
            text += b"".join(self._waiting())
            over = self._last is not None and not self._left()
            body = text + (self._last or b"" if over else b"")
            await self._send(send, body, more=not over)
            if over:
                return
            text = b"" if self._left() else await self._beat()
        await self._send(send, b"", more=False)

    async def _send(self, send: Send, body: bytes, *, more: bool) -> None:
        """Send a piece; TimeoutError if the client does not read, or should have read its last."""
        try:
            async with asyncio.timeout(STALLED) as self._patience:
                self._hurry()
                await send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._patience = None

    def _hurry(self) -> None:
        """Wait only a moment more for the client once there is an end."""
        if self._patience is not None and (self._over or self._last is not None):
            self._patience.reschedule(asyncio.get_running_loop().time() + HASTE)

    def _waiting(self) -> list[bytes]:
        """Give what is to be sent now."""
        first, self._first = self._first, []
        if self._running is None or self._last is not None:
            return first
        return first + [self._framing.event(e) for e in self._running.subscriber.drain(AT_ONCE)]

    def _left(self) -> bool:
        """Say whether more waits to be sent."""
        events = self._running is not None and self._last is None and self._running.subscriber
        return bool(self._first) or bool(events)

    async def _beat(self) -> bytes:
        """Wait for something to send; give a sign of life if nothing comes."""
        try:
            async with asyncio.timeout(self._framing.seconds):
                await self._some.wait()
        except TimeoutError:
            return self._framing.beat
        return b""

    def _leave(self) -> None:
        if self._running is not None:
            self._running.end()
            self._desk.presence.leave(self, self._name)
