"""HTTP streams: a subscription over Server-Sent Events or Apollo's multipart protocol."""

import asyncio
from enum import Enum, auto
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.auth.authenticator import UnauthenticatedError
from gateway.db.access.viewer import Viewer
from gateway.exact_json import encode_json
from gateway.execution.errors import format_exception
from gateway.execution.executor import GraphQLResult
from gateway.execution.subscription import PreparedSubscription
from gateway.http.single_write import SINGLE_WRITE_EXTENSION
from gateway.rate_limits.client_key import identify_client
from gateway.subscriptions.registry import ActiveSubscription
from gateway.subscriptions.session_monitor import Credentials
from gateway.transports.services import TransportServices
from gateway.transports.stream_framing import StreamFraming

MAX_EVENTS_PER_WRITE = 64
"""Maximum number of events in one write."""
WRITE_TIMEOUT_SECONDS, CLOSE_TIMEOUT_SECONDS = 60, 2
"""Seconds within which a client must read a chunk: while the stream is open, and at its end."""


def create_single_event_stream(
    result: GraphQLResult, framing: StreamFraming, request_id: str
) -> Response:
    """Return a complete stream with a single result, for a client that accepts no JSON."""
    body = framing.preamble + framing.encode_result(result.encode()) + framing.terminator
    return Response(body, headers=_stream_headers(framing, request_id))


def _do_nothing() -> None:
    """Do nothing."""


def _stream_headers(framing: StreamFraming, request_id: str) -> dict[str, str]:
    return {
        "Content-Type": framing.media_type,
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Accel-Buffering": "no",
        "X-Request-ID": request_id,
    }


class StreamState(Enum):
    """State of a stream; see `SubscriptionStream`."""

    OPEN = auto()
    COMPLETING = auto()
    ABORTED = auto()


