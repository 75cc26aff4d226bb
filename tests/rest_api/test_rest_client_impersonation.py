"""Changes of an impersonated user over REST: Waldur must honour the header, or nothing is sent."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse, Response

from tests.conftest import DatabaseFactory
from tests.support.impersonation import load_user_uuids
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.rest_server import RecordedRequest, RestServer, run_rest_server

HEADER = "X-Act-As"
IDENTITY_PATH = "/api/users/me/"
SET_END_DATE_MUTATION = """
mutation { setResourceEndDate(input: {uuid: "%s", endDate: "2031-05-01"}) {
    __typename ... on Unavailable { message retryable }
} }
"""


class ImpersonatedChanges:
    """A demo whose changes are sent to a REST server, which knows the header or not."""

    def __init__(self, url: str, demo: MutableDemo, rest_server: RestServer) -> None:
        self.demo, self.rest_server = demo, rest_server
        self.uuids = load_user_uuids(url)
        self.identity_answer: Response | None = None
        """The answer to who the user is; None for the one of the header."""
        rest_server.respond = self._respond

    def _respond(self, request: RecordedRequest) -> Response:
        if request.path == IDENTITY_PATH:
            return self.identity_answer or JSONResponse({"uuid": request.headers[HEADER.lower()]})
        return JSONResponse({})

    async def set_end_date(self, username: str) -> dict[str, object]:
        """Set the end date of a resource of `owner`, as staff who impersonate a user."""
        self.rest_server.requests.clear()
        (uuid, *_) = await self.demo.find_operable_resources("SET_RESOURCE_END_DATE", "owner")
        headers = {
            "Authorization": f"Token {self.demo.client.tokens['staff']}",
            HEADER: self.uuids[username].upper(),
        }
        query = {"query": SET_END_DATE_MUTATION % uuid}
        response = await self.demo.client.http.post("/graphql", json=query, headers=headers)
        result: dict[str, object] = response.json()["data"]["setResourceEndDate"]
        return result


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def changes(new_database: DatabaseFactory) -> AsyncIterator[ImpersonatedChanges]:
    """Yield a demo whose changes are sent to a REST server."""
    url = new_database()
    with run_rest_server() as rest_server:
        settings = {"waldur_url": rest_server.url, "impersonation_header": HEADER}
        async with serve_mutable_demo(url, 60, changes="waldur", **settings) as demo:
            yield ImpersonatedChanges(url, demo, rest_server)


async def test_changes_have_the_senders_token_and_the_header(changes: ImpersonatedChanges) -> None:
    assert await changes.set_end_date("nobody") == {"__typename": "NotFound"}
    assert changes.rest_server.requests == []
    assert await changes.set_end_date("owner") == {"__typename": "ResourceEndDateSet"}
    identity_request, request = changes.rest_server.requests
    assert (identity_request.method, identity_request.path) == ("GET", IDENTITY_PATH)
    assert (request.method, request.path.endswith("/set_end_date/")) == ("POST", True)
    for each in changes.rest_server.requests:
        assert each.headers["authorization"] == f"Token {changes.demo.client.tokens['staff']}"
        assert each.headers[HEADER.lower()] == changes.uuids["owner"]


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"uuid": "0" * 32}),
        JSONResponse({}),
        JSONResponse([]),
        JSONResponse({"uuid": None}),
        JSONResponse({"detail": "no"}, 403),
        Response("<html>", 404, media_type="text/html"),
        Response(status_code=500),
    ],
)
async def test_nothing_is_sent_to_a_waldur_that_ignores_the_header(
    changes: ImpersonatedChanges, answer: Response
) -> None:
    changes.identity_answer = answer
    try:
        result = await changes.set_end_date("owner")
    finally:
        changes.identity_answer = None
    assert result["__typename"] != "ResourceEndDateSet"
    if answer.status_code == 200:
        assert result["message"] == f"Waldur ignores {HEADER}, so nothing was changed."
    assert [each.method for each in changes.rest_server.requests] == ["GET"]


async def test_nothing_was_changed_if_waldur_does_not_say_who_the_user_is(
    changes: ImpersonatedChanges,
) -> None:
    changes.identity_answer = Response(status_code=502)
    try:
        result = await changes.set_end_date("owner")
    finally:
        changes.identity_answer = None
    assert (result["__typename"], result["retryable"]) == ("Unavailable", True)
    assert result["message"] == "Waldur failed before anything was changed: try again later."
