"""The service over HTTP: routes, headers, statuses, and what becomes of trouble."""

import asyncio
import logging
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.gateway_server import Client, service, small_demo

NEWER = "application/graphql-response+json"
WHO = "{ viewer { user { username } } }"
NAMES = "{ resources(first: 1) { nodes { name } } }"
GOOD = b'{"query": "{ __typename }"}'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[Client]:
    """Give a client of the demo."""
    async with service(demo_url, trusted_proxies="127.0.0.0/8") as client:
        yield client


async def test_the_process_lives(client: Client) -> None:
    answer = await client.http.get("/livez")
    assert (answer.status_code, answer.text) == (200, "live\n")


async def test_the_service_is_ready(client: Client) -> None:
    answer = await client.http.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


@pytest.mark.parametrize("path", ["/", "/graphql/", "/api/graphql", "/metric"])
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert (await client.http.get(path)).status_code in (307, 404)


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token"])
async def test_a_token_says_who_asks(client: Client, scheme: str) -> None:
    answer = await client.send(WHO, {"Authorization": f"{scheme} {client.tokens['member']}"})
    assert answer.json() == {"data": {"viewer": {"user": {"username": "member"}}}}


async def test_without_a_token_nobody_asks(client: Client) -> None:
    assert (await client.send(WHO)).json() == {"data": {"viewer": None}}


async def test_an_inactive_user_is_refused(client: Client) -> None:
    answer = await client.post(GOOD, "inactive")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Token"
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    "headers",
    [
        [b""],
        [b"Token"],
        [b"Token " + b"0" * 40],
        [b"Token \xff\xfe\xc3\xa9"],
        [b"\xff\xfe"],
        [b"Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"],
        [b"Basic c3RhZmY6c3RhZmY="],
        [b"Token " + b"0" * 40, b"Token " + b"1" * 40],
    ],
)
async def test_credentials_that_are_of_no_use_are_refused(
    client: Client, headers: list[bytes]
) -> None:
    answer = await client.send(WHO, [("Authorization", each) for each in headers])
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Token"
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert not {"0" * 40, "1" * 40} & set(error["message"].split())


async def test_a_good_token_beside_another_is_refused(client: Client) -> None:
    good, other = f"Token {client.tokens['staff']}".encode(), b"Token " + b"0" * 40
    answer = await client.send(WHO, [("Authorization", each) for each in (good, other)])
    assert answer.status_code == 401


@pytest.mark.parametrize("forwarded", ["nonsense", "\xff", ", ,", "::1%lo", "1.2.3.4:80"])
async def test_a_proxy_may_talk_nonsense(client: Client, forwarded: str) -> None:
    sent = [("X-Forwarded-For", forwarded.encode("latin-1"))]
    sent.append(("Authorization", f"Token {client.tokens['member']}".encode()))
    answer = await client.send(WHO, sent)
    assert answer.json() == {"data": {"viewer": {"user": {"username": "member"}}}}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"])
async def test_queries_are_posted(client: Client, method: str) -> None:
    answer = await client.http.request(method, "/graphql?query={__typename}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    if method != "HEAD":
        assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_browsers_get_graphiql(client: Client) -> None:
    answer = await client.http.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert client.tokens["staff"] not in answer.text


async def test_graphiql_can_be_switched_off(demo_url: str) -> None:
    async with service(demo_url, graphiql="off") as client:
        answer = await client.http.get("/graphql", headers={"Accept": "text/html"})
        assert answer.status_code == 405


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (GOOD, "text/plain", 415),
        (GOOD, "application/x-www-form-urlencoded", 415),
        (b"[" + b" " * 1_000_000, "application/json", 413),
        (b"", "application/json", 400),
        (b"null", "application/json", 400),
    ],
)
async def test_what_is_no_request_is_refused(
    client: Client, body: bytes, media_type: str, status: int
) -> None:
    answer = await client.post(body, content_type=media_type)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert (await client.post(GOOD)).status_code == 200


