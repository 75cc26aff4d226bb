"""Failed tokens: limits by client, look-ups that are left out, lines in the log."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.auth import authenticator, failed_tokens as failed_tokens_module
from gateway.auth.authenticator import ViewerCache
from gateway.auth.errors import UnauthenticatedError
from gateway.auth.failed_tokens import MAX_CLIENT_LOOKUPS, FailedTokens
from gateway.config.settings import load_settings
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer_loader import TokenHolder, ViewerLoader
from gateway.db.driver.database import Database
from gateway.db.driver.errors import UnavailableError
from gateway.rate_limits.errors import RateLimitedError
from gateway.server.factory import detect_installation
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import create_small_demo, load_user_tokens

ADDRESS, OTHER_ADDRESS = "192.0.2.1", "192.0.2.2"
ATTEMPTS = UnauthenticatedError, RateLimitedError


class CountingLoader(ViewerLoader):
    """A loader that counts look-ups of tokens, and how many of them are concurrent."""

    lookup_count = concurrent_count = peak_count = 0

    async def load_token_holder(self, token_key: str) -> TokenHolder | None:
        """Count and look up a token."""
        self.lookup_count += 1
        self.concurrent_count += 1
        self.peak_count = max(self.peak_count, self.concurrent_count)
        try:
            return await super().load_token_holder(token_key)
        finally:
            self.concurrent_count -= 1


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that is not changed."""
    return create_small_demo(new_database())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(url: str) -> AsyncIterator[Database]:
    """Yield the demo's database."""
    database = await Database.connect(url)
    yield database
    await database.close()


@pytest.fixture
def loader(database: Database, url: str) -> CountingLoader:
    """Return a loader without look-ups so far."""
    installation = detect_installation(load_settings({"GATEWAY_DATABASE_URL": url}))
    return CountingLoader(installation, database)


def make_key(number: int) -> str:
    """Return the key of a token that does not exist."""
    return f"{number:040x}"


async def send_tokens(
    viewer_cache: ViewerCache, numbers: range, address: str = ADDRESS
) -> list[type[BaseException]]:
    """Authenticate with invalid tokens, one after the other; return the types of the errors."""
    error_types: list[type[BaseException]] = []
    for number in numbers:
        with pytest.raises(ATTEMPTS) as caught:
            await viewer_cache.authenticate(Credentials(make_key(number), address))
        error_types.append(caught.type)
    return error_types


async def test_tokens_are_not_looked_up_after_too_many_failures(loader: CountingLoader) -> None:
    failed_tokens = FailedTokens(5)
    viewer_cache = ViewerCache(loader, seconds=5, failed_tokens=failed_tokens)
    error_types = await send_tokens(viewer_cache, range(12))
    assert error_types == [UnauthenticatedError] * 5 + [RateLimitedError] * 7
    assert loader.lookup_count == 5
    assert (failed_tokens.failed_count, failed_tokens.refused_count) == (5, 7)
    with pytest.raises(RateLimitedError, match=r"At most 5 invalid tokens a minute") as caught:
        await viewer_cache.authenticate(Credentials(make_key(99), ADDRESS))
    assert 0 < caught.value.public_extensions["retryAfter"] <= 60
    assert await send_tokens(viewer_cache, range(1), OTHER_ADDRESS) == [UnauthenticatedError]
    failed_tokens.end_window()
    assert await send_tokens(viewer_cache, range(1)) == [UnauthenticatedError]
    failed_tokens.close()


async def test_ipv6_addresses_of_a_network_share_the_limit(loader: CountingLoader) -> None:
    failed_tokens = FailedTokens(5)
    viewer_cache = ViewerCache(loader, seconds=5, failed_tokens=failed_tokens)
    for number in range(5):
        await send_tokens(viewer_cache, range(number, number + 1), f"2001:db8::{number}")
    assert await send_tokens(viewer_cache, range(9, 10), "2001:db8::9") == [RateLimitedError]
    failed_tokens.close()


