"""Tokens that are used do not expire: Waldur is told, a demo sees to it itself."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.auth.token_refresh import KeepAlive, Waldur
from tests.conftest import NewDatabase
from tests.support.embedded_postgres import eventually
from tests.support.gateway_server import service, small_demo

WHO = "{ viewer { user { username } } }"


@dataclass
class Rest:
    """A REST API that notes who asks, and answers as it is told."""

    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 200
    seconds: float = 0

    async def answer(self, request: Request) -> Response:
        """Note a request and answer it."""
        token = request.headers.get("authorization", "")
        self.asked.append((request.method, request.url.path, token))
        await asyncio.sleep(self.seconds)
        return Response(status_code=self.status)


@pytest.fixture
def rest() -> Iterator[Rest]:
    """Give a REST API on a port of this machine."""
    made = Rest()
    app = Starlette(routes=[Route("/api/users/me/", made.answer)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    made.url = f"http://127.0.0.1:{port}"
    yield made
    server.should_exit = server.force_exit = True
    thread.join()


class Told:
    """Notes what it is told, at a time that can be set."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.now = 0.0

    async def say(self, key: str) -> None:
        """Note it."""
        self.keys.append(key)


@pytest.fixture
def told() -> Told:
    """Give somebody to tell."""
    return Told()


async def test_says_it_once_in_a_while_for_each_token(told: Told) -> None:
    keep = KeepAlive(told.say, seconds=600, clock=lambda: told.now)
    for now in (0, 1, 599.9, 600, 600.1, 1200):
        told.now = now + 1000
        keep.used("a")
        keep.used("b")
        await asyncio.sleep(0)
    assert told.keys == ["a", "b"] * 3
    await keep.close()


async def test_remembers_a_bounded_number_of_tokens(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.auth.token_refresh.KNOWN", 2)
    keep = KeepAlive(told.say, seconds=600, clock=lambda: 1000)
    for key in ("a", "b", "c", "b", "c", "a"):
        keep.used(key)
    await asyncio.sleep(0)
    assert told.keys == ["a", "b", "c", "a"]
    await keep.close()


async def test_closing_does_not_wait(rest: Rest) -> None:
    rest.seconds = 60
    waldur = Waldur(rest.url)
    keep = KeepAlive(waldur.say, seconds=600)
    keep.used("a")
    await asyncio.to_thread(eventually, lambda: rest.asked != [])
    async with asyncio.timeout(1):
        await keep.close()
        await waldur.close()


@pytest.mark.parametrize("status", [301, 401, 500])
async def test_a_refusal_is_for_the_log(
    rest: Rest, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    rest.status = status
    await _say_once(Waldur(rest.url))
    (record,) = [each for each in caplog.records if each.name == "gateway.auth.token_refresh"]
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert str(status) in record.getMessage()
    assert "a-token" not in caplog.text


async def test_that_nobody_is_there_is_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    await _say_once(Waldur("http://127.0.0.1:1"))
    assert "could not be kept alive" in caplog.text


async def test_a_slow_answer_is_not_waited_for(
    rest: Rest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.auth.token_refresh.PATIENCE", 0.1)
    rest.seconds = 60
    async with asyncio.timeout(2):
        await _say_once(Waldur(rest.url))
    assert "could not be kept alive" in caplog.text


async def _say_once(waldur: Waldur) -> None:
    keep = KeepAlive(waldur.say, seconds=600)
    keep.used("a-token")
    await asyncio.gather(*keep._tasks)
    await keep.close()
    await waldur.close()


async def test_waldur_is_told_of_a_used_token_and_of_no_other(
    rest: Rest, waldur2024_url: str
) -> None:
    async with service(waldur2024_url, waldur_url=rest.url, viewer_seconds="0") as client:
        for _ in range(3):
            await client.ask(WHO)
        await client.ask(WHO, None)
        await client.send(WHO, {"Authorization": f"Token {'0' * 40}"})
        await _seen(rest)
        assert rest.asked == [("HEAD", "/api/users/me/", f"Token {client.tokens['staff']}")]


async def test_trouble_with_waldur_is_none_of_the_requests(rest: Rest, waldur2024_url: str) -> None:
    rest.status, rest.seconds = 500, 3
    async with service(waldur2024_url, waldur_url=rest.url) as client:
        async with asyncio.timeout(2):
            assert "errors" not in await client.ask(WHO)


async def _seen(rest: Rest) -> None:
    await asyncio.to_thread(eventually, lambda: rest.asked != [])
    await asyncio.sleep(0.05)


async def test_waldur_is_told_nothing_where_that_is_switched_off(
    rest: Rest, waldur2024_url: str
) -> None:
    async with service(waldur2024_url, waldur_url=rest.url, keep_tokens="off") as client:
        await client.ask(WHO)
        await asyncio.sleep(0.1)
    assert rest.asked == []


@pytest.fixture(scope="module")
def own_url(new_database: NewDatabase) -> str:
    """Give the address of a demo that these tests change."""
    return small_demo(new_database())


def aged(url: str, username: str, seconds: int) -> Callable[[], float]:
    """Make a user's token so old; give a function that tells its age in seconds."""
    of_user = "user_id = (select id from core_user where username = %s)"
    grow_old = f"update authtoken_token set created = now() - %s * interval '1 s' where {of_user}"
    tell_age = f"select extract(epoch from now() - created) from authtoken_token where {of_user}"
    with psycopg.connect(url) as connection:
        connection.execute(grow_old.encode(), [seconds, username])

    def age() -> float:
        with psycopg.connect(url) as connection:
            (found,) = connection.execute(tell_age.encode(), [username]).fetchall()
            return float(found[0])

    return age


async def test_a_demo_keeps_its_own_tokens(own_url: str) -> None:
    old, young = aged(own_url, "member", 3000), aged(own_url, "owner", 30)
    async with service(own_url) as client:
        await client.ask(WHO, "owner")
        await client.ask(WHO, "member")
        assert await asyncio.to_thread(eventually, lambda: old() < 20)
    assert young() > 29


async def test_a_demo_keeps_no_tokens_where_that_is_switched_off(own_url: str) -> None:
    age = aged(own_url, "manager", 3000)
    async with service(own_url, keep_tokens="off") as client:
        await client.ask(WHO, "manager")
        await asyncio.sleep(0.2)
    assert age() > 2999


async def test_an_expired_token_stays_expired(own_url: str) -> None:
    age = aged(own_url, "short_lived", 4000)
    async with service(own_url) as client:
        answer = await client.ask(WHO, "short_lived")
        await asyncio.sleep(0.2)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert age() > 3999


async def test_nothing_is_written_into_a_marketplace_of_somebody_else(
    new_database: NewDatabase,
) -> None:
    url = small_demo(new_database())
    with psycopg.connect(url) as connection:
        connection.execute("drop schema gateway cascade")
    age = aged(url, "member", 3000)
    async with service(url) as client:
        await client.ask(WHO, "member")
        await asyncio.sleep(0.2)
    assert age() > 2999
