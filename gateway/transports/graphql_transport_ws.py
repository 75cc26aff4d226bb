"""The messages of the protocol graphql-transport-ws, as they come and as they go.

The protocol is that of https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

from enum import IntEnum
from typing import Any

import msgspec
from starlette.types import Message

from gateway.execution.graphql_request import GraphQLRequest
from gateway.http.request_body import BadRequestError, parse_decoded_json

SUBPROTOCOL = "graphql-transport-ws"
MAX_CLOSE_REASON_BYTES = 120
"""Bytes of a reason for closing: the protocol has room for 123 (RFC 6455 §5.5)."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class CloseCode(IntEnum):
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


class WebSocketCloseError(Exception):
    """The socket is to be closed; the text says why."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        """Close with a code of the protocol's."""
        super().__init__(reason)
        self.code = code


def parse_message(text: str | None) -> dict[str, Any]:
    """Read a message; CloseError if it is none."""
    try:
        message = _decode(text or "")
    except (ValueError, RecursionError):
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, "A message must be a JSON object."
        ) from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, "A message must be an object with a `type`."
        )
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, "The `payload` of a message must be an object."
        )
    return message


def parse_operation_id(message: dict[str, Any]) -> str:
    """Give the id of the operation that a message is of; CloseError without one."""
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= MAX_OPERATION_ID_LENGTH:
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST,
            f"The `id` must be a text of 1 to {MAX_OPERATION_ID_LENGTH} characters.",
        )
    return operation_id


MAX_OPERATION_ID_LENGTH = 128


def parse_subscribe_payload(message: dict[str, Any], request_id: str) -> GraphQLRequest:
    """Read the operation of a `subscribe` message; CloseError if there is none."""
    try:
        return parse_decoded_json(message.get("payload"), request_id)
    except BadRequestError as error:
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, str(error).replace("body", "payload")
        ) from None


def parse_authorization(message: dict[str, Any]) -> tuple[str, ...]:
    """Give what `connection_init` has in place of the header; CloseError if it is no text."""
    payload = {name.lower(): value for name, value in (message.get("payload") or {}).items()}
    value = payload.get("authorization")
    if value is None:
        return ()
    if not isinstance(value, str):
        raise WebSocketCloseError(CloseCode.BAD_REQUEST, "`payload.Authorization` must be a text.")
    return (value,)


def encode_message(message_type: str, **members: Any) -> bytes:
    """Write a message."""
    return _encode({"type": message_type, **members})


def encode_next_prefix(operation_id: str) -> bytes:
    """Write the beginning of a `next` message, up to its payload; `}` is its end."""
    return b'{"type":"next","id":%b,"payload":' % _encode(operation_id)


def create_close_event(error: WebSocketCloseError) -> Message:
    """Give what has a socket closed."""
    reason_text = str(error).encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore")
    return {"type": "websocket.close", "code": int(error.code), "reason": reason_text}
