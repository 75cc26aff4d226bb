"""Requests of tests that impersonate a user."""

from collections.abc import Iterable
from typing import Any

import httpx
import psycopg

from tests.support.gateway_server import GatewayClient

IMPERSONATION_HEADER = "X-Impersonated-User-Uuid"
VIEWER_QUERY = "{ viewer { user { username } } }"
UNKNOWN_USER_UUID = "f" * 32


def load_user_uuids(url: str) -> dict[str, str]:
    """Return the uuids of all users, in 32 digits, by username."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("select username, uuid from core_user").fetchall()
    return {username: uuid.hex for username, uuid in rows}


def build_headers(token: str | None, uuids: Iterable[str]) -> list[tuple[str, bytes]]:
    """Return the headers of the owner of a token who impersonates users."""
    token_headers = [] if token is None else [("Authorization", f"Token {token}".encode())]
    return [*token_headers, *((IMPERSONATION_HEADER, each.encode()) for each in uuids)]


class ImpersonationScene:
    """A demo of its own, with the uuids of its users."""

    def __init__(self, url: str, client: GatewayClient) -> None:
        self.url, self.client, self.uuids = url, client, load_user_uuids(url)

    async def send(self, as_: str | None, *uuids: str, query: str = VIEWER_QUERY) -> httpx.Response:
        """Send a query as a user who impersonates users with these uuids."""
        token = None if as_ is None else self.client.tokens[as_]
        return await self.client.send_query(query, build_headers(token, uuids))

    async def fetch_attachment(self, as_: str, uuid: str) -> httpx.Response:
        """Request a file that does not exist, as a user who impersonates another one."""
        headers = {
            "Authorization": f"Token {self.client.tokens[as_]}",
            IMPERSONATION_HEADER: uuid,
        }
        path = f"/attachments/{UNKNOWN_USER_UUID}.pdf"
        return await self.client.http.get(path, headers=headers)

    async def fetch_username(self, as_: str, *uuids: str) -> str:
        """Return the username of the viewer of such a request."""
        response = await self.send(as_, *uuids)
        assert response.status_code == 200, response.text
        return str(response.json()["data"]["viewer"]["user"]["username"])

    async def expect_refusal(self, as_: str | None, *uuids: str, message: str) -> None:
        """Check that such a request is refused."""
        response = await self.send(as_, *uuids)
        assert response.status_code == 403, response.text
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "FORBIDDEN"}
        assert message in error["message"]
        assert "data" not in response.json()

    def list_refreshed_users(self) -> list[str]:
        """Return the names of the users whose tokens were refreshed within a minute."""
        statement = """
            select u.username from authtoken_token t join core_user u on u.id = t.user_id
            where t.created > now() - interval '1 minute'
        """
        with psycopg.connect(self.url) as connection:
            return [username for (username,) in connection.execute(statement)]

    def run_sql(self, statement: str, *parameters: Any) -> None:
        """Run a statement."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode(), parameters or None)
