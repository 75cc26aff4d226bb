"""Who may have a WebSocket: browsers let every page try, and send cookies along."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from gateway.subscriptions.quota import QuotaExceededError
from gateway.transports.graphql_transport_ws import (
    SUBPROTOCOL,
    CloseCode,
    WebSocketCloseError,
    create_close_event,
)
from gateway.transports.services import TransportServices
from gateway.transports.websocket import WebSocketConnection


def is_origin_allowed(scope: Scope, allowed_origins: Collection[str]) -> bool:
    """Say whether the page that a WebSocket comes from may have one.

    It may if it is served from here or from one of some other origins; what is
    no browser names none.
    """
    headers: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    if origin is None or origin in allowed_origins:
        return True
    try:
        host: str = headers.get(b"host", "").lower()
        return host != "" and urlsplit(origin).netloc.lower() == host
    except ValueError:
        return False


async def serve_websocket(
    services: TransportServices, scope: Scope, receive: Receive, send: Send, request_id: str
) -> None:
    """Serve a WebSocket, if it speaks the protocol and comes from a page that may have one."""
    await receive()  # websocket.connect
    if not is_origin_allowed(scope, services.settings.origins):
        await send({"type": "websocket.close", "code": int(CloseCode.FORBIDDEN)})
        return
    speaks_subprotocol = SUBPROTOCOL in scope["subprotocols"]
    await send(
        {"type": "websocket.accept", "subprotocol": SUBPROTOCOL if speaks_subprotocol else None}
    )
    close_error = WebSocketCloseError(
        CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable"
    )
    if speaks_subprotocol:
        try:
            with services.socket_quota.acquire_slot(None):
                await WebSocketConnection(
                    services, scope, receive, send, request_id
                ).serve_connection()
                return
        except QuotaExceededError as error:
            close_error = WebSocketCloseError(CloseCode.UNAVAILABLE, str(error))
    await send(create_close_event(close_error))
