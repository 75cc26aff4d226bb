"""Test the events of orders, and that one installation serves all tracked tables."""

from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from sqlalchemy import Date, DateTime, SmallInteger, String, Text
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.statement import DIALECT
from gateway.db.events.tracked_tables import ORDERS, TRACKED_TABLES
from gateway.db.events.triggers import (
    EventSourceError,
    install_triggers,
    load_trigger_status,
    uninstall_triggers,
)
from tests.db.events.test_triggers import COUNT_TRIGGERS_SQL, INSTALLED, NOT_INSTALLED

Connection = psycopg.Connection[Any]
EARLIER_INSTALLATION_SQL = Path(__file__).with_name("earlier_installation.sql").read_bytes()
EVENTS_SQL = """
select object_type, kind, row_before, row_after, changed, object_uuid
from gateway.marketplace_event order by xid, id
"""
RECORDED_SQL = """
select jsonb_build_object('id', id, 'state', state, 'type', type, 'project_id', project_id,
    'offering_id', offering_id, 'resource_id', resource_id), uuid::text
from marketplace_order where id = %s
"""
OTHER_VALUES_SQL: dict[type, str] = {
    String: "left(coalesce({0}, ''), 40) || 'x'",
    Text: "coalesce({0}, '') || 'x'",
    JSONB: "jsonb_build_object('other', 1)",
    Date: "date '2031-01-31'",
    DateTime: "now()",
    SmallInteger: "{0} % 2 + 1",
}
"""Expressions for a different value of a column, by the column's type."""


def load_events(connection: Connection) -> list[Any]:
    """Return all events."""
    return connection.execute(EVENTS_SQL.encode()).fetchall()


def find_order(connection: Connection) -> int:
    """Return the id of an order."""
    row = connection.execute("select min(id) from marketplace_order").fetchone()
    assert row
    assert row[0]
    return int(row[0])


def load_recorded(connection: Connection, order_id: int) -> tuple[dict[str, Any], str]:
    """Return the recorded columns of an order and its UUID."""
    row = connection.execute(RECORDED_SQL.encode(), [order_id]).fetchone()
    assert row
    return row[0], row[1]


def test_events_record_both_sides(watched_connection: Connection) -> None:
    id_ = find_order(watched_connection)
    before, uuid = load_recorded(watched_connection, id_)
    watched_connection.execute(
        "update marketplace_order set state = state + 1, output = output || 'x' where id = %s",
        [id_],
    )
    after = {**before, "state": before["state"] + 1}
    ((*event, changed, event_uuid),) = load_events(watched_connection)
    assert event == ["order", "STATE_CHANGED", before, after]
    assert ({*changed}, event_uuid) == ({"state", "output"}, uuid)


@pytest.mark.parametrize("name", sorted(ORDERS.published_columns))
def test_each_published_column_is_watched(watched_connection: Connection, name: str) -> None:
    column = ORDERS.table.c[name]
    other_value = OTHER_VALUES_SQL.get(type(column.type), "coalesce({0}, 0) + 100000").format(name)
    id_ = find_order(watched_connection)
    column_type = column.type.compile(DIALECT)
    watched_connection.execute(
        f"alter table marketplace_order add if not exists {name} {column_type}".encode()
    )
    watched_connection.execute(
        f"update marketplace_order set {name} = {other_value} where id = {id_}".encode()
    )
    ((*_, changed, _),) = load_events(watched_connection)
    assert changed == [name]


def test_untracked_columns_make_no_event(watched_connection: Connection) -> None:
    names = ORDERS.untracked_columns - {"id", "uuid"}
    for each in names:
        watched_connection.execute(
            f"alter table marketplace_order add if not exists {each} timestamptz".encode()
        )
    assignments = ", ".join(f"{each} = now()" for each in names)
    watched_connection.execute(f"update marketplace_order set {assignments}".encode())
    assert load_events(watched_connection) == []


