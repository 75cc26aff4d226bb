"""What the client of the REST API sends: headers, fallbacks, nothing of another user."""

import asyncio
from dataclasses import replace

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.db.access.credentials import Credentials, TokenKind
from gateway.marketplace.problems import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    Problem,
    Unavailable,
)
from gateway.marketplace.requester import Requester
from gateway.rest_api.errors import TokenRejectedError
from gateway.rest_api.rest_request import RestRequest
from tests.support.raw_server import RawExchange, run_raw_server
from tests.support.rest_clients import ACTION, REQUESTER, SECRET_KEY, open_rest_client
from tests.support.rest_server import RecordedRequest, RestServer, run_rest_server

OLDER_ACTION = RestRequest(path="/api/things/1/older/", route="things/older", body={"end_date": ""})
FALLING_ACTION = replace(
    ACTION, since="8.0.7", fallback=OLDER_ACTION, fallback_note="The older action is stricter."
)


async def test_request_has_the_credentials_and_the_request_id() -> None:
    with run_rest_server() as server:
        async with open_rest_client(f"{server.url}/waldur/") as client:
            await client.send_request(REQUESTER, ACTION)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/waldur/api/things/1/act/")
    assert request.body == {"end_date": "2031-01-01"}
    expected = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Token {SECRET_KEY}",
        "content-length": "25",
        "content-type": "application/json",
        "host": server.url.removeprefix("http://"),
        "user-agent": "marketplace-gateway",
        "x-request-id": "request-1",
    }
    assert request.headers == expected


async def test_impersonation_and_the_kind_of_token_are_passed_on() -> None:
    credentials = Credentials("w_1_a", None, TokenKind.PERSONAL, "b" * 32)
    requester = Requester(REQUESTER.viewer, credentials)
    bodiless = replace(ACTION, body=None)
    with run_rest_server() as server:
        async with open_rest_client(server.url, impersonation_header="X-As-User") as client:
            await client.send_request(requester, bodiless)
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer w_1_a"
    assert request.headers["x-as-user"] == "b" * 32
    assert "x-request-id" not in request.headers
    assert request.headers["content-length"] == "0"
    assert "content-type" not in request.headers
    assert request.content == b""


async def test_cookies_of_one_user_are_not_sent_for_the_next() -> None:
    def respond(_request: RecordedRequest) -> Response:
        response = JSONResponse({})
        response.set_cookie("sessionid", "of-the-first-user")
        return response

    with run_rest_server() as server:
        server.respond = respond
        async with open_rest_client(server.url) as client:
            for _ in range(3):
                await client.send_request(REQUESTER, ACTION)
    assert ["cookie" in each.headers for each in server.requests] == [False] * 3


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", "/nonexistent")
    with run_rest_server() as server:
        async with open_rest_client(server.url) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert outcome.problem is None


@pytest.mark.parametrize(
    "response",
    [
        Response(status_code=200),
        Response(status_code=204),
        JSONResponse(None, 202),
        JSONResponse([], 200),
        JSONResponse("text", 200),
        JSONResponse({"order_uuid": 7}, 201),
        JSONResponse({"order_uuid": None}, 200, media_type="Application/JSON; charset=utf-8"),
    ],
)
async def test_odd_bodies_of_accepted_requests_are_accepted(response: Response) -> None:
    with run_rest_server() as server:
        server.respond = lambda _: response
        async with open_rest_client(server.url) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert outcome.problem is None
    assert outcome.answer is not None
    assert outcome.answer.get_uuid("order_uuid") is None
    assert outcome.answer.list_uuids("target_order_uuids") == []


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (400, {"end_date": ["Early."]}, InvalidInput),
        (400, {}, InvalidInput),
        (403, {"detail": "Terms of service."}, NotPermitted),
        (403, None, NotPermitted),
        (404, {"detail": "No Resource matches the given query."}, NotFound),
        (409, {"detail": "Valid states for operation: OK."}, Conflict),
    ],
)
async def test_refusals_have_waldurs_text(status: int, body: object, problem: type) -> None:
    with run_rest_server() as server:
        server.respond = lambda _: JSONResponse(body, status)
        async with open_rest_client(server.url) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert type(outcome.problem) is problem
    assert isinstance(outcome.problem, Problem)
    assert outcome.problem.message
    if isinstance(body, dict) and "detail" in body:
        assert outcome.problem.message == body["detail"]


