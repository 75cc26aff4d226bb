"""Token refresh: by a request to Waldur, or in the tables of a demo."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.auth.token_refresh import TokenRefresher, WaldurTokenClient
from gateway.db.access.credentials import Credentials
from gateway.rest_api.tls_context import create_tls_context
from tests.conftest import DatabaseFactory
from tests.rest_api.test_rest_connection import answer_and_close, make_server_context
from tests.support.gateway_server import create_small_demo, serve_in_process
from tests.support.raw_server import run_raw_server
from tests.support.rest_server import RecordedRequest, run_rest_server
from tests.support.time_limits import block_until, time_limit, wait_until

TLS_CONTEXT = create_tls_context(None)
VIEWER_QUERY = "{ viewer { user { username } } }"


@dataclass
class FakeRestApi:
    """A REST API that records requests, with a response that tests can set."""

    url: str = ""
    received_requests: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 200
    delay_seconds: float = 0

    async def handle_request(self, request: Request) -> Response:
        """Record a request and respond with the set status after the set delay."""
        token = request.headers.get("authorization", "")
        self.received_requests.append((request.method, request.url.path, token))
        await asyncio.sleep(self.delay_seconds)
        return Response(status_code=self.status)


@pytest.fixture
def rest_api() -> Iterator[FakeRestApi]:
    """Yield a REST API on a free port."""
    fake_api = FakeRestApi()
    app = Starlette(routes=[Route("/api/users/me/", fake_api.handle_request)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    block_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    fake_api.url = f"http://127.0.0.1:{port}"
    yield fake_api
    server.should_exit = server.force_exit = True
    thread.join()


class TouchRecorder:
    """Recorder of refreshed tokens, with a clock that tests can set."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.now = 0.0

    async def touch(self, credentials: Credentials) -> None:
        """Record the key."""
        self.keys.append(str(credentials.key))


@pytest.fixture
def touch_recorder() -> TouchRecorder:
    """Return a recorder of refreshed tokens."""
    return TouchRecorder()


async def test_each_token_is_refreshed_once_per_interval(touch_recorder: TouchRecorder) -> None:
    refresher = TokenRefresher(
        touch_recorder.touch, interval_seconds=600, clock=lambda: touch_recorder.now
    )
    for now in (0, 1, 599.9, 600, 600.1, 1200):
        touch_recorder.now = now + 1000
        refresher.note_token_use(Credentials("a"))
        refresher.note_token_use(Credentials("b"))
        await asyncio.sleep(0)
    assert touch_recorder.keys == ["a", "b"] * 3
    await refresher.close()