def test_a_project_that_moves_to_another_customer_makes_no_event(
    watched_connection: Connection,
) -> None:
    watched_connection.execute(
        "update structure_project set customer_id ="
        " (select max(id) from structure_customer where id <> customer_id)"
    )
    assert load_events(watched_connection) == []


def test_an_event_has_no_secrets(watched_connection: Connection) -> None:
    id_ = find_order(watched_connection)
    watched_connection.execute(
        'update marketplace_order set attributes = \'{"password": "secret-1"}\','
        " callback_url = 'https://secret-2.example.org', state = 5 where id = %s",
        [id_],
    )
    rows = watched_connection.execute("select e::text from gateway.marketplace_event e").fetchall()
    assert "callback_url" in rows[0][0]
    assert "secret" not in str(rows)


def test_resources_and_orders_share_one_order(watched_connection: Connection) -> None:
    for table in ("order", "resource", "order"):
        watched_connection.execute(
            f"update marketplace_{table} set state = state + 1"
            f" where id = (select min(id) from marketplace_{table})".encode()
        )
    assert [each[0] for each in load_events(watched_connection)] == ["order", "resource", "order"]


def install_earlier_triggers(connection: Connection) -> None:
    """Install the table and the triggers of an earlier gateway, with an event."""
    connection.execute("create schema gateway")
    connection.execute(EARLIER_INSTALLATION_SQL)
    connection.execute("update marketplace_resource set name = 'before'")


def test_an_earlier_installation_is_replaced(waldur_connection: Connection) -> None:
    install_earlier_triggers(waldur_connection)
    assert load_trigger_status(waldur_connection) == NOT_INSTALLED
    install_triggers(waldur_connection)
    assert load_trigger_status(waldur_connection) == INSTALLED
    assert waldur_connection.execute(COUNT_TRIGGERS_SQL.encode()).fetchone() == (6,)
    assert waldur_connection.execute(
        "select to_regclass('gateway.resource_event'), to_regproc('gateway.note_resource_event'),"
        " (select xid > '1' from gateway.event_horizon)"
    ).fetchone() == (None, None, True)
    waldur_connection.execute("update marketplace_resource set name = 'after'")
    assert {each[:2] for each in load_events(waldur_connection)} == {("resource", "UPDATED")}


def test_an_earlier_installation_is_uninstalled(waldur_connection: Connection) -> None:
    install_earlier_triggers(waldur_connection)
    uninstall_triggers(waldur_connection)
    assert waldur_connection.execute(COUNT_TRIGGERS_SQL.encode()).fetchone() == (0,)
    schema_sql = "select from pg_namespace where nspname = 'gateway'"
    assert waldur_connection.execute(schema_sql.encode()).fetchall() == []


@pytest.mark.parametrize("table", [each.table.name for each in TRACKED_TABLES.values()])
def test_a_missing_trigger_of_any_table_is_noticed(
    watched_connection: Connection, table: str
) -> None:
    watched_connection.execute(f"alter table {table} disable trigger gateway_update".encode())
    assert not load_trigger_status(watched_connection).is_complete
    install_triggers(watched_connection)
    assert load_trigger_status(watched_connection) == INSTALLED


def test_installing_ends_no_transaction_of_waldur(waldur_url: str) -> None:
    """Check that a transaction that locks the tables in another order is not a deadlock."""
    barrier, errors = Barrier(2), list[Exception]()

    def write_as_waldur() -> None:
        try:
            with psycopg.connect(waldur_url) as connection:
                connection.execute("update marketplace_order set output = output || 'x'")
                barrier.wait()
                for _ in range(3):
                    connection.execute("select pg_sleep(0.5)")
                    connection.execute("update marketplace_resource set name = name || 'x'")
                connection.rollback()
        except psycopg.Error as error:
            errors.append(error)

    waldur_thread = Thread(target=write_as_waldur)
    waldur_thread.start()
    with psycopg.connect(waldur_url, autocommit=True) as connection:
        barrier.wait()
        try:
            install_triggers(connection)
        except EventSourceError as error:
            errors.append(error)
        waldur_thread.join()
        uninstall_triggers(connection)
    assert errors == []
