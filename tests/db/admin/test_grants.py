"""Privileges of the database role: enough for the gateway, and each missing one is named."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from gateway.db.admin.grants import (
    DEFAULT_ROLE,
    Grant,
    choose_role,
    list_missing_grants,
    load_grants,
    render_grants,
)
from gateway.db.events.triggers import install_triggers
from gateway.db.installation.installation import NoMarketplaceError, inspect_installation
from tests.conftest import DatabaseFactory
from tests.support import waldur_2024


@pytest.fixture(scope="module")
def owner_connection(new_database: DatabaseFactory) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection of the owner of the Waldur of October 2024, with event triggers."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        waldur_2024.create_waldur_database(connection)
        install_triggers(connection)
        database = connection.info.dbname
        connection.execute(f"revoke connect on database {database} from public".encode())
        connection.execute("revoke usage on schema public from public")
        yield connection


@pytest.fixture
def role(owner_connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Yield the name of a role without privileges."""
    name = f"r{uuid4().hex}"
    owner_connection.execute(f"create role {name} login".encode())
    yield name
    owner_connection.execute(f"drop owned by {name} cascade; drop role {name}".encode())


def apply_grants(connection: psycopg.Connection[Any], role: str) -> list[Grant]:
    """Run the printed script; return the privileges in it."""
    connection.execute("\n".join(render_grants(connection, role)).encode())
    return load_grants(connection, role)


def list_missing_for(connection: psycopg.Connection[Any], role: str) -> list[str]:
    """Return what a role misses, as it finds that itself."""
    connection.execute(f"set role {role}".encode())
    try:
        return list_missing_grants(connection)
    finally:
        connection.execute("reset role")


def inspect_as(connection: psycopg.Connection[Any], role: str) -> None:
    """Inspect the installation as a role."""
    connection.execute(f"set role {role}".encode())
    try:
        inspect_installation(connection)
    finally:
        connection.execute("reset role")


def test_the_printed_privileges_are_enough(
    owner_connection: psycopg.Connection[Any], role: str
) -> None:
    grants = apply_grants(owner_connection, role)
    assert len(grants) > 40
    assert all(each.is_granted for each in grants)
    assert list_missing_for(owner_connection, role) == []
    inspect_as(owner_connection, role)


def test_each_missing_privilege_is_named(
    owner_connection: psycopg.Connection[Any], role: str
) -> None:
    for grant in apply_grants(owner_connection, role):
        statement = grant.render_statement(role)
        owner_connection.execute(
            statement.replace("GRANT ", "REVOKE ").replace(" TO ", " FROM ").encode()
        )
        assert list_missing_for(owner_connection, role) == [statement]
        owner_connection.execute(statement.encode())


def test_all_missing_tables_are_one_statement(
    owner_connection: psycopg.Connection[Any], role: str
) -> None:
    statements = list_missing_for(owner_connection, role)
    assert len(statements) < 12
    owner_connection.execute("\n".join(statements).encode())
    assert list_missing_for(owner_connection, role) == []


def test_a_column_that_each_version_has_is_required(
    owner_connection: psycopg.Connection[Any], role: str
) -> None:
    apply_grants(owner_connection, role)
    owner_connection.execute(f"revoke select (is_staff) on core_user from {role}".encode())
    with pytest.raises(NoMarketplaceError, match=r"may not read core_user\.is_staff:"):
        inspect_as(owner_connection, role)
    (statement,) = list_missing_for(owner_connection, role)
    assert '"is_staff"' in statement


@pytest.mark.parametrize(
    "column",
    [
        "core_user.password",
        "core_user.civil_number",
        "structure_servicesettings.password",
        "marketplace_serviceprovider.api_secret_code",
        "openstack_tenant.user_password",
    ],
)
def test_the_role_may_not_read_secrets(
    owner_connection: psycopg.Connection[Any], role: str, column: str
) -> None:
    apply_grants(owner_connection, role)
    table, _, name = column.partition(".")
    owner_connection.execute(f"set role {role}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner_connection.execute(f"select {name} from {table}".encode())
    owner_connection.execute("reset role")


def test_a_role_may_have_any_name(owner_connection: psycopg.Connection[Any]) -> None:
    name = 'a "role"; drop'
    script = "\n".join(render_grants(owner_connection, name))
    assert script.count('TO "a ""role""; drop";\n') > 40
    assert '-- CREATE ROLE "a ""role""; drop" LOGIN' in script


def test_the_usual_role_replaces_an_administrator(
    owner_connection: psycopg.Connection[Any], role: str
) -> None:
    assert choose_role(owner_connection) == DEFAULT_ROLE
    owner_connection.execute(f"set role {role}".encode())
    assert choose_role(owner_connection) == role
    owner_connection.execute("reset role")


def test_tables_of_the_schema_gateway_are_optional(waldur2024_url: str) -> None:
    with psycopg.connect(waldur2024_url) as connection:
        *_, last_line = render_grants(connection, "anyone")
        assert last_line.startswith("-- The schema gateway has no tables.")


def test_a_schema_outside_the_search_path_is_found(new_database: DatabaseFactory) -> None:
    with psycopg.connect(new_database(), autocommit=True) as connection:
        waldur_2024.create_waldur_database(connection)
        connection.execute("alter schema public rename to waldur")
        lines = list(render_grants(connection, "anyone"))
    assert 'GRANT SELECT ON "waldur"."marketplace_order" TO "anyone";' in lines
    assert 'ALTER ROLE "anyone" SET search_path = "waldur";' in lines