@pytest.mark.parametrize("body", [b'{"query": "{"}', b'{"query": "{ nothing }"}'])
@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), (NEWER, 400)])
async def test_only_the_newer_media_type_has_statuses_for_errors(
    client: Client, body: bytes, accept: str, status: int
) -> None:
    answer = await client.post(body, accept=accept)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(accept)
    assert answer.headers["Vary"] == "Accept"
    assert "data" not in answer.json()


@pytest.mark.parametrize("given", ["a", "req-1/2:3.4+5=", "x" * 128])
async def test_the_clients_name_of_the_request_is_kept(client: Client, given: str) -> None:
    assert (await client.post(GOOD, x_request_id=given)).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é", '"'])
async def test_a_request_without_a_good_name_gets_one(client: Client, given: str) -> None:
    answer = await client.http.post(
        "/graphql", json={}, headers=[(b"X-Request-ID", given.encode())]
    )
    assert len(answer.headers["X-Request-ID"]) == 32


async def test_answers_are_not_kept(client: Client) -> None:
    for body in (GOOD, b"", b'{"query": "{"}'):
        assert (await client.post(body)).headers["Cache-Control"] == "no-store"


@pytest.fixture
def own_url(new_database: NewDatabase) -> str:
    """Give the address of a demo that a test may break."""
    return small_demo(new_database())


async def test_what_goes_wrong_here_is_masked_and_logged(
    own_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(own_url) as client:
        with psycopg.connect(own_url, autocommit=True) as breaking:
            breaking.execute("alter table marketplace_resource rename column name to former")
        query = b'{"query": "{ resources(first: 2) { nodes { uuid name } } }"}'
        answer = await client.post(query, x_request_id="the-id")
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "id": "the-id"}
    assert error["path"] == ["resources", "nodes"]
    assert "marketplace_" not in answer.text
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.getMessage().startswith("the-id at resources.nodes: ")
    assert record.exc_info
    assert "UndefinedColumn" in repr(record.exc_info[1])


async def test_a_service_whose_users_are_gone_is_not_ready(own_url: str) -> None:
    async with service(own_url) as client:
        with psycopg.connect(own_url, autocommit=True) as breaking:
            breaking.execute("alter table core_user rename to former")
            assert (await client.http.get("/readyz")).status_code == 503
            breaking.execute("alter table former rename to core_user")
        assert (await client.http.get("/readyz")).status_code == 200


async def test_an_error_of_many_fields_is_logged_once(
    own_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(own_url) as client:
        with psycopg.connect(own_url, autocommit=True) as breaking:
            breaking.execute("alter table marketplace_plan rename column unit to former")
        query = "{ resources(first: 20, filter: {state: OK}) { nodes { plan { unit } } } }"
        answer = await client.ask(query)
    assert len(answer["errors"]) > 1
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 1


async def test_trouble_with_the_viewer_is_masked_too(
    own_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(own_url) as client:
        with psycopg.connect(own_url, autocommit=True) as breaking:
            breaking.execute("alter table authtoken_token rename to former")
        answer = await client.post(GOOD, x_request_id="the-id")
        assert (await client.post(GOOD, None)).status_code == 200
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] == "the-id"
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "id": "the-id"}
    assert "the-id" in [each.getMessage() for each in caplog.records]


async def test_a_statement_that_takes_too_long_is_given_up(own_url: str) -> None:
    async with service(own_url, statement_seconds="1") as client:
        await client.ask(WHO)
        with psycopg.connect(own_url) as holding:
            holding.execute("lock table marketplace_resource in access exclusive mode")
            error = await client.error(NAMES)
        assert error["extensions"]["code"] == "TIMEOUT"
        assert error["path"] == ["resources", "nodes"]
        assert "errors" not in await client.ask(NAMES)


async def test_every_request_has_a_place_in_the_queue(client: Client) -> None:
    query = "{ resources(first: 20) { nodes { name offering { name } project { name } } } }"
    answers = await asyncio.gather(*[client.ask(query) for _ in range(60)])
    assert all("errors" not in each for each in answers)