async def test_valid_tokens_of_a_blocked_address_keep_working(
    loader: CountingLoader, url: str
) -> None:
    now = 0.0
    failed_tokens, tokens = FailedTokens(5), load_user_tokens(url)
    viewer_cache = ViewerCache(loader, seconds=5, failed_tokens=failed_tokens, clock=lambda: now)
    await viewer_cache.authenticate(Credentials(tokens["member"], ADDRESS))
    await send_tokens(viewer_cache, range(10))
    now = 4.0
    assert (
        await viewer_cache.authenticate(Credentials(tokens["member"], ADDRESS))
    ).username == "member"
    now = 100.0  # the entry has expired
    assert (
        await viewer_cache.authenticate(Credentials(tokens["member"], ADDRESS))
    ).username == "member"
    assert (await viewer_cache.authenticate(Credentials(None, ADDRESS))).username is None
    with pytest.raises(RateLimitedError):
        await viewer_cache.authenticate(Credentials(tokens["staff"], ADDRESS))
    assert (
        await viewer_cache.authenticate(Credentials(tokens["staff"], OTHER_ADDRESS))
    ).username == "staff"
    failed_tokens.close()


async def test_program_with_an_expired_token_blocks_only_itself(
    loader: CountingLoader, url: str
) -> None:
    failed_tokens = FailedTokens(5)
    viewer_cache = ViewerCache(loader, seconds=5, failed_tokens=failed_tokens)
    error_types = [(await send_tokens(viewer_cache, range(1)))[0] for _ in range(8)]
    assert error_types == [UnauthenticatedError] * 5 + [RateLimitedError] * 3
    key = load_user_tokens(url)["member"]
    assert (await viewer_cache.authenticate(Credentials(key, ADDRESS))).username == "member"
    failed_tokens.close()


async def test_concurrent_lookups_of_a_client_are_bounded(loader: CountingLoader) -> None:
    failed_tokens = FailedTokens(20)
    viewer_cache = ViewerCache(loader, seconds=5, failed_tokens=failed_tokens)
    results = await asyncio.gather(
        *[
            viewer_cache.authenticate(Credentials(make_key(number), ADDRESS))
            for number in range(500)
        ],
        return_exceptions=True,
    )
    assert {type(each) for each in results} == {*ATTEMPTS}
    assert loader.peak_count <= MAX_CLIENT_LOOKUPS
    assert loader.lookup_count < 20 + MAX_CLIENT_LOOKUPS
    failed_tokens.close()


async def test_concurrent_lookups_of_all_clients_are_bounded(loader: CountingLoader) -> None:
    failed_tokens = FailedTokens(20)
    viewer_cache = ViewerCache(loader, seconds=5, failed_tokens=failed_tokens)
    results = await asyncio.gather(
        *[
            viewer_cache.authenticate(
                Credentials(make_key(number), f"192.0.{number >> 8}.{number & 255}")
            )
            for number in range(1000)
        ],
        return_exceptions=True,
    )
    assert {type(each) for each in results} == {UnauthenticatedError}
    assert loader.peak_count <= failed_tokens_module.MAX_CONCURRENT_LOOKUPS
    failed_tokens.close()


async def test_lookups_under_way_are_bounded(
    loader: CountingLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "MAX_LOADING_VIEWERS", 10)
    viewer_cache = ViewerCache(loader, seconds=5)
    results = await asyncio.gather(
        *[
            viewer_cache.authenticate(Credentials(make_key(number), ADDRESS))
            for number in range(30)
        ],
        return_exceptions=True,
    )
    assert [type(each) for each in results].count(UnavailableError) == 20
    assert not viewer_cache._loading_entries
    viewer_cache.failed_tokens.close()


