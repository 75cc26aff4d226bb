"""Who asks: the key in the header, the client's address, and how long a viewer is remembered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network

import psycopg
import pytest
import pytest_asyncio

from gateway.auth.authenticator import UnauthenticatedError, Viewers, client_address, key_in
from gateway.config.settings import settings
from gateway.db.access.viewer_loader import ViewerReader
from gateway.db.driver.database import Database
from gateway.server.factory import installation_of
from tests.conftest import NewDatabase
from tests.support.gateway_server import small_demo, tokens_at

KEY = "0123456789abcdef0123456789abcdef01234567"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    "header",
    [f"Token {KEY}", f"Bearer {KEY}", f"token {KEY}", f"BEARER {KEY}", f"  Token   {KEY}  "],
)
def test_finds_the_key(header: str) -> None:
    assert key_in([header]) == KEY


def test_without_a_header_nobody_asks() -> None:
    assert key_in([]) is None


@pytest.mark.parametrize(
    "header", ["", " ", "Token", "Token ", KEY, "Basic dXNlcjpwYXNz", "Digest"]
)
def test_other_schemes_and_malformed_headers_are_refused(header: str) -> None:
    with pytest.raises(UnauthenticatedError, match="Authorization: Token <key>"):
        key_in([header])


@pytest.mark.parametrize(
    "key", [f"{KEY} {KEY}", f"{KEY}0", "a-b", "a.b.c", "é", "\x00", "١٢٣", f"{KEY},"]
)
def test_what_can_be_no_key_is_refused(key: str) -> None:
    with pytest.raises(UnauthenticatedError, match="malformed"):
        key_in([f"Token {key}"])


@pytest.mark.parametrize("key", [JWT, "wpat_0123456789", f"{KEY}{KEY}"])
def test_other_bearers_are_told_what_is_supported(key: str) -> None:
    with pytest.raises(UnauthenticatedError, match=r"OIDC.*personal access.*not supp.*Token <key>"):
        key_in([f"Bearer {key}"])


def test_two_headers_are_refused_even_if_they_agree() -> None:
    with pytest.raises(UnauthenticatedError, match="more than one"):
        key_in([f"Token {KEY}", f"Token {KEY}"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5", "198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["198.51.100.9, 10.1.1.1 ,10.2.2.2"], "198.51.100.9"),
        ("10.0.0.1", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", ["198.51.100.9, nonsense"], None),
        ("10.0.0.1", ["198.51.100.9, 10.1.1.1, "], None),
        ("10.0.0.1", ["192.0.2.7, 198.51.100.9\xff"], None),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("fd00::1", ["2001:DB8::0:9"], "2001:db8::9"),
        ("2001:db8::1", ["198.51.100.9"], "2001:db8::1"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, ["198.51.100.9"], None),
        ("testclient", ["198.51.100.9"], None),
    ],
)
def test_only_trusted_proxies_are_believed(
    peer: str | None, forwarded: list[str], address: str | None
) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert client_address("10.0.0.1", ["198.51.100.9"], ()) == "10.0.0.1"


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a demo to change."""
    return small_demo(new_database())


