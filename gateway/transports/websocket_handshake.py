"""WebSocket handshake: check of origin, subprotocol and quota.

Browsers allow every page to open a WebSocket to any host, so the origin is checked here.
"""

import logging
from itertools import count
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from gateway.config.settings import Settings
from gateway.config.web_origin import normalize_origin
from gateway.error_table import CloseCode
from gateway.http.cors import is_listed_origin
from gateway.http.own_origin import compute_own_origin
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

log = logging.getLogger(__name__)
_scheme_mismatches = count()


def is_origin_allowed(scope: Scope, settings: Settings) -> bool:
    """Return whether a WebSocket may be opened from its origin.

    The gateway's own origin and the allowed origins may; clients other than browsers
    send no `Origin`, and may, too.
    """
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if not origins:
        return True
    if len(origins) > 1:
        return False
    if is_listed_origin(origins[0], settings.origins):
        return True
    origin = normalize_origin(origins[0])
    own_origin = compute_own_origin(scope, settings.trusted_proxies)
    if origin is None or own_origin is None:
        return False
    _warn_about_scheme(origin, own_origin)
    return origin == own_origin


def _warn_about_scheme(origin: str, own_origin: str) -> None:
    """Log once per process that a proxy with TLS does not forward the scheme, if that is likely."""
    if (
        origin.startswith("https:")
        and own_origin.startswith("http:")
        and urlsplit(origin).hostname == urlsplit(own_origin).hostname
        and next(_scheme_mismatches) == 0
    ):
        log.warning(
            "A WebSocket from %s was refused, because it reached the gateway as %s: a proxy with "
            "TLS must set X-Forwarded-Proto and be listed in GATEWAY_TRUSTED_PROXIES.",
            origin,
            own_origin,
        )


async def serve_websocket(
    services: TransportServices, scope: Scope, receive: Receive, send: Send, request_id: str
) -> None:
    """Accept and serve a WebSocket, or close it with the code that names the reason.

    A forbidden origin is rejected by status 403 before the WebSocket is accepted.
    """
    await receive()  # websocket.connect
    if not is_origin_allowed(scope, services.settings):
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
