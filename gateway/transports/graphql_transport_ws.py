"""Messages of the protocol graphql-transport-ws: parsers, encoders, close codes.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

from typing import Any

from starlette.types import Message

from gateway.error_table import CloseCode, get_error_rule
from gateway.exact_json import decode_request_json, encode_json
from gateway.execution.errors import format_exception
from gateway.execution.graphql_request import GraphQLRequest
from gateway.http.request_body import MAX_JSON_LEVELS, BadRequestError, parse_decoded_json

SUBPROTOCOL = "graphql-transport-ws"
MAX_CLOSE_REASON_BYTES = 120
"""Maximum length of a close reason in bytes; RFC 6455 §5.5 allows 123."""
MAX_OPERATION_ID_LENGTH = 128
"""Maximum length of an operation's id in characters."""


class WebSocketCloseError(Exception):
    """The WebSocket must be closed; the message is the close reason."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        """Set the close code and the close reason."""
        super().__init__(reason)
        self.code = code


def make_close_error(error: BaseException, request_id: str) -> WebSocketCloseError:
    """Return how an exception closes a WebSocket, by the error table; log it if it is masked."""
    rule = get_error_rule(error)
    code = CloseCode.INTERNAL if rule.close_code is None else rule.close_code
    formatted = format_exception(error, request_id)
    id_note = f" ({request_id})" if "id" in formatted["extensions"] else ""
    return WebSocketCloseError(code, f"{formatted['message']}{id_note}")


def parse_message(text: str | None) -> dict[str, Any]:
    """Parse a message of the client; None is a binary frame.

    Raises WebSocketCloseError if it is not a message of the protocol.
    """
    try:
        message = decode_request_json(text or "")
    except RecursionError:
        reason = f"A message must be nested at most {MAX_JSON_LEVELS} levels."
        raise WebSocketCloseError(CloseCode.BAD_REQUEST, reason) from None
    except ValueError:
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, "A message must be a JSON object."
        ) from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, "A message must be a JSON object with a string `type`."
        )
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, "The `payload` of a message must be an object or null."
        )
    return message


def parse_operation_id(message: dict[str, Any]) -> str:
    """Return the operation id of a message.

    Raises WebSocketCloseError if it is missing or too long.
    """
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= MAX_OPERATION_ID_LENGTH:
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST,
            f"The `id` must be a string of 1 to {MAX_OPERATION_ID_LENGTH} characters.",
        )
    return operation_id


def parse_subscribe_payload(message: dict[str, Any], request_id: str) -> GraphQLRequest:
    """Return the GraphQL request of a `subscribe` message.

    Raises WebSocketCloseError if the payload is not a GraphQL request.
    """
    try:
        return parse_decoded_json(message.get("payload"), request_id)
    except BadRequestError as error:
        raise WebSocketCloseError(
            CloseCode.BAD_REQUEST, str(error).replace("body", "payload", 1)
        ) from None


def parse_payload_headers(message: dict[str, Any], *names: str) -> dict[str, list[str]]:
    """Return the headers in the payload of a `connection_init` message, of those with these names.

    Case does not matter in names, so that one can be repeated; keys are in lower case. Raises
    WebSocketCloseError if a value is neither a string nor null.
    """
    payload = message.get("payload") or {}
    headers: dict[str, list[str]] = {}
    for name in names:
        for each, value in payload.items():
            if each.lower() == name.lower() and value is not None:
                if not isinstance(value, str):
                    reason = f"`payload.{name}` must be a string."
                    raise WebSocketCloseError(CloseCode.BAD_REQUEST, reason)
                headers.setdefault(name.lower(), []).append(value)
    return headers


def encode_message(message_type: str, **members: Any) -> bytes:
    """Encode a message of the server."""
    return encode_json({"type": message_type, **members})


def encode_next_prefix(operation_id: str) -> bytes:
    """Encode a `next` message up to its payload, after which only `}` is missing."""
    return b'{"type":"next","id":%b,"payload":' % encode_json(operation_id)


def create_close_event(error: WebSocketCloseError) -> Message:
    """Return the ASGI event that closes a WebSocket; a long reason is cut."""
    reason_text = str(error).encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore")
    return {"type": "websocket.close", "code": int(error.code), "reason": reason_text}
