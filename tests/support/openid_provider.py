"""An OpenID provider in a thread: it issues access tokens and answers introspection requests."""

import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.responses import JSONResponse, Response

from tests.support.rest_server import RecordedRequest, RestServer, run_rest_server

CLIENT_ID, CLIENT_SECRET = "gateway", "hidden: secret/ü"


class OpenIDProvider:
    """Provider whose answers can be changed at any time."""

    def __init__(self, server: RestServer) -> None:
        self.server = server
        self.answers: dict[str, Any] = {}
        """Answers by token; others are not active."""
        self.failure: Response | None = None
        """Answer to all requests instead."""
        server.respond = self._respond

    @property
    def settings(self) -> dict[str, Any]:
        """The gateway's own settings of this provider."""
        return {
            "oidc": "own",
            "oidc_introspection_url": f"{self.server.url}/introspect",
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
        }

    def issue_token(self, username: object, seconds: float = 600, **members: Any) -> str:
        """Return a new access token that is valid for some seconds."""
        token = make_jwt({"exp": time.time() + seconds, "jti": len(self.answers)})
        self.answers[token] = {"active": True, "username": username, **members}
        return token

    def list_tokens(self) -> list[str]:
        """Return the tokens about which the provider was asked."""
        return [_read_token(each) for each in self.server.requests]

    def _respond(self, request: RecordedRequest) -> Response:
        if self.failure is not None:
            return self.failure
        credentials = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers["authorization"] != f"Basic {credentials}" or request.method != "POST":
            return Response(status_code=401)
        return JSONResponse(self.answers.get(_read_token(request), {"active": False}))


def _read_token(request: RecordedRequest) -> str:
    return parse_qs(request.content.decode())["token"][0]


def make_jwt(claims: object) -> str:
    """Return a JSON Web Token without a valid signature."""
    parts = [msgspec.json.encode({"alg": "RS256"}), msgspec.json.encode(claims), b"signature"]
    return ".".join(urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts)


@contextmanager
def run_openid_provider() -> Iterator[OpenIDProvider]:
    """Yield a provider on a free port."""
    with run_rest_server() as server:
        yield OpenIDProvider(server)
