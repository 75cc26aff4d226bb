"""WebSocket handshake: check of origin, subprotocol and quota.

Browsers allow every page to open a WebSocket to any host, so the origin is checked here.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from gateway.error_table import CloseCode
from gateway.subscriptions.quota import QuotaExceededError
from gateway.subscriptions.registry import ServerDrainingError
from gateway.transports.graphql_transport_ws import (
    SUBPROTOCOL,
    WebSocketCloseError,
    create_close_event,
    make_close_error,
)
from gateway.transports.services import TransportServices
from gateway.transports.websocket import WebSocketConnection


def is_origin_allowed(scope: Scope, allowed_origins: Collection[str]) -> bool:
    """Return whether a WebSocket may be opened from its origin.

    The gateway's own origin and the allowed origins may; clients other than browsers
    send no `Origin`, and may, too.
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
    """Accept and serve a WebSocket, or close it with the code that names the reason.

    A forbidden origin is rejected by status 403 before the WebSocket is accepted.
    """
    await receive()  # websocket.connect
    if not is_origin_allowed(scope, services.settings.origins):
        await send({"type": "websocket.close", "code": int(CloseCode.FORBIDDEN)})
        return
    speaks_subprotocol = SUBPROTOCOL in scope["subprotocols"]
    await send(
        {"type": "websocket.accept", "subprotocol": SUBPROTOCOL if speaks_subprotocol else None}
    )
    if not speaks_subprotocol:
        close_error = WebSocketCloseError(
            CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable"
        )
        await send(create_close_event(close_error))
        return
    if services.subscription_registry.is_draining:
        await send(create_close_event(make_close_error(ServerDrainingError(), request_id)))
        return
    try:
        with services.socket_quota.acquire_slot(None):
            connection = WebSocketConnection(services, scope, receive, send, request_id)
            await connection.serve_connection()
    except QuotaExceededError as error:
        await send(create_close_event(make_close_error(error, request_id)))
