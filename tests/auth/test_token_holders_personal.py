"""Personal access tokens: recognised, refused, cached, and marked as used (rules.md §2)."""

import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from gateway.auth.authenticator import ViewerCache, parse_token
from gateway.auth.errors import UnauthenticatedError
from gateway.auth.failed_tokens import FailedTokens
from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.access.token_scopes import TokenScopes
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerLoader
from tests.support.personal_tokens import ENABLE_SQL, bind_object, create_token

TOKEN = f"w_4102444800_{'aB3-_' * 8}xyz"
VIEWER_QUERY = "{ viewer { user { username } } }"
SETTING_SQL = "update constance_config set value = %s where key = 'PAT_ENABLED'"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_token_is_parsed(scheme: str) -> None:
    assert parse_token([f"{scheme} {TOKEN}"]) == (TOKEN, TokenKind.PERSONAL)
    assert Credentials(TOKEN, None, TokenKind.PERSONAL).authorization == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "header",
    [
        f"Token {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer W{TOKEN[1:]}",
        f"Bearer w_-4102444800_{TOKEN[-43:]}",
        f"Bearer w_4102444800.5_{TOKEN[-43:]}",
        f"Bearer w_٤١٠٢٤٤٤٨٠٠_{TOKEN[-43:]}",
        f"Bearer w_{'9' * 5000}_{TOKEN[-43:]}",
        f"Bearer w__{TOKEN[-43:]}",
        f"Bearer w_4102444800_{'é' * 43}",
        f"Bearer w_4102444800_{'a' * 38}';--",
        f"Bearer w_4102444800_{'a' * 42}\x00",
        f"Bearer {TOKEN},Bearer {TOKEN}",
        f"Bearer w_4102444800_{'a' * 1_000_000}",
    ],
)
def test_other_forms_are_refused(header: str) -> None:
    with pytest.raises(UnauthenticatedError, match="Bearer") as raised:
        parse_token([header])
    assert len(str(raised.value)) < 300
    assert "aB3" not in str(raised.value)


def test_two_headers_are_refused() -> None:
    with pytest.raises(UnauthenticatedError, match="more than one"):
        parse_token([f"Bearer {TOKEN}", f"Bearer {TOKEN}"])


async def authenticate(
    viewer_loader: ViewerLoader, token: str, address: str | None = None
) -> Viewer:
    """Return the viewer of a token."""
    credentials = Credentials(token, address, TokenKind.PERSONAL)
    return await ViewerCache(viewer_loader, seconds=5).authenticate(credentials)


async def test_token_authenticates_its_user_with_its_scopes(
    viewer_loader: ViewerLoader, connection: psycopg.Connection
) -> None:
    token = create_token(connection, "nobody", ["RESOURCE.TERMINATE"])
    connection.execute(
        "delete from authtoken_token where user_id = (select id from core_user"
        " where username = 'nobody')"
    )
    assert (await authenticate(viewer_loader, token)).username == "nobody"
    token = create_token(connection, "owner", ["RESOURCE.TERMINATE"])
    viewer = await authenticate(viewer_loader, token)
    assert viewer.username == "owner"
    assert viewer.token_scopes == TokenScopes(frozenset({"RESOURCE.TERMINATE"}))
    assert viewer.projects


REFUSED_VALUES: Mapping[str, Mapping[str, Any]] = {
    "expiry in the token": {"expiry": int(time.time()) - 1},
    "expiry of zero": {"expiry": 0},
    "expiry of the row": {"lifetime": -1, "expiry": 4102444800},
    "inactive": {"is_active": False},
    "network": {"allowed_networks": ["198.51.100.0/24"]},
    "networks that are none": {"allowed_networks": ["", "x", 7, None, {}]},
    "networks that are no list": {"allowed_networks": {"192.0.2.1": True}},
    "one network that is no list": {"allowed_networks": "192.0.2.0/24"},
}


@pytest.mark.parametrize("values", REFUSED_VALUES.values(), ids=REFUSED_VALUES)
async def test_tokens_that_are_not_valid_are_refused(
    viewer_loader: ViewerLoader, connection: psycopg.Connection, values: Mapping[str, Any]
) -> None:
    token = create_token(connection, "owner", **values)
    with pytest.raises(UnauthenticatedError, match=r"^Invalid token\.$"):
        await authenticate(viewer_loader, token, "192.0.2.1")


