"""Impersonation over HTTP: a request of staff is that of another user, or it is refused."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.support.gateway_server import GatewayClient, Headers, serve_in_process

HEADER = "X-Impersonated-User-Uuid"
VIEWER_QUERY = "{ viewer { user { username } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of the demo."""
    async with serve_in_process(demo_url) as client:
        yield client


@pytest.fixture(scope="module")
def user_uuids(demo_url: str) -> dict[str, str]:
    """Return the uuids of the users, in hexadecimal digits, by username."""
    with psycopg.connect(demo_url) as connection:
        rows = connection.execute("select username, uuid from core_user").fetchall()
    return {username: uuid.hex for username, uuid in rows}


def make_headers(client: GatewayClient, as_: str, *values: str) -> list[tuple[str, bytes]]:
    """Return the headers of a user who impersonates others."""
    token_header = ("Authorization", f"Token {client.tokens[as_]}".encode())
    return [token_header, *((HEADER, each.encode()) for each in values)]


async def fetch_username(client: GatewayClient, headers: Headers) -> str:
    """Return the username of the viewer of a request."""
    response = await client.send_query(VIEWER_QUERY, headers)
    assert response.status_code == 200, response.text
    return str(response.json()["data"]["viewer"]["user"]["username"])


async def test_staff_impersonates_a_user(client: GatewayClient, user_uuids: dict[str, str]) -> None:
    headers = make_headers(client, "staff", user_uuids["member"])
    assert await fetch_username(client, headers) == "member"


async def test_others_are_refused(client: GatewayClient, user_uuids: dict[str, str]) -> None:
    headers = make_headers(client, "owner", user_uuids["member"])
    response = await client.send_query(VIEWER_QUERY, headers)
    assert response.status_code == 403