async def test_number_of_tracked_tokens_is_bounded(
    touch_recorder: TouchRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.auth.token_refresh.MAX_TRACKED_TOKENS", 2)
    refresher = TokenRefresher(touch_recorder.touch, interval_seconds=600, clock=lambda: 1000)
    for key in ("a", "b", "c", "b", "c", "a"):
        refresher.note_token_use(Credentials(key))
    await asyncio.sleep(0)
    assert touch_recorder.keys == ["a", "b", "c", "a"]
    await refresher.close()


async def test_closing_does_not_wait(rest_api: FakeRestApi) -> None:
    rest_api.delay_seconds = 600
    token_client = WaldurTokenClient(rest_api.url, TLS_CONTEXT)
    refresher = TokenRefresher(token_client.touch, interval_seconds=600)
    refresher.note_token_use(Credentials("a"))
    await wait_until(lambda: rest_api.received_requests != [])
    async with time_limit(1, "the refresher to close"):
        await refresher.close()
        await token_client.close()


@pytest.mark.parametrize("status", [301, 401, 500])
async def test_http_error_is_logged(
    rest_api: FakeRestApi, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    rest_api.status = status
    await _refresh_once(WaldurTokenClient(rest_api.url, TLS_CONTEXT))
    (record,) = [each for each in caplog.records if each.name == "gateway.auth.token_refresh"]
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert str(status) in record.getMessage()
    assert "a-token" not in caplog.text


async def test_connection_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    await _refresh_once(WaldurTokenClient("http://127.0.0.1:1", TLS_CONTEXT))
    assert "could not be refreshed" in caplog.text


async def test_own_authority_is_trusted_if_it_is_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with run_raw_server(answer_and_close, make_server_context(authority)) as server:
        await _refresh_once(WaldurTokenClient(server.url, TLS_CONTEXT))
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        assert server.exchanges == []
        own_context = create_tls_context(tmp_path / "ca.pem")
        await _refresh_once(WaldurTokenClient(server.url, own_context))
        assert len(server.exchanges) == 1


async def test_slow_response_times_out(
    rest_api: FakeRestApi, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.auth.token_refresh.REFRESH_TIMEOUT_SECONDS", 0.1)
    rest_api.delay_seconds = 600
    async with time_limit(2, "the refresh to time out"):
        await _refresh_once(WaldurTokenClient(rest_api.url, TLS_CONTEXT))
    assert "could not be refreshed" in caplog.text


async def test_cookies_and_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def set_cookie(_request: RecordedRequest) -> Response:
        response = Response()
        response.set_cookie("sessionid", "of-the-first-user")
        return response

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with run_rest_server() as server:
        server.respond = set_cookie
        token_client = WaldurTokenClient(server.url, TLS_CONTEXT)
        for key in ("a", "b"):
            await token_client.touch(Credentials(key))
        await token_client.close()
    assert ["cookie" in each.headers for each in server.requests] == [False, False]


async def _refresh_once(token_client: WaldurTokenClient) -> None:
    refresher = TokenRefresher(token_client.touch, interval_seconds=600)
    refresher.note_token_use(Credentials("a-token"))
    await asyncio.gather(*refresher._tasks)
    await refresher.close()
    await token_client.close()


async def test_only_used_tokens_are_refreshed(rest_api: FakeRestApi, waldur2024_url: str) -> None:
    async with serve_in_process(
        waldur2024_url, waldur_url=rest_api.url, viewer_seconds="0"
    ) as client:
        for _ in range(3):
            await client.execute_query(VIEWER_QUERY)
        await client.execute_query(VIEWER_QUERY, None)
        await client.send_query(VIEWER_QUERY, {"Authorization": f"Token {'0' * 40}"})
        await _wait_for_request(rest_api)
        assert rest_api.received_requests == [
            ("HEAD", "/api/users/me/", f"Token {client.tokens['staff']}")
        ]


async def test_waldur_failure_does_not_affect_requests(
    rest_api: FakeRestApi, waldur2024_url: str
) -> None:
    rest_api.status, rest_api.delay_seconds = 500, 600
    async with (
        serve_in_process(waldur2024_url, waldur_url=rest_api.url) as client,
        time_limit(2, "the response"),
    ):
        assert "errors" not in await client.execute_query(VIEWER_QUERY)


async def _wait_for_request(rest_api: FakeRestApi) -> None:
    await wait_until(lambda: rest_api.received_requests != [])
    await asyncio.sleep(0.05)


async def test_refresh_can_be_switched_off(rest_api: FakeRestApi, waldur2024_url: str) -> None:
    async with serve_in_process(
        waldur2024_url, waldur_url=rest_api.url, keep_tokens="off"
    ) as client:
        await client.execute_query(VIEWER_QUERY)
        await asyncio.sleep(0.1)
    assert rest_api.received_requests == []


@pytest.fixture(scope="module")
def token_demo_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that these tests change."""
    return create_small_demo(new_database())


def age_token(url: str, username: str, seconds: int) -> Callable[[], float]:
    """Set the age of a user's token; return a function that returns its current age in seconds."""
    user_condition = "user_id = (select id from core_user where username = %s)"
    update_created = (
        f"update authtoken_token set created = now() - %s * interval '1 s' where {user_condition}"
    )
    select_age = (
        f"select extract(epoch from now() - created) from authtoken_token where {user_condition}"
    )
    with psycopg.connect(url) as connection:
        connection.execute(update_created.encode(), [seconds, username])

    def token_age() -> float:
        with psycopg.connect(url) as connection:
            (row,) = connection.execute(select_age.encode(), [username]).fetchall()
            return float(row[0])

    return token_age


async def test_used_tokens_of_a_demo_are_refreshed(token_demo_url: str) -> None:
    old_token_age = age_token(token_demo_url, "member", 3000)
    young_token_age = age_token(token_demo_url, "owner", 30)
    async with serve_in_process(token_demo_url) as client:
        await client.execute_query(VIEWER_QUERY, "owner")
        await client.execute_query(VIEWER_QUERY, "member")
        await wait_until(lambda: old_token_age() < 20)
    assert young_token_age() > 29


async def test_refresh_of_a_demo_can_be_switched_off(token_demo_url: str) -> None:
    token_age = age_token(token_demo_url, "manager", 3000)
    async with serve_in_process(token_demo_url, keep_tokens="off") as client:
        await client.execute_query(VIEWER_QUERY, "manager")
        await asyncio.sleep(0.2)
    assert token_age() > 2999


async def test_an_expired_token_stays_expired(token_demo_url: str) -> None:
    token_age = age_token(token_demo_url, "short_lived", 4000)
    async with serve_in_process(token_demo_url) as client:
        result = await client.execute_query(VIEWER_QUERY, "short_lived")
        await asyncio.sleep(0.2)
    assert result["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert token_age() > 3999


async def test_foreign_marketplace_is_not_written(
    new_database: DatabaseFactory,
) -> None:
    url = create_small_demo(new_database())
    with psycopg.connect(url) as connection:
        connection.execute("drop schema gateway cascade")
    token_age = age_token(url, "member", 3000)
    async with serve_in_process(url) as client:
        await client.execute_query(VIEWER_QUERY, "member")
        await asyncio.sleep(0.2)
    assert token_age() > 2999


async def test_refresh_without_write_access_is_logged(
    token_demo_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    token_age = age_token(token_demo_url, "provider", 3000)
    read_only_url = f"{token_demo_url}&options=-c%20default_transaction_read_only%3Don"
    async with serve_in_process(token_demo_url, read_only_url) as client:
        assert "errors" not in await client.execute_query(VIEWER_QUERY, "provider")
        await wait_until(lambda: "could not be refreshed: cannot execute" in caplog.text)
    assert token_age() > 2999