@pytest.mark.parametrize(
    ("refusing", "restoring"),
    [
        ("update core_user set is_active = false", "update core_user set is_active = true"),
        (
            "update core_user set can_use_personal_access_tokens = false",
            "update core_user set can_use_personal_access_tokens = true",
        ),
        ("delete from constance_config where key = 'PAT_ENABLED'", ENABLE_SQL),
        *[
            (f"update constance_config set value = {each} where key = 'PAT_ENABLED'", ENABLE_SQL)
            for each in ("'false'", "null", "''", "'1'", "'\"true\"'", "'gAJLAS4='", "'gASJLg=='")
        ],
    ],
)
async def test_marketplace_and_user_can_disable_tokens(
    viewer_loader: ViewerLoader, connection: psycopg.Connection, refusing: str, restoring: str
) -> None:
    token = create_token(connection, "owner")
    connection.execute(refusing.encode())
    try:
        with pytest.raises(UnauthenticatedError, match=r"^Invalid token\.$"):
            await authenticate(viewer_loader, token)
    finally:
        connection.execute(restoring.encode())
    assert (await authenticate(viewer_loader, token)).username == "owner"


@pytest.mark.parametrize("value", ["true", '{"__type__": "x", "__value__": true}', "gASILg=="])
async def test_setting_is_read_in_each_format(
    viewer_loader: ViewerLoader, connection: psycopg.Connection, value: str
) -> None:
    connection.execute(SETTING_SQL, [value])
    await authenticate(viewer_loader, create_token(connection, "owner"))
    connection.execute(ENABLE_SQL)


@pytest.mark.parametrize(
    ("networks", "address", "is_valid"),
    [
        ([], None, True),
        (["192.0.2.0/24"], "192.0.2.9", True),
        (["192.0.2.77/24"], "192.0.2.9", True),
        (["192.0.2.9"], "192.0.2.9", True),
        (["x", "10.0.0.0/8", "192.0.2.0/24"], "192.0.2.9", True),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["192.0.2.0/24"], "192.0.3.9", False),
        (["192.0.2.0/24"], None, False),
        (["0.0.0.0/0", "::/0"], None, False),
    ],
)
async def test_networks_restrict_the_client_address(
    viewer_loader: ViewerLoader,
    connection: psycopg.Connection,
    *,
    networks: list[str],
    address: str | None,
    is_valid: bool,
) -> None:
    token = create_token(connection, "owner", allowed_networks=networks)
    if is_valid:
        assert (await authenticate(viewer_loader, token, address)).username == "owner"
    else:
        with pytest.raises(UnauthenticatedError, match="Invalid token"):
            await authenticate(viewer_loader, token, address)


async def test_cached_token_is_still_refused_at_other_addresses(
    viewer_loader: ViewerLoader, connection: psycopg.Connection
) -> None:
    token = create_token(connection, "owner", allowed_networks=["192.0.2.0/24"])
    viewer_cache = ViewerCache(viewer_loader, seconds=300)
    await viewer_cache.authenticate(Credentials(token, "192.0.2.1", TokenKind.PERSONAL))
    for address in ("192.0.3.1", None):
        with pytest.raises(UnauthenticatedError):
            await viewer_cache.authenticate(Credentials(token, address, TokenKind.PERSONAL))


async def test_token_of_one_kind_is_not_one_of_the_other(
    viewer_loader: ViewerLoader, connection: psycopg.Connection
) -> None:
    token = create_token(connection, "owner")
    for key in (token, sha256(token.encode()).hexdigest()):
        with pytest.raises(UnauthenticatedError):
            await ViewerCache(viewer_loader, seconds=5).authenticate(Credentials(key))
    forged = f"w_{int(time.time()) + 9999}_{token[-43:]}"
    with pytest.raises(UnauthenticatedError):
        await authenticate(viewer_loader, forged)


async def test_failed_tokens_are_counted(viewer_loader: ViewerLoader) -> None:
    failed_tokens = FailedTokens(10)
    viewer_cache = ViewerCache(viewer_loader, seconds=5, failed_tokens=failed_tokens)
    with pytest.raises(UnauthenticatedError):
        await viewer_cache.authenticate(Credentials(TOKEN, "192.0.2.1", TokenKind.PERSONAL))
    assert failed_tokens.failed_count == 1
    failed_tokens.close()


