"""OIDC access tokens: checked by introspection at a real server, as Waldur does."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
import pytest_asyncio
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.auth.errors import UnauthenticatedError
from gateway.auth.oidc_provider import IntrospectionClient, make_own_provider
from gateway.auth.oidc_tokens import OIDCTokenReader, parse_expiry
from gateway.config.settings import load_settings
from gateway.db.access.credentials import Credentials, TokenKind
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process
from tests.support.impersonation import IMPERSONATION_HEADER, VIEWER_QUERY, load_user_uuids
from tests.support.marketplaces import Marketplace
from tests.support.mutable_demo import serve_mutable_demo
from tests.support.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    OpenIDProvider,
    make_jwt,
    run_openid_provider,
)
from tests.support.rest_server import run_rest_server


class OIDCScene:
    """A demo whose viewers are not cached, and a provider."""

    def __init__(self, client: GatewayClient, provider: OpenIDProvider, url: str) -> None:
        self.client, self.provider, self.url = client, provider, url

    async def send(self, token: str, **headers: str) -> httpx.Response:
        """Ask for the viewer of a token."""
        bearer = {"Authorization": f"Bearer {token}"}
        return await self.client.send_query(VIEWER_QUERY, {**bearer, **headers})

    async def fetch_username(self, token: str) -> str:
        """Return the username of a token that is accepted."""
        response = await self.send(token)
        assert response.status_code == 200, response.text
        return str(response.json()["data"]["viewer"]["user"]["username"])

    async def expect_refusal(self, token: str, status: int, message: str) -> None:
        """Check that a token is refused, without being repeated."""
        response = await self.send(token)
        assert response.status_code == status, response.text
        (error,) = response.json()["errors"]
        codes = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 503: "UNAVAILABLE"}
        assert error["extensions"]["code"] == codes[status]
        assert message in error["message"]
        assert token[20:] not in response.text


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def scene(new_database: DatabaseFactory) -> AsyncIterator[OIDCScene]:
    """Yield a demo with a provider."""
    url = create_small_demo(new_database())
    with run_openid_provider() as provider:
        settings = {**provider.settings, "viewer_seconds": "0", "failed_tokens": "off"}
        async with serve_in_process(url, **settings) as client:
            yield OIDCScene(client, provider, url)


async def test_active_token_is_that_of_its_user(scene: OIDCScene) -> None:
    for username in ("member", "staff", "owner"):
        token = scene.provider.issue_token(username)
        assert await scene.fetch_username(token) == username


async def test_answers_are_cached(scene: OIDCScene) -> None:
    token = scene.provider.issue_token("member")
    for _ in range(3):
        assert await scene.fetch_username(token) == "member"
    assert scene.provider.list_tokens().count(token) == 1


async def test_expired_tokens_are_refused_without_asking(scene: OIDCScene) -> None:
    token = scene.provider.issue_token("member", seconds=-1)
    await scene.expect_refusal(token, 401, "Token has expired.")
    assert token not in scene.provider.list_tokens()


async def test_answers_are_asked_for_again_and_never_used_past_the_expiry(
    demo: Marketplace,
) -> None:
    now = time.time()
    with run_openid_provider() as provider:
        client = IntrospectionClient()
        settings = {f"GATEWAY_{name.upper()}": each for name, each in provider.settings.items()}
        own_provider = make_own_provider(load_settings(settings))
        reader = OIDCTokenReader(client, own_provider, clock=lambda: now)
        token = provider.issue_token("member", seconds=500)
        credentials = Credentials(token, token_kind=TokenKind.OIDC)
        for seconds, expected_count in ((0, 1), (299, 1), (2, 2), (198, 2)):
            now += seconds
            holder = await reader.read_token(demo.viewer_loader, credentials)
            assert holder.username == "member"
            assert holder.remaining_seconds == pytest.approx(parse_expiry(token) - now)
            assert len(provider.list_tokens()) == expected_count
        now += 2
        with pytest.raises(UnauthenticatedError, match="expired"):
            await reader.read_token(demo.viewer_loader, credentials)
        await client.close()


@pytest.mark.parametrize("active", [False, None, "true", 1])
async def test_tokens_that_are_not_active_are_refused(scene: OIDCScene, active: object) -> None:
    token = scene.provider.issue_token("member", active=active)
    await scene.expect_refusal(token, 401, "Invalid token.")


@pytest.mark.parametrize("username", [None, "", 7, ["member"], "member\0", "m" * 151])
async def test_answers_without_a_username_are_refused(scene: OIDCScene, username: object) -> None:
    token = scene.provider.issue_token(username)
    await scene.expect_refusal(token, 401, "names no user")


async def test_missing_and_inactive_users_are_refused(scene: OIDCScene) -> None:
    token = scene.provider.issue_token("unknown")
    await scene.expect_refusal(token, 401, "sign in to Waldur")
    token = scene.provider.issue_token("Member")
    await scene.expect_refusal(token, 401, "sign in to Waldur")
    token = scene.provider.issue_token("inactive")
    await scene.expect_refusal(token, 401, "User inactive or deleted.")


async def test_user_without_a_token_row_is_refused(scene: OIDCScene) -> None:
    with psycopg.connect(scene.url) as connection:
        connection.execute(
            "delete from authtoken_token where user_id ="
            " (select id from core_user where username = 'reader')"
        )
    token = scene.provider.issue_token("reader")
    await scene.expect_refusal(token, 403, "no token in Waldur")


@pytest.mark.parametrize(
    "claims", [{}, {"exp": None}, {"exp": "9999999999"}, {"exp": True}, [], "text", 7]
)
async def test_tokens_without_expiry_are_refused(scene: OIDCScene, claims: object) -> None:
    await scene.expect_refusal(make_jwt(claims), 401, "no expiry")


@pytest.mark.parametrize("token", ["a.b.c", "a.e30.c", "a.bnVsbA.", "a.____.c"])
def test_expiry_of_malformed_tokens(token: str) -> None:
    with pytest.raises(UnauthenticatedError, match="no expiry"):
        parse_expiry(token)


def test_expiry_may_be_in_the_distant_future() -> None:
    assert parse_expiry(make_jwt({"exp": 10**400})) > time.time()


@pytest.mark.parametrize(
    "failure",
    [
        Response(status_code=401),
        Response(status_code=500),
        RedirectResponse("/login"),
        Response("<html>", media_type="text/html"),
        JSONResponse([]),
        JSONResponse(None),
        Response("x" * 200_000),
    ],
)
async def test_failures_of_the_provider(
    scene: OIDCScene, failure: Response, caplog: pytest.LogCaptureFixture
) -> None:
    token = scene.provider.issue_token("member")
    scene.provider.failure = failure
    try:
        await scene.expect_refusal(token, 503, "OpenID provider")
    finally:
        scene.provider.failure = None
    assert await scene.fetch_username(token) == "member"
    assert CLIENT_SECRET not in caplog.text
    assert token not in caplog.text


async def test_impersonation_is_refused(scene: OIDCScene) -> None:
    token, uuid = scene.provider.issue_token("staff"), load_user_uuids(scene.url)["member"]
    response = await scene.send(token, **{IMPERSONATION_HEADER: uuid})
    assert response.status_code == 403
    assert "data" not in response.json()


async def test_login_tokens_are_accepted_as_before(scene: OIDCScene) -> None:
    assert await scene.fetch_username(scene.client.tokens["owner"]) == "owner"
    response = await scene.send("0" * 40)
    assert response.status_code == 401


async def test_unreachable_provider(demo_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with run_openid_provider() as provider:
        settings, token = provider.settings, provider.issue_token("member")
    with caplog.at_level(logging.DEBUG):
        async with serve_in_process(demo_url, **settings) as client:
            scene = OIDCScene(client, provider, demo_url)
            await scene.expect_refusal(token, 503, "OpenID provider")
    assert token not in caplog.text
    assert CLIENT_SECRET not in caplog.text


async def test_a_slow_provider_delays_no_other_tokens(
    demo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.auth.oidc_provider.ANSWER_SECONDS", 300)
    with run_openid_provider() as provider:
        is_released = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def respond_late(_request: object) -> Response:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(is_released.wait(), loop))
            return JSONResponse({"active": False})

        provider.server.respond = respond_late
        async with serve_in_process(demo_url, **provider.settings) as client:
            scene = OIDCScene(client, provider, demo_url)
            tokens = [provider.issue_token("member") for _ in range(40)]
            pending = [asyncio.ensure_future(scene.send(each)) for each in tokens]
            await asyncio.sleep(0)
            for username in ("member", "owner", "staff"):
                assert await scene.fetch_username(client.tokens[username]) == username
            assert not any(each.done() for each in pending)
            is_released.set()
            statuses = {each.status_code for each in await asyncio.gather(*pending)}
            assert statuses == {401, 429}
            assert len(provider.server.requests) < 40


async def test_oidc_tokens_are_refused_by_default(demo_url: str) -> None:
    token = make_jwt({"exp": time.time() + 600})
    async with serve_in_process(demo_url) as client:
        with run_openid_provider() as provider:
            scene = OIDCScene(client, provider, demo_url)
            for _ in range(30):
                await scene.expect_refusal(token, 401, "OIDC access tokens are not accepted here.")


async def test_settings_of_waldur(new_database: DatabaseFactory) -> None:
    url = create_small_demo(new_database())
    with run_openid_provider() as provider:
        async with serve_in_process(url, oidc="waldur", viewer_seconds="0") as client:
            scene = OIDCScene(client, provider, url)
            token = provider.issue_token("ignored", preferred_username="owner")
            await scene.expect_refusal(token, 401, "settings of OIDC access tokens are incomplete")
            rows = {
                "OIDC_INTROSPECTION_URL": f"{provider.server.url}/introspect",
                "OIDC_CLIENT_ID": CLIENT_ID,
                "OIDC_CLIENT_SECRET": CLIENT_SECRET,
                "OIDC_USER_FIELD": "preferred_username",
                "OIDC_CACHE_TIMEOUT": 1000,
            }
            with psycopg.connect(url) as connection:
                for key, value in rows.items():
                    connection.execute(
                        "insert into constance_config (key, value) values (%s, %s)",
                        (key, json.dumps(value)),
                    )
            assert await scene.fetch_username(token) == "owner"


async def test_waldur_of_2024(waldur2024_url: str) -> None:
    with run_openid_provider() as provider:
        async with serve_in_process(waldur2024_url, **provider.settings) as client:
            scene = OIDCScene(client, provider, waldur2024_url)
            assert await scene.fetch_username(provider.issue_token("owner_d")) == "owner_d"
            token = provider.issue_token("inactive_user")
            await scene.expect_refusal(token, 401, "User inactive or deleted.")


async def test_changes_over_rest_have_the_bearer_token(new_database: DatabaseFactory) -> None:
    with run_rest_server() as rest_server, run_openid_provider() as provider:
        rest_server.respond = lambda _: JSONResponse({})
        settings = {"changes": "waldur", "waldur_url": rest_server.url, **provider.settings}
        async with serve_mutable_demo(new_database(), 60, **settings) as demo:
            (uuid, *_) = await demo.find_operable_resources("SET_RESOURCE_END_DATE", "owner")
            token = provider.issue_token("owner")
            input_text = f'{{uuid: "{uuid}", endDate: "2031-05-01"}}'
            query = f"mutation {{ setResourceEndDate(input: {input_text}) {{ __typename }} }}"
            response = await demo.client.send_query(query, {"Authorization": f"Bearer {token}"})
            assert (
                response.json()["data"]["setResourceEndDate"]["__typename"] == "ResourceEndDateSet"
            )
    (request,) = [each for each in rest_server.requests if each.method == "POST"]
    assert request.headers["authorization"] == f"Bearer {token}"
    assert [each.method for each in rest_server.requests] == ["POST"]
