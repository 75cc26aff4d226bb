"""The page contains the demo's token only if it is requested from and at a loopback address."""

import httpx
import pytest

from gateway.config.settings import load_settings
from gateway.server.app import build_application
from tests.support.marketplaces import Marketplace

HTML_HEADERS = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("host", "has_token"),
    [
        ("127.0.0.1:8000", True),
        ("localhost", True),
        ("[::1]:8000", True),
        ("evil.example", False),
        ("10.0.0.7", False),
        ("localhost.evil.example", False),
    ],
)
async def test_only_loopback_names_get_the_token(
    demo: Marketplace, host: str, has_token: bool
) -> None:
    assert (demo.tokens["staff"] in await fetch_page(demo, host)) is has_token


@pytest.mark.parametrize(
    ("peer", "headers", "has_token"),
    [
        ("127.0.0.1", {}, True),
        ("127.0.0.9", {}, True),
        ("::1", {}, True),
        ("10.0.0.7", {}, False),
        ("fe80::1%eth0", {}, False),
        ("", {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
    ],
)
async def test_only_loopback_peers_get_the_token(
    demo: Marketplace, peer: str, headers: dict[str, str], has_token: bool
) -> None:
    page = await fetch_page(demo, "localhost", peer, **headers)
    assert (demo.tokens["staff"] in page) is has_token


async def fetch_page(demo: Marketplace, host: str, peer: str = "127.0.0.1", **headers: str) -> str:
    """Return the page for a request with that Host from that peer."""
    gateway_settings = load_settings({}, database_url=demo.url, dev="on")
    app = build_application(gateway_settings, demo.installation, demo.tokens["staff"])
    transport = httpx.ASGITransport(app=app, client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        response = await client.get("/graphql", headers={**HTML_HEADERS, **headers})
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize(
    ("root_path", "path"),
    [("", "/"), ("/api/gateway", "/"), ("/api/gateway", "/api/gateway"), ("/api", "/api/")],
)
async def test_the_root_redirects_to_graphiql(demo: Marketplace, root_path: str, path: str) -> None:
    settings = load_settings({"GATEWAY_ROOT_PATH": root_path}, database_url=demo.url)
    app = build_application(settings, demo.installation)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        location = (await client.get(path)).headers["Location"]
    assert location == (f"{root_path}/graphql" if root_path else "graphql")