@pytest.fixture
def changing(url: str) -> Iterator[psycopg.Connection]:
    """Give a connection whose changes are made at once."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reader(url: str) -> AsyncIterator[ViewerReader]:
    """Give what reads viewers."""
    database = await Database.at(url)
    yield ViewerReader(installation_of(settings({"GATEWAY_DATABASE_URL": url})), database)
    await database.close()


class Clock:
    """A clock that goes on when it is told to."""

    now = 0.0

    def read(self) -> float:
        """Give the time."""
        return self.now


async def test_a_token_is_its_users(reader: ViewerReader, url: str) -> None:
    used: list[str] = []
    viewers = Viewers(reader, seconds=5, used=used.append)
    key = tokens_at(url)["member"]
    assert (await viewers.viewer(key, None)).username == "member"
    assert (await viewers.viewer(key, None)).username == "member"
    assert used == [key, key]


async def test_without_a_token_nobody_is_told_of_use(reader: ViewerReader) -> None:
    used: list[str] = []
    viewer = await Viewers(reader, seconds=5, used=used.append).viewer(None, None)
    assert (viewer.username, used) == (None, [])


async def test_an_unknown_token_is_refused_and_not_used(reader: ViewerReader) -> None:
    used: list[str] = []
    with pytest.raises(UnauthenticatedError, match="Invalid token"):
        await Viewers(reader, seconds=5, used=used.append).viewer(KEY, None)
    assert used == []


async def test_a_revoked_token_ends_within_the_time(
    reader: ViewerReader, url: str, changing: psycopg.Connection
) -> None:
    clock, key = Clock(), tokens_at(url)["admin"]
    viewers = Viewers(reader, seconds=5, clock=clock.read)
    await viewers.viewer(key, None)
    changing.execute("delete from authtoken_token where key = %s", [key])
    clock.now = 4.9
    await viewers.viewer(key, None)
    clock.now = 5
    with pytest.raises(UnauthenticatedError, match="Invalid token"):
        await viewers.viewer(key, None)


async def test_a_revoked_role_ends_within_the_time(
    reader: ViewerReader, url: str, changing: psycopg.Connection
) -> None:
    clock, key = Clock(), tokens_at(url)["member"]
    viewers = Viewers(reader, seconds=5, clock=clock.read)
    before = await viewers.viewer(key, None)
    changing.execute(
        "update permissions_userrole set is_active = null where user_id = %s", [before.user_id]
    )
    assert await viewers.viewer(key, None) is before
    clock.now = 5
    after = await viewers.viewer(key, None)
    changing.execute(
        "update permissions_userrole set is_active = true where user_id = %s", [before.user_id]
    )
    assert before.projects
    assert not after.projects


async def test_an_inactive_user_is_refused(
    reader: ViewerReader, url: str, changing: psycopg.Connection
) -> None:
    set_active = "update core_user set is_active = %s where username = 'owner'"
    changing.execute(set_active, [False])
    with pytest.raises(UnauthenticatedError, match="inactive"):
        await Viewers(reader, seconds=5).viewer(tokens_at(url)["owner"], None)
    changing.execute(set_active, [True])


@pytest.mark.parametrize(("lifetime", "good"), [(None, True), (7200, True), (3000, False)])
async def test_a_token_ends_with_its_users_lifetime(
    reader: ViewerReader,
    url: str,
    changing: psycopg.Connection,
    *,
    lifetime: int | None,
    good: bool,
) -> None:
    changing.execute(
        "update core_user set token_lifetime = %s where username = 'manager'", [lifetime]
    )
    key = tokens_at(url)["manager"]
    changing.execute(
        "update authtoken_token set created = now() - interval '1 hour' where key = %s", [key]
    )
    viewers = Viewers(reader, seconds=5)
    if good:
        assert (await viewers.viewer(key, None)).username == "manager"
    else:
        with pytest.raises(UnauthenticatedError, match="expired"):
            await viewers.viewer(key, None)


async def test_requests_that_come_together_share_one_reading(
    reader: ViewerReader, url: str
) -> None:
    viewers = Viewers(reader, seconds=5)
    key = tokens_at(url)["staff"]
    found = await asyncio.gather(*[viewers.viewer(key, None) for _ in range(20)])
    assert len({id(each) for each in found}) == 1


async def test_addresses_are_told_apart(reader: ViewerReader, url: str) -> None:
    viewers, key = Viewers(reader, seconds=5), tokens_at(url)["member"]
    assert await viewers.viewer(key, "192.0.2.1") is not await viewers.viewer(key, "192.0.2.2")


async def test_a_refusal_is_not_remembered(
    reader: ViewerReader, url: str, changing: psycopg.Connection
) -> None:
    viewers = Viewers(reader, seconds=300)
    with pytest.raises(UnauthenticatedError):
        await viewers.viewer("f" * 40, None)
    changing.execute(
        "update authtoken_token t set key = %s from core_user u"
        " where u.id = t.user_id and u.username = 'nobody'",
        ["f" * 40],
    )
    assert (await viewers.viewer("f" * 40, None)).username == "nobody"


async def test_a_client_that_goes_away_takes_nobody_along(reader: ViewerReader, url: str) -> None:
    viewers = Viewers(reader, seconds=5)
    key = tokens_at(url)["staff"]
    first, second = [asyncio.create_task(viewers.viewer(key, None)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).username == "staff"
