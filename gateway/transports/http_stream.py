"""HTTP streams: a subscription over Server-Sent Events or Apollo's multipart protocol."""

import asyncio
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway.auth.errors import RefusedCredentialsError
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Viewer
from gateway.exact_json import encode_json
from gateway.execution.errors import format_exception
from gateway.execution.executor import GraphQLResult
from gateway.execution.subscription import PreparedSubscription
from gateway.http.single_write import SINGLE_WRITE_EXTENSION
from gateway.rate_limits.client_key import identify_client
from gateway.subscriptions.subscriber import Subscriber
from gateway.transports.outgoing_buffer import OutgoingBuffer
from gateway.transports.services import TransportServices
from gateway.transports.stream_framing import StreamFraming


def create_single_event_stream(
    result: GraphQLResult, framing: StreamFraming, request_id: str
) -> Response:
    """Return a complete stream with a single result, for a client that accepts no JSON."""
    body = framing.preamble + framing.encode_result(result.encode()) + framing.terminator
    return Response(body, headers=_stream_headers(framing, request_id))


def _stream_headers(framing: StreamFraming, request_id: str) -> dict[str, str]:
    return {
        "Content-Type": framing.media_type,
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Accel-Buffering": "no",
        "X-Request-ID": request_id,
    }


class SubscriptionStream:
    """Response to one subscription: an ASGI application that sends events until its end.

    What is sent, and for how long a client may read nothing, is decided by `OutgoingBuffer` and
    `Subscriber`. A stream ends in one of three ways:

    | cause                                      | last bytes                     | the client |
    |--------------------------------------------|--------------------------------|------------|
    | the token was revoked                      | the error, framing.terminator  | stops      |
    | the server is about to stop                | an empty chunk                 | reconnects |
    | the client is gone, or reads too slowly    | none, the connection is closed | reconnects |

    Clients reconnect with their last cursor in `Last-Event-ID`.
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
        self._outgoing = OutgoingBuffer(
            services.settings.write_seconds, framing.ping, framing.ping_interval_seconds
        )
        self._outgoing.add_answer(framing.preamble)
        self._last_chunk = b""
        self._subscriber: Subscriber | None = None
        self._credentials: Credentials
        self._viewer: Viewer

    async def start_subscription(
        self, subscription: PreparedSubscription, credentials: Credentials, after_cursor: str | None
    ) -> "SubscriptionStream":
        """Start the subscription after a cursor, or from now on.

        Raises RefusedCredentialsError if the token is invalid, and the errors of
        `SubscriptionRegistry.start_subscription`.
        """
        session_monitor = self._services.session_monitor
        viewer = self._viewer = await session_monitor.add_session(self, credentials)
        self._credentials = credentials
        try:
            self._subscriber = await self._services.subscription_registry.start_subscription(
                subscription,
                viewer,
                identify_client(viewer, credentials.address),
                partial(self._outgoing.mark_ready, self._framing.encode_event),
                after_cursor,
            )
            self._subscriber.viewer_changed(self._viewer)  # it may have changed meanwhile
        except BaseException:
            session_monitor.remove_session(self, credentials)
            raise
        return self

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue the subscription with the viewer's current roles."""
        self._viewer = viewer
        if self._subscriber is not None:
            self._subscriber.viewer_changed(viewer)

    def begin_drain(self) -> None:
        """End the stream without its terminator, so that the client reconnects elsewhere."""
        self._outgoing.end_output()

    def revoked(self, error: RefusedCredentialsError) -> None:
        """Send an error and complete the stream, as its token is no longer valid."""
        if not self._outgoing.is_ending:
            errors = {"errors": [format_exception(error, self._request_id)]}
            self._outgoing.add_answer(self._framing.encode_failure(encode_json(errors)))
            self._last_chunk = self._framing.terminator
            self._outgoing.end_output()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream until it ends or the client disconnects."""
        extension: dict[str, Any] = scope.get("extensions", {}).get(SINGLE_WRITE_EXTENSION, {})
        extension["end"] = self.begin_drain
        disconnect_watcher = asyncio.create_task(self._watch_disconnect(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._outgoing.write_until_end(
                lambda messages: send(_make_chunk(b"".join(messages), has_more=True))
            )
            await self._outgoing.limit_write(send(_make_chunk(self._last_chunk, has_more=False)))
        except TimeoutError:  # the client does not read
            extension.get("abort", bool)()
        finally:
            disconnect_watcher.cancel()
            self._end_subscription()
            scope.pop("extensions", None)  # breaks a reference cycle, as in single_write

    async def _watch_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._outgoing.end_output()

    def _end_subscription(self) -> None:
        if self._subscriber is not None:
            self._subscriber.end_subscription()
            self._services.session_monitor.remove_session(self, self._credentials)


def _make_chunk(body: bytes, *, has_more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": has_more}
