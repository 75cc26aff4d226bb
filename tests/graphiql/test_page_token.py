"""The page contains the demo's token only if it is requested under a loopback name."""

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
    gateway_settings = load_settings({}, database_url=demo.url)
    app = build_application(gateway_settings, demo.installation, demo.tokens["staff"])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        page = await client.get("/graphql", headers=HTML_HEADERS)
    assert page.status_code == 200
    assert (demo.tokens["staff"] in page.text) is has_token


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
