"""The gateway's own origin, as the browser that sent a request sees it."""

from collections.abc import Sequence
from ipaddress import ip_address

from starlette.types import Scope

from gateway.auth.client_address import resolve_client_address
from gateway.config.parsers import Network
from gateway.config.web_origin import normalize_origin

_HTTP_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_ADDRESS_HEADERS = (b"host", b"x-forwarded-host", b"x-forwarded-proto")


def compute_own_origin(scope: Scope, trusted_proxies: Sequence[Network]) -> str | None:
    """Return the normalized origin that a request was sent to; None if it is unknown.

    A trusted proxy names it in X-Forwarded-Proto and X-Forwarded-Host; their last values are
    those of the nearest proxy. Other clients could write anything into these headers.
    """
    values: dict[bytes, str] = {
        name: value.decode("latin-1")
        for name, value in scope["headers"]
        if name in _ADDRESS_HEADERS
    }
    scheme, host = scope["scheme"], values.get(b"host", "")
    if _is_trusted_proxy(scope.get("client"), trusted_proxies):
        scheme = _last_entry(values.get(b"x-forwarded-proto")) or scheme
        host = _last_entry(values.get(b"x-forwarded-host")) or host
    return normalize_origin(f"{_HTTP_SCHEMES.get(scheme.lower(), '')}://{host}")


def _last_entry(value: str | None) -> str:
    return (value or "").rpartition(",")[2].strip()


def _is_trusted_proxy(client: tuple[str, int] | None, trusted_proxies: Sequence[Network]) -> bool:
    address = resolve_client_address(client[0], (), ()) if client else None
    return address is not None and any(ip_address(address) in each for each in trusted_proxies)