async def test_rejected_token_is_an_error() -> None:
    with run_rest_server() as server:
        server.respond = lambda _: JSONResponse({"detail": "Invalid token."}, 401)
        async with open_rest_client(server.url) as client:
            with pytest.raises(TokenRejectedError, match=r"Invalid token\."):
                await client.send_request(REQUESTER, ACTION)


def respond_like_an_older_waldur(request: RecordedRequest) -> Response:
    if request.path.endswith("/act/"):
        return HTMLResponse("<h1>Not Found</h1>", 404)
    return JSONResponse({"end_date": ["Please set at least 7 days in advance."]}, 400)


async def send_falling_action(server: RestServer, count: int) -> list[Problem | None]:
    async with open_rest_client(server.url) as client:
        outcomes = [await client.send_request(REQUESTER, FALLING_ACTION) for _ in range(count)]
    return [each.problem for each in outcomes]


async def test_fallback_is_sent_where_a_route_is_missing_and_at_once_from_then_on() -> None:
    with run_rest_server() as server:
        server.respond = respond_like_an_older_waldur
        problems = await send_falling_action(server, 3)
    actions = [each.path.rpartition("/1/")[2] for each in server.requests]
    assert actions == ["act/", "older/", "older/", "older/"]
    messages = {each.message for each in problems if each is not None}
    assert messages == {
        "`endDate`: Please set at least 7 days in advance. The older action is stricter."
    }


async def test_missing_object_is_no_missing_route() -> None:
    with run_rest_server() as server:
        server.respond = lambda _: JSONResponse({"detail": "Not found."}, 404)
        (problem,) = await send_falling_action(server, 1)
    assert isinstance(problem, NotFound)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [404, 405])
async def test_missing_route_without_fallback_names_the_version(status: int) -> None:
    with run_rest_server() as server:
        server.respond = lambda _: HTMLResponse("<h1>Not Found</h1>", status)
        async with open_rest_client(server.url) as client:
            outcome = await client.send_request(REQUESTER, replace(ACTION, since="8.0.9"))
    assert isinstance(outcome.problem, Unavailable)
    assert not outcome.problem.retryable
    assert not outcome.may_be_done
    assert "lacks `things/act`; it exists since 8.0.9" in outcome.problem.message


async def test_connection_is_reused_and_closed_after_a_fault() -> None:
    async def answer_or_cut(exchange: RawExchange) -> None:
        if len(server.exchanges) != 3:
            exchange.write_answer(200, b"{}")
            exchange.keeps_open = True

    with run_raw_server(answer_or_cut) as server:
        async with open_rest_client(server.url) as client:
            outcomes = [await client.send_request(REQUESTER, ACTION) for _ in range(5)]
        assert [each.may_be_done for each in outcomes] == [False, False, True, False, False]
        assert (server.connection_count, len(server.exchanges)) == (2, 5)


async def test_cancelled_request_closes_its_connection_only() -> None:
    async def hang_at_first(exchange: RawExchange) -> None:
        if len(server.exchanges) == 1:
            reached.set()
            await asyncio.Event().wait()
        exchange.write_answer(200, b"{}")
        exchange.keeps_open = True

    loop = asyncio.get_running_loop()
    reached = _ThreadEvent(loop)
    with run_raw_server(hang_at_first) as server:
        async with open_rest_client(server.url, waldur_connections="1") as client:
            task = asyncio.create_task(client.send_request(REQUESTER, ACTION))
            await reached.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            outcome = await client.send_request(REQUESTER, ACTION)
    assert outcome.problem is None
    assert server.connection_count == 2


class _ThreadEvent:
    """An event of a loop that another thread sets."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._event = loop, asyncio.Event()

    def set(self) -> None:
        """Set the event."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Wait until it is set."""
        await self._event.wait()
