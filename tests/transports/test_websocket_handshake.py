"""Origins of WebSockets: the gateway's own and the allowed ones."""

from itertools import count

import pytest
from websockets.exceptions import InvalidStatus

from gateway.transports import websocket_handshake
from tests.transports.streaming_server import ServedGateway, open_websocket, serve_gateway

FORBIDDEN_STATUS = 403
ALLOWED_BY_ORIGIN = {
    None: True,
    "http://127.0.0.1:{port}": True,
    "HTTP://127.0.0.1:{port}": True,
    "https://portal.example.org": True,
    "https://portal.example.org:443": True,
    "HTTPS://Portal.Example.Org": True,
    "http://portal.example.org:443": False,
    "https://127.0.0.1:{port}": False,
    "http://127.0.0.1:{port} http://127.0.0.1:{port}": False,
    "https://portal.example.org:8443": False,
    "http://portal.example.org": False,
    "http://127.0.0.1": False,
    "http://127.0.0.1:{port}.example.org": False,
    "https://elsewhere.example.org": False,
    "http://[": False,
    "null": False,
    "": False,
}
"""Whether a WebSocket may be opened, by the header `Origin`."""


async def is_accepted(gateway: ServedGateway, **headers: str) -> bool:
    """Return False if a WebSocket is refused by status 403."""
    all_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        async with open_websocket(gateway, additional_headers=all_headers) as websocket:
            await websocket.init_connection()
    except InvalidStatus as error:
        return error.response.status_code != FORBIDDEN_STATUS
    return True


@pytest.mark.parametrize("origin", ALLOWED_BY_ORIGIN)
async def test_origin_check(url: str, origin: str | None) -> None:
    async with serve_gateway(url, origins="https://portal.example.org") as gateway:
        headers = {} if origin is None else {"Origin": origin.format(port=gateway.port)}
        assert await is_accepted(gateway, **headers) is ALLOWED_BY_ORIGIN[origin]


async def test_foreign_origin_is_refused_by_default(gateway: ServedGateway) -> None:
    assert not await is_accepted(gateway, Origin="https://portal.example.org")


@pytest.mark.parametrize(
    ("origin", "is_allowed"), [("https://a.example", True), ("null", False), ("*", False)]
)
async def test_all_origins_can_be_allowed(url: str, origin: str, is_allowed: bool) -> None:
    async with serve_gateway(url, origins="*") as gateway:
        assert await is_accepted(gateway, Origin=origin) is is_allowed


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        ({"X_Forwarded_Proto": "https", "X_Forwarded_Host": "api.example.org"}, True),
        ({"X_Forwarded_Proto": "https"}, False),
        ({"X_Forwarded_Host": "api.example.org"}, False),
        ({}, False),
    ],
)
async def test_own_origin_behind_a_trusted_proxy(
    url: str, headers: dict[str, str], is_allowed: bool
) -> None:
    async with serve_gateway(url, trusted_proxies="127.0.0.0/8") as gateway:
        origin = "https://api.example.org"
        assert await is_accepted(gateway, Origin=origin, **headers) is is_allowed


async def test_a_missing_scheme_is_reported_once(
    url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_handshake, "_scheme_mismatches", count())
    async with serve_gateway(url) as gateway:
        for _ in range(2):
            assert not await is_accepted(gateway, Origin=f"https://127.0.0.1:{gateway.port}")
    (record,) = caplog.records
    assert "must set X-Forwarded-Proto" in record.getMessage()
