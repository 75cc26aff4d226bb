"""Authenticator: the key in the header, the client's address, the lifetime of cached viewers."""

import asyncio
from ipaddress import ip_network

import psycopg
import pytest

from gateway.auth.authenticator import (
    ViewerCache,
    _parse_cached,
    parse_credentials,
    parse_token,
)
from gateway.auth.errors import UnauthenticatedError
from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.access.viewer_loader import ViewerLoader
from tests.support.gateway_server import load_user_tokens

TOKEN_KEY = "0123456789abcdef0123456789abcdef01234567"
JWT_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"


@pytest.mark.parametrize(
    "header",
    [
        f"Token {TOKEN_KEY}",
        f"Bearer {TOKEN_KEY}",
        f"token {TOKEN_KEY}",
        f"BEARER {TOKEN_KEY}",
        f"  Token   {TOKEN_KEY}  ",
    ],
)
def test_key_is_parsed(header: str) -> None:
    assert parse_token([header]) == (TOKEN_KEY, TokenKind.LOGIN)


def test_no_header_means_no_key() -> None:
    assert parse_token([]) == (None, TokenKind.LOGIN)


@pytest.mark.parametrize(
    "header", ["", " ", "Token", "Token ", TOKEN_KEY, "Basic dXNlcjpwYXNz", "Digest"]
)
def test_other_schemes_and_malformed_headers_are_refused(header: str) -> None:
    with pytest.raises(UnauthenticatedError, match="Authorization: Token <key>"):
        parse_token([header])


@pytest.mark.parametrize("header", [TOKEN_KEY, f"{TOKEN_KEY} x"])
def test_token_without_a_scheme_is_not_repeated(header: str) -> None:
    with pytest.raises(UnauthenticatedError, match="malformed") as raised:
        parse_token([header])
    assert TOKEN_KEY[:8] not in str(raised.value)


@pytest.mark.parametrize(
    "key",
    [
        f"{TOKEN_KEY} {TOKEN_KEY}",
        f"{TOKEN_KEY}0",
        "a-b",
        "a.b.c",
        "é",
        "\x00",
        "١٢٣",
        f"{TOKEN_KEY},",
    ],
)
def test_invalid_keys_are_refused(key: str) -> None:
    with pytest.raises(UnauthenticatedError, match="malformed"):
        parse_token([f"Token {key}"])


@pytest.mark.parametrize(
    "key", [f"{JWT_TOKEN}.x", f"{JWT_TOKEN}{'x' * 8000}", "wpat_0123456789", TOKEN_KEY * 2]
)
def test_error_for_other_bearer_tokens_names_supported_scheme(key: str) -> None:
    with pytest.raises(UnauthenticatedError, match=r"OIDC.*not supp.*Token <key>"):
        parse_token([f"Bearer {key}"])


def test_two_headers_are_refused_even_if_they_agree() -> None:
    with pytest.raises(UnauthenticatedError, match="more than one"):
        parse_token([f"Token {TOKEN_KEY}", f"Token {TOKEN_KEY}"])


def test_long_headers_are_not_kept_in_memory() -> None:
    _parse_cached.cache_clear()
    proxies = (ip_network("10.0.0.0/8"),)
    for trusted_proxies, address in ((proxies, "192.0.2.1"), ((), "10.0.0.1")):
        for number in range(100):
            forwarded_for = f"{number}," * 1000 + "192.0.2.1"
            credentials = parse_credentials((), "10.0.0.1", (forwarded_for,), trusted_proxies)
            assert credentials == Credentials(None, address)
    authorization = f"Token {' ' * 1000}{TOKEN_KEY}"
    assert parse_credentials((authorization,), "10.0.0.1", (), proxies) == Credentials(
        TOKEN_KEY, "10.0.0.1"
    )
    assert _parse_cached.cache_info().currsize == 1  # without trusted proxies: one peer


class ManualClock:
    """A clock whose time is set by the test, in seconds."""

    now = 0.0

    def current_time(self) -> float:
        """Return the time."""
        return self.now


async def test_token_authenticates_its_user(viewer_loader: ViewerLoader, url: str) -> None:
    used: list[Credentials] = []
    viewer_cache = ViewerCache(viewer_loader, seconds=5, on_use=used.append)
    key = load_user_tokens(url)["member"]
    assert (await viewer_cache.authenticate(Credentials(key, None))).username == "member"
    assert (await viewer_cache.authenticate(Credentials(key, None))).username == "member"
    assert used == [Credentials(key, None)] * 2


async def test_anonymous_viewer_reports_no_token_use(viewer_loader: ViewerLoader) -> None:
    used: list[Credentials] = []
    viewer = await ViewerCache(viewer_loader, seconds=5, on_use=used.append).authenticate(
        Credentials(None, None)
    )
    assert (viewer.username, used) == (None, [])


