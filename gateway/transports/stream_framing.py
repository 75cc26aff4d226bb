"""The two framings of a stream over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.subscriptions.subscriber_queue import Message


@dataclass(frozen=True)
class Framing:
    """How messages are written in a stream."""

    media_type: str
    event: Callable[[Message], bytes]
    """Write what tells of an event, with its cursor."""
    answer: Callable[[bytes], bytes]
    """Write a response without one."""
    failure: Callable[[bytes], bytes]
    """Write a response that ends the subscription."""
    begin: bytes
    """Stands before all else."""
    end: bytes
    """Says that nothing follows."""
    beat: bytes
    """Says that the server lives."""
    seconds: float
    """How often it says so."""


def _sse(payload: bytes, cursor: str = "") -> bytes:
    head = f"id: {cursor}\n".encode() if cursor else b""
    return head + b"event: next\ndata: " + payload + b"\n\n"


def _part(payload: bytes) -> bytes:
    """Write a part up to the delimiter, without which a client would wait for the part's end."""
    return b"\r\ncontent-type: application/json\r\n\r\n" + payload + b"\r\n--graphql"


SSE = Framing(
    media_type="text/event-stream; charset=utf-8",
    event=lambda message: _sse(message.payload, message.cursor),
    answer=_sse,
    failure=_sse,
    begin=b":\n\n",
    end=b"event: complete\ndata:\n\n",
    beat=b":\n\n",
    seconds=12,
)
"""The protocol graphql-sse in its mode of distinct connections; JSON has no line breaks."""


MULTIPART = Framing(
    media_type='multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
    event=lambda message: _part(b'{"payload":' + message.payload + b"}"),
    answer=lambda payload: _part(b'{"payload":' + payload + b"}"),
    failure=lambda payload: _part(b'{"payload":null,' + payload[1:]),
    begin=b"\r\n--graphql",
    end=b"--\r\n",
    beat=_part(b"{}"),
    seconds=5,
)
"""Apollo's multipart subscriptions."""


def framing_for(accepted: str) -> Framing | None:
    """Give how a client that takes `accepted` media types takes a stream; None if it does not."""
    accepted = accepted.lower()
    if "text/event-stream" in accepted:
        return SSE
    multipart = "multipart/mixed" in accepted and "subscriptionspec" in accepted
    return MULTIPART if multipart else None
