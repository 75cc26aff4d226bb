"""The messages of the protocol graphql-transport-ws, as they come and as they go.

The protocol is that of https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

from enum import IntEnum
from typing import Any

import msgspec
from starlette.types import Message

from gateway.execution.graphql_request import Asking
from gateway.http.request_body import BadRequestError, asking_of

SUBPROTOCOL = "graphql-transport-ws"
ROOM = 120
"""Bytes of a reason for closing: the protocol has room for 123 (RFC 6455 §5.5)."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Close(IntEnum):
    """Why a socket is closed."""

    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITIALISATIONS = 4429
    TOO_SLOW = 4499
    INTERNAL = 4500
    UNAVAILABLE = 1013


class CloseError(Exception):
    """The socket is to be closed; the text says why."""

    def __init__(self, code: Close, reason: str) -> None:
        """Close with a code of the protocol's."""
        super().__init__(reason)
        self.code = code


def message_in(text: str | None) -> dict[str, Any]:
    """Read a message; CloseError if it is none."""
    try:
        message = _decode(text or "")
    except (ValueError, RecursionError):
        raise CloseError(Close.BAD_REQUEST, "A message must be a JSON object.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise CloseError(Close.BAD_REQUEST, "A message must be an object with a `type`.")
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise CloseError(Close.BAD_REQUEST, "The `payload` of a message must be an object.")
    return message


def id_in(message: dict[str, Any]) -> str:
    """Give the id of the operation that a message is of; CloseError without one."""
    id_ = message.get("id")
    if not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID:
        raise CloseError(
            Close.BAD_REQUEST, f"The `id` must be a text of 1 to {LONGEST_ID} characters."
        )
    return id_


LONGEST_ID = 128


def asking_in(message: dict[str, Any], name: str) -> Asking:
    """Read the operation of a `subscribe` message; CloseError if there is none."""
    try:
        return asking_of(message.get("payload"), name)
    except BadRequestError as problem:
        raise CloseError(Close.BAD_REQUEST, str(problem).replace("body", "payload")) from None


def authorization_in(message: dict[str, Any]) -> tuple[str, ...]:
    """Give what `connection_init` has in place of the header; CloseError if it is no text."""
    given = {name.lower(): value for name, value in (message.get("payload") or {}).items()}
    value = given.get("authorization")
    if value is None:
        return ()
    if not isinstance(value, str):
        raise CloseError(Close.BAD_REQUEST, "`payload.Authorization` must be a text.")
    return (value,)


def written(type_: str, **more: Any) -> bytes:
    """Write a message."""
    return _encode({"type": type_, **more})


def next_head(id_: str) -> bytes:
    """Write the beginning of a `next` message, up to its payload; `}` is its end."""
    return b'{"type":"next","id":%b,"payload":' % _encode(id_)


def closing(why: CloseError) -> Message:
    """Give what has a socket closed."""
    reason = str(why).encode()[:ROOM].decode(errors="ignore")
    return {"type": "websocket.close", "code": int(why.code), "reason": reason}