async def test_an_unknown_token_is_refused_and_not_used(viewer_loader: ViewerLoader) -> None:
    used: list[Credentials] = []
    with pytest.raises(UnauthenticatedError, match="Invalid token"):
        await ViewerCache(viewer_loader, seconds=5, on_use=used.append).authenticate(
            Credentials(TOKEN_KEY, None)
        )
    assert used == []


async def test_revoked_token_is_refused_after_cache_lifetime(
    viewer_loader: ViewerLoader, url: str, connection: psycopg.Connection
) -> None:
    clock, key = ManualClock(), load_user_tokens(url)["admin"]
    viewer_cache = ViewerCache(viewer_loader, seconds=5, clock=clock.current_time)
    await viewer_cache.authenticate(Credentials(key, None))
    connection.execute("delete from authtoken_token where key = %s", [key])
    clock.now = 4.9
    await viewer_cache.authenticate(Credentials(key, None))
    clock.now = 5
    with pytest.raises(UnauthenticatedError, match="Invalid token"):
        await viewer_cache.authenticate(Credentials(key, None))


async def test_revoked_role_ends_after_cache_lifetime(
    viewer_loader: ViewerLoader, url: str, connection: psycopg.Connection
) -> None:
    clock, key = ManualClock(), load_user_tokens(url)["member"]
    viewer_cache = ViewerCache(viewer_loader, seconds=5, clock=clock.current_time)
    before = await viewer_cache.authenticate(Credentials(key, None))
    connection.execute(
        "update permissions_userrole set is_active = null where user_id = %s", [before.user_id]
    )
    assert await viewer_cache.authenticate(Credentials(key, None)) is before
    clock.now = 5
    after = await viewer_cache.authenticate(Credentials(key, None))
    connection.execute(
        "update permissions_userrole set is_active = true where user_id = %s", [before.user_id]
    )
    assert before.projects
    assert not after.projects


async def test_an_inactive_user_is_refused(
    viewer_loader: ViewerLoader, url: str, connection: psycopg.Connection
) -> None:
    set_active = "update core_user set is_active = %s where username = 'owner'"
    connection.execute(set_active, [False])
    with pytest.raises(UnauthenticatedError, match="inactive"):
        await ViewerCache(viewer_loader, seconds=5).authenticate(
            Credentials(load_user_tokens(url)["owner"], None)
        )
    connection.execute(set_active, [True])


@pytest.mark.parametrize(("lifetime", "is_valid"), [(None, True), (7200, True), (3000, False)])
async def test_token_expires_after_users_token_lifetime(
    viewer_loader: ViewerLoader,
    url: str,
    connection: psycopg.Connection,
    *,
    lifetime: int | None,
    is_valid: bool,
) -> None:
    connection.execute(
        "update core_user set token_lifetime = %s where username = 'manager'", [lifetime]
    )
    key = load_user_tokens(url)["manager"]
    connection.execute(
        "update authtoken_token set created = now() - interval '1 hour' where key = %s", [key]
    )
    viewer_cache = ViewerCache(viewer_loader, seconds=5)
    if is_valid:
        assert (await viewer_cache.authenticate(Credentials(key, None))).username == "manager"
    else:
        with pytest.raises(UnauthenticatedError, match="expired"):
            await viewer_cache.authenticate(Credentials(key, None))


async def test_concurrent_requests_share_one_load(viewer_loader: ViewerLoader, url: str) -> None:
    viewer_cache = ViewerCache(viewer_loader, seconds=5)
    key = load_user_tokens(url)["staff"]
    loaded_viewers = await asyncio.gather(
        *[viewer_cache.authenticate(Credentials(key, None)) for _ in range(20)]
    )
    assert len({id(each) for each in loaded_viewers}) == 1


async def test_viewers_are_cached_per_address(viewer_loader: ViewerLoader, url: str) -> None:
    viewer_cache, key = ViewerCache(viewer_loader, seconds=5), load_user_tokens(url)["member"]
    assert await viewer_cache.authenticate(
        Credentials(key, "192.0.2.1")
    ) is not await viewer_cache.authenticate(Credentials(key, "192.0.2.2"))


async def test_failed_authentication_is_not_cached(
    viewer_loader: ViewerLoader, url: str, connection: psycopg.Connection
) -> None:
    viewer_cache = ViewerCache(viewer_loader, seconds=300)
    with pytest.raises(UnauthenticatedError):
        await viewer_cache.authenticate(Credentials("f" * 40, None))
    connection.execute(
        "update authtoken_token t set key = %s from core_user u"
        " where u.id = t.user_id and u.username = 'nobody'",
        ["f" * 40],
    )
    assert (await viewer_cache.authenticate(Credentials("f" * 40, None))).username == "nobody"


async def test_cancelled_client_does_not_cancel_shared_load(
    viewer_loader: ViewerLoader, url: str
) -> None:
    viewer_cache = ViewerCache(viewer_loader, seconds=5)
    key = load_user_tokens(url)["staff"]
    first, second = [
        asyncio.create_task(viewer_cache.authenticate(Credentials(key, None))) for _ in range(2)
    ]
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).username == "staff"