async def test_cached_viewer_ends_with_its_token(
    viewer_loader: ViewerLoader, connection: psycopg.Connection
) -> None:
    now = 0.0
    viewer_cache = ViewerCache(viewer_loader, seconds=300, clock=lambda: now)
    token = create_token(connection, "owner", lifetime=60, expiry=4102444800)
    credentials = Credentials(token, None, TokenKind.PERSONAL)
    first_viewer = await viewer_cache.authenticate(credentials)
    now = 40
    assert await viewer_cache.authenticate(credentials) is first_viewer
    connection.execute("update core_personalaccesstoken set expires_at = now() - interval '1 s'")
    now = 61
    with pytest.raises(UnauthenticatedError, match="Invalid token"):
        await viewer_cache.authenticate(credentials)


BOUND_SQL = """
select p.id, p.customer_id, (select id from structure_project o
    where o.customer_id = p.customer_id and o.id <> p.id limit 1)
from structure_project p where not p.is_removed and exists (select from structure_project o
    where o.customer_id = p.customer_id and o.id <> p.id) order by p.id limit 1
"""


async def test_token_is_bound_to_objects_and_their_descendants(
    viewer_loader: ViewerLoader, connection: psycopg.Connection
) -> None:
    ((project, customer, sibling),) = connection.execute(BOUND_SQL).fetchall()
    scopes, permission = ["RESOURCE.TERMINATE", "STAFF.ACCESS"], "RESOURCE.TERMINATE"
    by_project, by_customer = [
        await authenticate(
            viewer_loader,
            create_token(
                connection,
                "staff",
                scopes,
                allowed_scopes=[bind_object(connection, "structure", model, id_)],
            ),
        )
        for model, id_ in (("project", project), ("customer", customer))
    ]
    allowed = {
        (scope, id_): (
            by_project.has_permission(permission, (scope, id_)),
            by_customer.has_permission(permission, (scope, id_)),
        )
        for scope, id_ in (
            ("project", project),
            ("project", sibling),
            ("customer", customer),
            ("customer", 10**6),
            ("offering", project),
        )
    }
    assert allowed == {
        ("project", project): (True, True),
        ("project", sibling): (False, True),
        ("customer", customer): (False, True),
        ("customer", 10**6): (False, False),
        ("offering", project): (False, allowed["offering", project][1]),
    }
    assert by_project.acts_as_staff([("resource", 1), ("project", project)])
    assert not by_project.acts_as_staff([("resource", 1), ("project", sibling)])
    assert not by_project.acts_as_staff([])


@pytest.mark.parametrize(
    "allowed_scopes",
    [
        [{}],
        [7],
        ["project"],
        {"a": 1},
        "all",
        [{"content_type_id": -1, "object_id": 1}],
        [{"content_type_id": None, "object_id": None}],
        [{"content_type_id": True, "object_id": True}],
    ],
)
async def test_unreadable_bounds_allow_nothing(
    viewer_loader: ViewerLoader, connection: psycopg.Connection, allowed_scopes: Any
) -> None:
    scopes = ["STAFF.ACCESS", "A.B"]
    token = create_token(connection, "staff", scopes, allowed_scopes=allowed_scopes)
    viewer = await authenticate(viewer_loader, token)
    assert not viewer.has_permission("A.B", ("project", 1), ("customer", 1), ("resource", 1))
    assert not viewer.acts_as_staff([("project", 1), ("resource", 1)])


@pytest.mark.parametrize("scopes", ['"STAFF.ACCESS"', "null", '{"STAFF.ACCESS": true}', "[[1]]"])
async def test_unreadable_scopes_allow_nothing(
    viewer_loader: ViewerLoader, connection: psycopg.Connection, scopes: str
) -> None:
    token = create_token(connection, "staff", ["STAFF.ACCESS"])
    connection.execute(
        "update core_personalaccesstoken set scopes = %s where token_hash = %s",
        [scopes, sha256(token.encode()).hexdigest()],
    )
    assert not (await authenticate(viewer_loader, token)).acts_as_staff(None)
