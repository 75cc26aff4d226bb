"""Personal access tokens of a database whose role may not read all columns of users."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from gateway.db.access.personal_tokens import build_personal_token_query
from gateway.db.admin.grants import list_missing_grants
from gateway.db.driver.startup_connection import connect_database
from gateway.db.installation.installation import NoMarketplaceError, inspect_installation
from tests.support.granted_role import create_granted_role


@pytest.fixture
def role_connection(demo_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection of a role with the printed privileges."""
    with create_granted_role(demo_url) as role_url, connect_database(role_url) as connection:
        connection.autocommit = True
        yield connection


def revoke_select(demo_url: str, connection: psycopg.Connection[Any], target: str) -> None:
    """Revoke the privilege to read a table or its columns from the connection's role."""
    with psycopg.connect(demo_url) as owner:
        owner.execute(f"revoke select {target} from {connection.info.user}".encode())


def test_the_printed_privileges_allow_tokens(role_connection: psycopg.Connection[Any]) -> None:
    query = build_personal_token_query(inspect_installation(role_connection))
    assert "and u.can_use_personal_access_tokens" in query


def test_tokens_are_refused_if_the_role_may_not_read_who_may_use_them(
    demo_url: str, role_connection: psycopg.Connection[Any]
) -> None:
    target = "(can_use_personal_access_tokens) on core_user"
    revoke_select(demo_url, role_connection, target)
    installation = inspect_installation(role_connection)
    assert "and false" in build_personal_token_query(installation)
    (statement,) = list_missing_grants(role_connection)
    assert '"can_use_personal_access_tokens"' in statement


def test_a_newer_column_of_a_table_without_secrets_is_required(
    demo_url: str, role_connection: psycopg.Connection[Any]
) -> None:
    revoke_select(demo_url, role_connection, "on core_personalaccesstoken")
    with psycopg.connect(demo_url) as owner:
        owner.execute(
            "grant select (id, uuid, created, modified, name, token_prefix, token_hash, scopes,"
            " allowed_scopes, expires_at, is_active, last_used_at, last_used_ip, use_count,"
            f" user_id) on core_personalaccesstoken to {role_connection.info.user}".encode()
        )
    with pytest.raises(NoMarketplaceError, match=r"core_personalaccesstoken\.allowed_networks:"):
        inspect_installation(role_connection)
