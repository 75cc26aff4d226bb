"""Options of uvicorn, in one place for the command line and for tests."""

from typing import Any, Final

from gateway.config.settings import Settings
from gateway.server.draining_server import SHUTDOWN_SECONDS

SECURITY_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)
"""Headers of every response. Browsers must not guess media types, show responses in frames, or
send the address, which may contain a query, to other servers. TLS is the proxy's, and
so is Strict-Transport-Security."""


def build_server_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of `uvicorn.Config`, without application, address and port."""
    return {
        "http": "gateway.transports.uvicorn_internals:SingleWriteProtocol",
        "ws": "gateway.transports.websocket_internals:BatchedFrameProtocol",
        "ws_max_size": settings.body_bytes,
        "ws_per_message_deflate": False,
        "server_header": False,
        "proxy_headers": False,
        "headers": list(SECURITY_HEADERS),
        "access_log": settings.access_log,
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
    }
