"""Tables that `gateway events install` adds to the database of a real Waldur."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from gateway.db.admin.grants import load_grants
from gateway.db.admin.own_tables import (
    ensure_own_tables,
    install_event_schema,
    uninstall_event_schema,
)
from gateway.db.events.triggers import EventSourceError, load_trigger_status
from tests.conftest import DatabaseFactory
from tests.support import waldur_2024

LIST_TABLES_SQL = """
select relname, relkind from pg_class where relnamespace = to_regnamespace('gateway') order by 1
"""
KEY_PRIVILEGES_SQL = """
insert into gateway.idempotency_key (user_id, key, request_digest, claimed_at)
    values (1, 'key', 'digest', now());
update gateway.idempotency_key set result = '[1, 2, null]';
select * from gateway.idempotency_key;
delete from gateway.idempotency_key
"""


@pytest.fixture(scope="module")
def waldur_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a Waldur installation."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
    return url


@pytest.fixture
def connection(waldur_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection whose changes are rolled back."""
    with psycopg.connect(waldur_url) as rolled_back_connection:
        rolled_back_connection.execute("select 1")  # begins the transaction of the whole test
        yield rolled_back_connection
        rolled_back_connection.rollback()


def describe_keys(connection: psycopg.Connection[Any]) -> list[Any]:
    """Return the columns and indexes of the table of keys."""
    columns = connection.execute(
        "select attname, atttypid::regtype, atttypmod, attnotnull, attidentity from pg_attribute"
        " where attrelid = 'gateway.idempotency_key'::regclass and attnum > 0 order by attnum"
    ).fetchall()
    indexes = connection.execute(
        "select indexdef from pg_indexes where tablename = 'idempotency_key' order by 1"
    ).fetchall()
    return [*columns, *indexes]


def test_keys_are_installed_once_and_uninstalled(connection: psycopg.Connection[Any]) -> None:
    for _ in range(2):
        install_event_schema(connection)
        assert load_trigger_status(connection).is_complete
        connection.execute(KEY_PRIVILEGES_SQL.partition(";")[0].encode())
        connection.execute("update gateway.idempotency_key set key = key || id")
    counted = connection.execute("select count(*) from gateway.idempotency_key").fetchone()
    assert counted == (2,)
    for _ in range(2):
        uninstall_event_schema(connection)
        assert connection.execute(LIST_TABLES_SQL.encode()).fetchall() == []
        assert connection.execute("select to_regnamespace('gateway')").fetchone() == (None,)


def test_keys_are_those_of_our_own_marketplace(connection: psycopg.Connection[Any]) -> None:
    install_event_schema(connection)
    installed = describe_keys(connection)
    uninstall_event_schema(connection)
    ensure_own_tables(connection)
    assert describe_keys(connection) == installed
    uninstall_event_schema(connection)
    assert describe_keys(connection) == installed, "Local mutations need it, too."


def test_keys_are_added_to_an_earlier_installation(connection: psycopg.Connection[Any]) -> None:
    install_event_schema(connection)
    connection.execute("drop table gateway.idempotency_key")
    install_event_schema(connection)
    assert describe_keys(connection)


def test_printed_privileges_suffice(connection: psycopg.Connection[Any]) -> None:
    connection.execute("create role gateway_reader")
    install_event_schema(connection)
    grants = [
        each.render_statement("gateway_reader")
        for each in load_grants(connection, "gateway_reader")
    ]
    statements = [each for each in grants if "_key" in each or 'SCHEMA "gateway"' in each]
    assert len(statements) == 2
    for statement in statements:
        connection.execute("set local role gateway_reader")
        with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
            connection.execute(KEY_PRIVILEGES_SQL.encode())
        connection.execute("reset role")
        connection.execute(statement.encode())
    connection.execute("set local role gateway_reader")
    connection.execute(KEY_PRIVILEGES_SQL.encode())


def test_missing_privileges_are_an_error_with_a_message(
    connection: psycopg.Connection[Any],
) -> None:
    install_event_schema(connection)
    connection.execute("drop table gateway.idempotency_key; create role installer")
    connection.execute("grant usage on schema gateway to installer; set local role installer")
    with pytest.raises(EventSourceError, match="privileges"):
        install_event_schema(connection)
