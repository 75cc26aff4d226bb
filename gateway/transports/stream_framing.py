"""Framings of subscription streams over HTTP: Server-Sent Events and multipart."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.http.content_negotiation import SUBSCRIPTION_SPEC_VERSION, StreamProtocol
from gateway.subscriptions.subscriber import SubscriberMessage


@dataclass(frozen=True)
class StreamFraming:
    """Encoding of the messages of a stream."""

    media_type: str
    encode_event: Callable[[SubscriberMessage], bytes]
    """Encodes a subscriber's message with its cursor."""
    encode_result: Callable[[bytes], bytes]
    """Encodes a GraphQL response without a cursor."""
    encode_failure: Callable[[bytes], bytes]
    """Encodes a GraphQL response with the errors that end the subscription."""
    preamble: bytes
    """First bytes of each stream."""
    terminator: bytes
    """Last bytes of a stream that is complete; a client reconnects if they are missing."""
    ping: bytes
    """Keep-alive message, ignored by clients."""
    ping_interval_seconds: float
    """Seconds without any other message after which a ping is sent."""


def _encode_sse_event(payload: bytes, cursor: str = "") -> bytes:
    id_line = f"id: {cursor}\n".encode() if cursor else b""
    return id_line + b"event: next\ndata: " + payload + b"\n\n"


def _encode_part(payload: bytes) -> bytes:
    """Encode a part and the delimiter after it, by which clients know that it is complete."""
    return b"\r\ncontent-type: application/json\r\n\r\n" + payload + b"\r\n--graphql"


SSE_FRAMING = StreamFraming(
    media_type="text/event-stream; charset=utf-8",
    encode_event=lambda message: _encode_sse_event(message.payload, message.cursor),
    encode_result=_encode_sse_event,
    encode_failure=_encode_sse_event,
    preamble=b":\n\n",
    terminator=b"event: complete\ndata:\n\n",
    ping=b":\n\n",
    ping_interval_seconds=12,
)
"""The protocol graphql-sse in its mode "distinct connections".

JSON as encoded here has no line breaks, so that one `data:` line holds a response.
"""


MULTIPART_FRAMING = StreamFraming(
    media_type=f'multipart/mixed;boundary="graphql";subscriptionSpec={SUBSCRIPTION_SPEC_VERSION}',
    encode_event=lambda message: _encode_part(b'{"payload":' + message.payload + b"}"),
    encode_result=lambda payload: _encode_part(b'{"payload":' + payload + b"}"),
    encode_failure=lambda payload: _encode_part(b'{"payload":null,' + payload[1:]),
    preamble=b"\r\n--graphql",
    terminator=b"--\r\n",
    ping=_encode_part(b"{}"),
    ping_interval_seconds=5,
)
"""Apollo's multipart subscription protocol, version 1.0."""


FRAMINGS = {
    StreamProtocol.SERVER_SENT_EVENTS: SSE_FRAMING,
    StreamProtocol.MULTIPART: MULTIPART_FRAMING,
}
"""The framing of each protocol."""
