"""Personal access tokens in requests to a gateway (rules.md §2)."""

import asyncio
from functools import partial
from hashlib import sha256

import psycopg

from tests.conftest import DatabaseFactory
from tests.support.gateway_server import create_small_demo, serve_in_process
from tests.support.personal_tokens import ENABLE_SQL, create_token, post_with_token
from tests.support.rest_server import run_rest_server
from tests.support.time_limits import wait_until

TOKEN = f"w_4102444800_{'aB3-_' * 8}xyz"
VIEWER_QUERY = "{ viewer { user { username } } }"


async def test_use_is_recorded_at_most_every_ten_minutes(
    url: str, connection: psycopg.Connection
) -> None:
    token = create_token(connection, "owner", allowed_networks=["192.0.2.0/24"])
    uses_sql = (
        "select use_count, last_used_at > now() - interval '1 minute', host(last_used_ip)"
        " from core_personalaccesstoken where token_hash = %s"
    )
    hash_ = sha256(token.encode()).hexdigest()
    headers = {"X-Forwarded-For": "192.0.2.7"}

    def has_use(count: int) -> bool:
        return connection.execute(uses_sql, [hash_]).fetchall() == [(count, True, "192.0.2.7")]

    for expected_count in (1, 2):
        async with serve_in_process(url, trusted_proxies="127.0.0.1") as client:
            for _ in range(3):
                response = await post_with_token(client, token, VIEWER_QUERY, headers)
                assert response.json()["data"] == {"viewer": {"user": {"username": "owner"}}}
            await wait_until(partial(has_use, expected_count))
        async with serve_in_process(url, trusted_proxies="127.0.0.1") as client:
            await post_with_token(client, token, VIEWER_QUERY, headers)
            await asyncio.sleep(0.1)
        assert has_use(expected_count)
        connection.execute(
            "update core_personalaccesstoken set last_used_at = now() - interval '11 minutes'"
        )


async def test_networks_hold_behind_a_proxy(url: str, connection: psycopg.Connection) -> None:
    token = create_token(connection, "owner", allowed_networks=["192.0.2.0/24"])
    statuses = {}
    async with serve_in_process(url, trusted_proxies="127.0.0.1") as client:
        for forwarded_for in ("192.0.2.7", "192.0.2.7, 198.51.100.1", "unknown", "", None):
            headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
            response = await post_with_token(client, token, VIEWER_QUERY, headers)
            statuses[forwarded_for] = response.status_code
    async with serve_in_process(url) as client:
        headers = {"X-Forwarded-For": "192.0.2.7"}
        response = await post_with_token(client, token, VIEWER_QUERY, headers)
        statuses["no trusted proxies"] = response.status_code
    assert {name for name, status in statuses.items() if status == 200} == {"192.0.2.7"}
    assert {*statuses.values()} == {200, 401}


async def test_refused_token_is_an_error_response(url: str, connection: psycopg.Connection) -> None:
    token = create_token(connection, "owner", is_active=False)
    async with serve_in_process(url) as client:
        response = await post_with_token(client, token, VIEWER_QUERY)
        two_headers = [("Authorization", f"Bearer {token}".encode())] * 2
        doubled = await client.send_query(VIEWER_QUERY, two_headers)
    assert (response.status_code, doubled.status_code) == (401, 401)
    assert response.json()["errors"][0]["message"] == "Invalid token."
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert token not in response.text + doubled.text


async def test_october_2024_has_no_such_tokens(waldur2024_url: str) -> None:
    async with serve_in_process(waldur2024_url) as client:
        response = await post_with_token(client, TOKEN, VIEWER_QUERY)
    assert response.status_code == 401
    assert "has no personal access tokens" in response.json()["errors"][0]["message"]


OLDER_TABLES_SQL = """
alter table core_personalaccesstoken drop column allowed_scopes, drop column allowed_networks;
alter table core_user drop column can_use_personal_access_tokens
"""


async def test_older_tables_of_2026_lack_some_columns(new_database: DatabaseFactory) -> None:
    demo_url = create_small_demo(new_database())
    with psycopg.connect(demo_url, autocommit=True) as connection:
        connection.execute(ENABLE_SQL)
        token = create_token(connection, "owner", ["RESOURCE.TERMINATE"])
        connection.execute(OLDER_TABLES_SQL)
        # A recorded use would lock the row in the event loop that the update below blocks.
        async with serve_in_process(demo_url, keep_tokens="off") as client:
            response = await post_with_token(client, token, VIEWER_QUERY)
            assert response.json()["data"] == {"viewer": {"user": {"username": "owner"}}}
            connection.execute("update core_personalaccesstoken set is_active = false")
        async with serve_in_process(demo_url) as client:
            response = await post_with_token(client, token, VIEWER_QUERY)
            assert response.status_code == 401


async def test_use_in_a_real_waldur_is_recorded_by_rest_alone(
    new_database: DatabaseFactory,
) -> None:
    """The gateway writes nothing there; the request has the token, and not the client's address."""
    demo_url = create_small_demo(new_database())
    with psycopg.connect(demo_url, autocommit=True) as connection, run_rest_server() as rest_server:
        connection.execute(ENABLE_SQL)
        connection.execute("drop schema gateway cascade")
        token = create_token(connection, "owner")
        for settings in ({}, {"waldur_url": rest_server.url}):
            async with serve_in_process(demo_url, **settings) as client:
                response = await post_with_token(client, token, VIEWER_QUERY)
                assert response.status_code == 200
                await wait_until(lambda: len(rest_server.requests) == len(settings))  # noqa: B023
        (request,) = rest_server.requests
        assert (request.method, request.path) == ("HEAD", "/api/users/me/")
        assert request.headers["authorization"] == f"Bearer {token}"
        assert not [each for each in request.headers if "forwarded" in each]
        assert connection.execute(
            "select max(use_count), count(last_used_at) from core_personalaccesstoken"
        ).fetchall() == [(0, 0)]
