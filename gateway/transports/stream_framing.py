"""The two framings of a stream over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.subscriptions.subscriber_queue import SubscriberMessage


@dataclass(frozen=True)
class StreamFraming:
    """How messages are written in a stream."""

    media_type: str
    encode_event: Callable[[SubscriberMessage], bytes]
    """Write what tells of an event, with its cursor."""
    encode_result: Callable[[bytes], bytes]
    """Write a response without one."""
    encode_failure: Callable[[bytes], bytes]
    """Write a response that ends the subscription."""
    preamble: bytes
    """Stands before all else."""
    terminator: bytes
    """Says that nothing follows."""
    ping: bytes
    """Says that the server lives."""
    ping_interval_seconds: float
    """How often it says so."""


def _encode_sse_event(payload: bytes, cursor: str = "") -> bytes:
    id_line = f"id: {cursor}\n".encode() if cursor else b""
    return id_line + b"event: next\ndata: " + payload + b"\n\n"


def _encode_part(payload: bytes) -> bytes:
    """Write a part up to the delimiter, without which a client would wait for the part's end."""
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
"""The protocol graphql-sse in its mode of distinct connections; JSON has no line breaks."""


MULTIPART_FRAMING = StreamFraming(
    media_type='multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
    encode_event=lambda message: _encode_part(b'{"payload":' + message.payload + b"}"),
    encode_result=lambda payload: _encode_part(b'{"payload":' + payload + b"}"),
    encode_failure=lambda payload: _encode_part(b'{"payload":null,' + payload[1:]),
    preamble=b"\r\n--graphql",
    terminator=b"--\r\n",
    ping=_encode_part(b"{}"),
    ping_interval_seconds=5,
)
"""Apollo's multipart subscriptions."""


def select_framing(accept_header: str) -> StreamFraming | None:
    """Give how a client that takes `accepted` media types takes a stream; None if it does not."""
    accept_header = accept_header.lower()
    if "text/event-stream" in accept_header:
        return SSE_FRAMING
    accepts_multipart = "multipart/mixed" in accept_header and "subscriptionspec" in accept_header
    return MULTIPART_FRAMING if accepts_multipart else None
