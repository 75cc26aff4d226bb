"""Tables that `gateway events install` adds to the database of a real Waldur."""

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


def test_keys_are_installed_once_and_uninstalled(
    waldur_connection: psycopg.Connection[Any],
) -> None:
    for _ in range(2):
        install_event_schema(waldur_connection)
        assert load_trigger_status(waldur_connection).is_complete
        waldur_connection.execute(KEY_PRIVILEGES_SQL.partition(";")[0].encode())
        waldur_connection.execute("update gateway.idempotency_key set key = key || id")
    counted = waldur_connection.execute("select count(*) from gateway.idempotency_key").fetchone()
    assert counted == (2,)
    for _ in range(2):
        uninstall_event_schema(waldur_connection)
        assert waldur_connection.execute(LIST_TABLES_SQL.encode()).fetchall() == []
        assert waldur_connection.execute("select to_regnamespace('gateway')").fetchone() == (None,)


def test_keys_are_those_of_our_own_marketplace(waldur_connection: psycopg.Connection[Any]) -> None:
    install_event_schema(waldur_connection)
    installed = describe_keys(waldur_connection)
    uninstall_event_schema(waldur_connection)
    ensure_own_tables(waldur_connection)
    assert describe_keys(waldur_connection) == installed
    uninstall_event_schema(waldur_connection)
    assert describe_keys(waldur_connection) == installed, "Local mutations need it, too."


def test_keys_are_added_to_an_earlier_installation(
    waldur_connection: psycopg.Connection[Any],
) -> None:
    install_event_schema(waldur_connection)
    waldur_connection.execute("drop table gateway.idempotency_key")
    install_event_schema(waldur_connection)
    assert describe_keys(waldur_connection)


def test_printed_privileges_suffice(waldur_connection: psycopg.Connection[Any]) -> None:
    waldur_connection.execute("create role gateway_reader")
    install_event_schema(waldur_connection)
    grants = [
        each.render_statement("gateway_reader")
        for each in load_grants(waldur_connection, "gateway_reader")
    ]
    statements = [each for each in grants if "_key" in each or 'SCHEMA "gateway"' in each]
    assert len(statements) == 2
    for statement in statements:
        waldur_connection.execute("set local role gateway_reader")
        with pytest.raises(errors.InsufficientPrivilege), waldur_connection.transaction():
            waldur_connection.execute(KEY_PRIVILEGES_SQL.encode())
        waldur_connection.execute("reset role")
        waldur_connection.execute(statement.encode())
    waldur_connection.execute("set local role gateway_reader")
    waldur_connection.execute(KEY_PRIVILEGES_SQL.encode())


def test_missing_privileges_are_an_error_with_a_message(
    waldur_connection: psycopg.Connection[Any],
) -> None:
    install_event_schema(waldur_connection)
    waldur_connection.execute("drop table gateway.idempotency_key; create role installer")
    waldur_connection.execute(
        "grant usage on schema gateway to installer; set local role installer"
    )
    with pytest.raises(EventSourceError, match="privileges"):
        install_event_schema(waldur_connection)