class SubscriptionStream:
    """Response to one subscription: an ASGI application that sends events until its end.

    States:

        start_subscription
             |
             v
           OPEN --- revoked() ------------------> COMPLETING --- terminator sent ---> ended
             |                                         |
             | client disconnected,                    | the same; client reads nothing
             | server shuts down                       v
             +-------------------------------------> ABORTED ----- empty chunk ------> ended

    OPEN: the writer sends events from the subscription's queue, or a ping if none comes within
    the framing's interval. COMPLETING: the token was revoked; the error and the framing's
    terminator are sent, so that clients do not reconnect. ABORTED: the response ends without the
    terminator, so that clients reconnect, with their last cursor in `Last-Event-ID`.

    **Backpressure.** `send` returns when the server's write buffer has space again. Meanwhile
    events wait in the subscription's bounded queue. If a client does not read for
    WRITE_TIMEOUT_SECONDS, its connection is aborted. At the end of a stream the limit is
    CLOSE_TIMEOUT_SECONDS, also for a write that is already under way (`_shorten_timeout`).
    """

    def __init__(
        self, services: TransportServices, framing: StreamFraming, request_id: str
    ) -> None:
        """Create the response, before its subscription is started."""
        self._services, self._framing, self._request_id = services, framing, request_id
        self.raw_headers = [
            (name.lower().encode(), value.encode())
            for name, value in _stream_headers(framing, request_id).items()
        ]
        """Headers of the response, which can be changed until it is sent."""
        self._state = StreamState.OPEN
        self._has_output = asyncio.Event()
        self._subscription: ActiveSubscription | None = None
        self._credentials: Credentials
        self._viewer: Viewer
        self._control_messages: list[bytes] = []
        self._write_timeout: asyncio.Timeout | None = None

    async def start_subscription(
        self, subscription: PreparedSubscription, credentials: Credentials, after_cursor: str | None
    ) -> "SubscriptionStream":
        """Start the subscription after a cursor, or from now on.

        Raises UnauthenticatedError if the token is invalid, and the errors of
        `SubscriptionRegistry.start_subscription`.
        """
        session_monitor = self._services.session_monitor
        viewer = self._viewer = await session_monitor.add_session(self, credentials)
        self._credentials = credentials
        try:
            self._subscription = await self._services.subscription_registry.start_subscription(
                subscription,
                viewer,
                identify_client(viewer, credentials[1]),
                self._has_output.set,
                after_cursor,
            )
            self._subscription.viewer_changed(self._viewer)  # it may have changed meanwhile
        except BaseException:
            session_monitor.remove_session(self, credentials)
            raise
        return self

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue the subscription with the viewer's current roles."""
        self._viewer = viewer
        if self._subscription is not None:
            self._subscription.viewer_changed(viewer)

    def begin_drain(self) -> None:
        """End the stream without its terminator, so that the client reconnects elsewhere."""
        self._abort_stream()

    def revoked(self, error: UnauthenticatedError) -> None:
        """Send an error and complete the stream, as its token is no longer valid."""
        errors = {"errors": [format_exception(error, self._request_id)]}
        self._control_messages.append(self._framing.encode_failure(encode_json(errors)))
        if self._state is StreamState.OPEN:
            self._end_stream(StreamState.COMPLETING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream until it ends or the client disconnects."""
        extension: dict[str, Any] = scope.get("extensions", {}).get(SINGLE_WRITE_EXTENSION, {})
        extension["end"] = self._abort_stream
        disconnect_watcher = asyncio.create_task(self._watch_disconnect(receive))
        try:
            await self._send_head(send)
            await self._write_loop(send)
        except TimeoutError:  # the client does not read
            extension.get("abort", _do_nothing)()
        finally:
            disconnect_watcher.cancel()
            self._end_subscription()
            scope.pop("extensions", None)  # breaks a reference cycle, as in single_write

    async def _send_head(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    def _abort_stream(self) -> None:
        """End the stream without its terminator, so that the client reconnects."""
        self._end_stream(StreamState.ABORTED)

    def _end_stream(self, state: StreamState) -> None:
        self._state = state
        self._has_output.set()
        if self._write_timeout is not None and not self._write_timeout.expired():
            self._shorten_timeout()

    async def _watch_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._abort_stream()

    async def _write_loop(self, send: Send) -> None:
        chunk = self._framing.preamble
        while self._state is not StreamState.ABORTED:
            self._has_output.clear()
            chunk += b"".join(self._take_pending())
            is_last = self._state is StreamState.COMPLETING
            body = chunk + (self._framing.terminator if is_last else b"")
            await self._send_chunk(send, body, has_more=not is_last)
            if is_last:
                return
            chunk = b"" if self._has_pending() else await self._wait_or_ping()
        await self._send_chunk(send, b"", has_more=False)

    async def _send_chunk(self, send: Send, body: bytes, *, has_more: bool) -> None:
        """Send a chunk; raises TimeoutError if the client does not read it in time."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS) as self._write_timeout:
                self._shorten_timeout()
                await send({"type": "http.response.body", "body": body, "more_body": has_more})
        finally:
            self._write_timeout = None

    def _shorten_timeout(self) -> None:
        """Limit the current write to CLOSE_TIMEOUT_SECONDS once the stream is ending."""
        if self._write_timeout is not None and self._state is not StreamState.OPEN:
            self._write_timeout.reschedule(
                asyncio.get_running_loop().time() + CLOSE_TIMEOUT_SECONDS
            )

    def _take_pending(self) -> list[bytes]:
        """Return the encoded messages of the next write; events only while the stream is open."""
        control_messages, self._control_messages = self._control_messages, []
        if self._subscription is None or self._state is not StreamState.OPEN:
            return control_messages
        return control_messages + [
            self._framing.encode_event(message)
            for message in self._subscription.queue.take_messages(MAX_EVENTS_PER_WRITE)
        ]

    def _has_pending(self) -> bool:
        """Return whether more messages are waiting to be sent."""
        has_events = (
            self._subscription is not None
            and self._state is StreamState.OPEN
            and len(self._subscription.queue) > 0
        )
        return bool(self._control_messages) or has_events

    async def _wait_or_ping(self) -> bytes:
        """Wait for output; return a ping if there is none within the framing's interval."""
        try:
            async with asyncio.timeout(self._framing.ping_interval_seconds):
                await self._has_output.wait()
        except TimeoutError:
            return self._framing.ping
        return b""

    def _end_subscription(self) -> None:
        if self._subscription is not None:
            self._subscription.end_subscription()
            self._services.session_monitor.remove_session(self, self._credentials)
