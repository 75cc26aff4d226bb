"""Streams over HTTP: Server-Sent Events, and Apollo's multipart subscriptions."""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.db.access.viewer import Viewer
from gateway.execution.errors import ErrorCode, make_request_error
from gateway.execution.executor import GraphQLResult, encode_json
from gateway.execution.subscription import PreparedSubscription
from gateway.http.responses import GraphQLResponse
from gateway.http.single_write import SINGLE_WRITE_EXTENSION
from gateway.subscriptions.registry import ActiveSubscription
from gateway.subscriptions.session_monitor import Credentials
from gateway.transports.services import TransportServices
from gateway.transports.stream_framing import SSE_FRAMING, StreamFraming

MAX_EVENTS_PER_WRITE = 64
"""So many events are written at once."""
WRITE_TIMEOUT_SECONDS, CLOSE_TIMEOUT_SECONDS = 60, 2
"""Seconds for a client to take what is sent; and when it is the last, or nobody should."""


def create_result_response(
    result: GraphQLResult, framing: StreamFraming, accept_header: str, request_id: str
) -> Response:
    """Give an answer; to a client that takes nothing else, as the only message of a stream.

    Clients that do not know yet what is asked accept both.
    """
    if framing is not SSE_FRAMING or "json" in accept_header.lower() or "*/*" in accept_header:
        return GraphQLResponse(result, accept_header, request_id)
    body = framing.preamble + framing.encode_result(result.encode()) + framing.terminator
    return Response(body, headers={**_stream_headers(framing, request_id)})


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


class SubscriptionStream:
    """The response to one subscription, which goes on until somebody ends it."""

    def __init__(
        self, services: TransportServices, framing: StreamFraming, request_id: str
    ) -> None:
        """Write by a framing what the log calls `id_`."""
        self._services, self._framing, self._request_id = services, framing, request_id
        self._has_output = asyncio.Event()
        self._subscription: ActiveSubscription | None = None
        self._credentials: Credentials
        self._viewer: Viewer
        self._control_messages: list[bytes] = []
        self._final_chunk: bytes | None = None
        self._is_aborted = False
        self._write_timeout: asyncio.Timeout | None = None

    async def start_subscription(
        self, subscription: PreparedSubscription, credentials: Credentials, after_cursor: str | None
    ) -> "SubscriptionStream":
        """Begin a subscription, `after` a cursor if one is given; raises as its start does."""
        viewer = self._viewer = await self._services.session_monitor.add_session(self, credentials)
        self._credentials = credentials
        try:
            start, user_key = (
                self._services.subscription_registry.start_subscription,
                viewer.user_id or credentials,
            )
            self._subscription = await start(
                subscription, viewer, user_key, self._has_output.set, after_cursor
            )
            self._subscription.viewer_changed(self._viewer)  # who may have become another by now
        except BaseException:
            self._services.session_monitor.remove_session(self, credentials)
            raise
        return self

    def viewer_changed(self, viewer: Viewer) -> None:
        """Go on as this viewer."""
        self._viewer = viewer
        if self._subscription is not None:
            self._subscription.viewer_changed(viewer)

    def revoked(self, reason: str) -> None:
        """End: the token does not count any more."""
        errors = {"errors": [make_request_error(reason, ErrorCode.UNAUTHENTICATED)]}
        self._control_messages.append(self._framing.encode_failure(encode_json(errors)))
        self._finish_stream()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, until its end or the client's."""
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
            scope.pop("extensions", None)  # a circle that only the garbage collector would open

    async def _send_head(self, send: Send) -> None:
        header_items = _stream_headers(self._framing, self._request_id).items()
        headers = [(name.lower().encode(), value.encode()) for name, value in header_items]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    def _finish_stream(self) -> None:
        """Let nothing follow, and say so."""
        self._final_chunk = self._framing.terminator
        self._wake_for_end()

    def _abort_stream(self) -> None:
        """End without saying that nothing follows: the client is to come back."""
        self._is_aborted = True
        self._wake_for_end()

    def _wake_for_end(self) -> None:
        self._has_output.set()
        if self._write_timeout is not None and not self._write_timeout.expired():
            self._shorten_timeout()

    async def _watch_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._abort_stream()

    async def _write_loop(self, send: Send) -> None:
        chunk = self._framing.preamble
        while not self._is_aborted:
            self._has_output.clear()
            chunk += b"".join(self._take_pending())
            is_last = self._final_chunk is not None and not self._has_pending()
            body = chunk + (self._final_chunk or b"" if is_last else b"")
            await self._send_chunk(send, body, has_more=not is_last)
            if is_last:
                return
            chunk = b"" if self._has_pending() else await self._wait_or_ping()
        await self._send_chunk(send, b"", has_more=False)

    async def _send_chunk(self, send: Send, body: bytes, *, has_more: bool) -> None:
        """Send a piece; TimeoutError if the client does not read, or should have read its last."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS) as self._write_timeout:
                self._shorten_timeout()
                await send({"type": "http.response.body", "body": body, "more_body": has_more})
        finally:
            self._write_timeout = None

    def _shorten_timeout(self) -> None:
        """Wait only a moment more for the client once there is an end."""
        if self._write_timeout is not None and (self._is_aborted or self._final_chunk is not None):
            self._write_timeout.reschedule(
                asyncio.get_running_loop().time() + CLOSE_TIMEOUT_SECONDS
            )

    def _take_pending(self) -> list[bytes]:
        """Give what is to be sent now."""
        control_messages, self._control_messages = self._control_messages, []
        if self._subscription is None or self._final_chunk is not None:
            return control_messages
        return control_messages + [
            self._framing.encode_event(message)
            for message in self._subscription.queue.take_messages(MAX_EVENTS_PER_WRITE)
        ]

    def _has_pending(self) -> bool:
        """Say whether more waits to be sent."""
        pending_queue = (
            self._subscription is not None
            and self._final_chunk is None
            and self._subscription.queue
        )
        return bool(self._control_messages) or bool(pending_queue)

    async def _wait_or_ping(self) -> bytes:
        """Wait for something to send; give a sign of life if nothing comes."""
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