async def test_invalid_tokens_and_anonymous_clients_evict_no_users(
    loader: CountingLoader, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "MAX_CACHED_VIEWERS", 2)
    monkeypatch.setattr(authenticator, "MAX_CACHED_ANONYMOUS", 2)
    viewer_cache, tokens = ViewerCache(loader, seconds=300), load_user_tokens(url)
    users = ("staff", "member")
    viewers = [
        await viewer_cache.authenticate(Credentials(tokens[name], ADDRESS)) for name in users
    ]
    await asyncio.gather(
        *[
            viewer_cache.authenticate(Credentials(make_key(number), ADDRESS))
            for number in range(50)
        ],
        return_exceptions=True,
    )
    for number in range(20):
        await viewer_cache.authenticate(Credentials(None, f"2001:db8::{number}"))
    lookup_count = loader.lookup_count
    again = [await viewer_cache.authenticate(Credentials(tokens[name], ADDRESS)) for name in users]
    assert all(first is second for first, second in zip(viewers, again, strict=True))
    assert loader.lookup_count == lookup_count
    assert len(viewer_cache._anonymous_entries) == len(viewer_cache._token_entries) == 2
    viewer_cache.failed_tokens.close()


async def test_each_address_has_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    failed_tokens = FailedTokens(3, window_seconds=0.01)
    for number in range(3):
        failed_tokens.record_failure(make_key(number), ADDRESS)
    failed_tokens.record_failure(make_key(1), "2001:db8::1")
    for number in range(100):
        with pytest.raises(RateLimitedError):
            failed_tokens.check_client(make_key(number), ADDRESS)
    failed_tokens.end_window()
    failed_tokens.end_window()
    assert [each.getMessage() for each in caplog.records] == [
        "3 invalid tokens from 192.0.2.1 within a minute; 100 more were not looked up.",
        "1 invalid tokens from 2001:db8::/64 within a minute; 0 more were not looked up.",
    ]
    failed_tokens.check_client(make_key(1), ADDRESS)


async def test_log_and_memory_of_many_addresses_are_bounded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed_tokens = FailedTokens(20)
    for number in range(6000):
        failed_tokens.record_failure(make_key(number), f"192.0.{number >> 8}.{number & 255}")
    assert len(failed_tokens._failures) == failed_tokens_module.MAX_COUNTED_CLIENTS
    assert failed_tokens.failed_count == 6000
    failed_tokens.end_window()
    assert len(caplog.records) == failed_tokens_module.MAX_LOGGED_CLIENTS + 1
    assert caplog.records[-1].getMessage() == (
        "Invalid tokens from 4980 more addresses within a minute."
    )
    assert not failed_tokens._failures


async def test_without_a_limit_failures_are_only_counted(loader: CountingLoader) -> None:
    failed_tokens = FailedTokens(None)
    viewer_cache = ViewerCache(loader, seconds=5, failed_tokens=failed_tokens)
    assert {*await send_tokens(viewer_cache, range(50))} == {UnauthenticatedError}
    assert (failed_tokens.failed_count, loader.lookup_count) == (50, 50)
    assert len(failed_tokens._failures[ADDRESS]) == 1
    failed_tokens.close()


async def test_no_viewer_is_loaded_for_an_address_without_budget(loader: CountingLoader) -> None:
    """An IPv6 network has many addresses, each of which has a viewer of its own."""
    exhausted_addresses: set[str | None] = set()

    def check_anonymous(address: str | None) -> None:
        if address in exhausted_addresses:
            raise RateLimitedError("The budget is used up.", 5)

    viewer_cache = ViewerCache(loader, seconds=5, check_anonymous=check_anonymous)
    viewer = await viewer_cache.authenticate(Credentials(None, ADDRESS))
    exhausted_addresses |= {ADDRESS, OTHER_ADDRESS}
    assert await viewer_cache.authenticate(Credentials(None, ADDRESS)) is viewer
    with pytest.raises(RateLimitedError):
        await viewer_cache.authenticate(Credentials(None, OTHER_ADDRESS))
    assert not viewer_cache._loading_entries
