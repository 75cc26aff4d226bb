"""Contents of a database without what differs from one run to the next: for equality tests."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import psycopg

from gateway.demo.postgres import EmbeddedPostgres

TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:?\d\d)?|Z)?")
TABLES_SQL = """
select format('%I.%I', t.schemaname, t.tablename) from pg_tables t
where t.schemaname in ('public', 'gateway') and t.tablename not in ('authtoken_token', 'event')
and exists (select from information_schema.columns c where c.column_name = 'id'
    and c.table_schema = t.schemaname and c.table_name = t.tablename and c.data_type like '%int%')
"""
REFERENCES_SQL = """
select json_build_object(
    'event_id', (select coalesce(json_object_agg(id, event_type || ': ' || message), '{}')
        from logging_event),
    'revision_id', (select coalesce(json_object_agg(r.id, r.comment || ' ' || v.object_id), '{}')
        from reversion_revision r join reversion_version v on v.revision_id = r.id),
    'invoice_id', (select coalesce(json_object_agg(id, concat_ws(' ', customer_id, year, month)),
        '{}') from invoices_invoice))
"""
NEW_ORDERS_SQL = """
select uuid, concat_ws(' ', 'order', resource_id, type) from marketplace_order where id > %s
"""
UUID_PATTERN = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b")
TableContents = dict[str, Counter[str]]
"""The rows of each table, without order."""


def copy_database(server: EmbeddedPostgres, url: str) -> str:
    """Copy a database without connections and return the URL of the copy."""
    name = url.rpartition("?")[0].rpartition("/")[2]
    copy_name = f"t{uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as root:
        root.execute(f"create database {copy_name} template {name}".encode())
    return url.replace(f"/{name}?", f"/{copy_name}?")


def load_last_ids(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Return the largest id of each table."""
    tables = [name for (name,) in connection.execute(TABLES_SQL.encode())]
    return {
        name: connection.execute(f"select coalesce(max(id), 0) from {name}".encode()).fetchall()[0][
            0
        ]
        for name in tables
    }


def load_contents(
    connection: psycopg.Connection[Any], last_ids: Mapping[str, int]
) -> TableContents:
    """Return the rows of all tables, without times, and without keys of rows after `last_ids`.

    The ids of transactions, which are stored with the event feed, are left out, too.

    References to new rows are replaced by what these rows are about.
    """
    ((names_by_id,),) = connection.execute(REFERENCES_SQL.encode()).fetchall()
    last_order_id = last_ids["public.marketplace_order"]
    orders: dict[str, str] = {
        uuid.hex: name for uuid, name in connection.execute(NEW_ORDERS_SQL, [last_order_id])
    }

    def name_order(match: re.Match[str]) -> str:
        return orders.get(match[0].replace("-", ""), match[0])

    contents = {}
    for table, last_id in last_ids.items():
        rows = connection.execute(f"select to_jsonb(t) from {table} t".encode())
        contents[table] = Counter(
            UUID_PATTERN.sub(
                name_order,
                _describe_row(_drop_order_id(row, last_order_id), last_id, names_by_id),
            )
            for (row,) in rows
        )
    return contents


def _drop_order_id(row: dict[str, Any], last_order_id: int) -> dict[str, Any]:
    """Return a row, without the key of a new order if it is an event about one."""
    for name in ("row_before", "row_after"):
        event_row = row.get(name) or {}
        if row.get("object_type") == "order" and event_row.get("id", 0) > last_order_id:
            del event_row["id"]
    return row


def _describe_row(
    row: dict[str, Any], last_id: int, names_by_id: Mapping[str, Mapping[str, str]]
) -> str:
    is_new = row["id"] > last_id
    described = {
        name: names_by_id.get(name, {}).get(str(value), value)
        for name, value in row.items()
        if name != "xid" and not (is_new and name in ("id", "uuid"))
    }
    return TIME_PATTERN.sub("time", repr(described))
