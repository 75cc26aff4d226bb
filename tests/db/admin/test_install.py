"""The installer creates Waldur's tables, constraints and indexes."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.errors import DuplicateTable

from gateway.db import tables
from gateway.db.admin import indexes, install
from tests.support.waldur_catalogue import (
    DROPPED_COLUMNS,
    parse_foreign_key,
    parse_index,
    read_catalogue,
)


@pytest.fixture
def connection(empty_database: str) -> Iterator[psycopg.Connection]:
    """Yield a connection to an empty database."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def installed_connection(new_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    """Yield a connection to a database with installed tables."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        install.install_tables(connection)
        yield connection


def load_column_names(connection: psycopg.Connection, table: str) -> set[str]:
    """Return the names of a table's columns in the database."""
    rows = connection.execute(
        "select column_name from information_schema.columns where table_name = %s", [table]
    )
    return {name for (name,) in rows}


def test_creates_every_table(installed_connection: psycopg.Connection) -> None:
    assert install.list_existing_tables(installed_connection) == sorted(tables.metadata.tables)


def test_an_empty_database_has_no_existing_tables(connection: psycopg.Connection) -> None:
    assert install.list_existing_tables(connection) == []


def test_creates_no_dropped_columns(installed_connection: psycopg.Connection) -> None:
    order_columns = load_column_names(installed_connection, "marketplace_order")
    assert "activated" not in order_columns
    customer_columns = load_column_names(installed_connection, "structure_customer")
    assert "organization_group_id" not in customer_columns


def test_creates_the_indexes_of_waldur(installed_connection: psycopg.Connection) -> None:
    existing_indexes = {
        parse_index(definition)
        for (definition,) in installed_connection.execute(
            "select indexdef from pg_indexes"
        ).fetchall()
        if " btree " in definition and " public." in definition
    }
    expected_indexes = {
        parse_index(each["definition"])
        for each in read_catalogue("indexes.tsv")
        if _is_declared(each)
    }
    dropped_indexes = {(table, f"({column})", False) for table, column in DROPPED_COLUMNS}
    assert expected_indexes - existing_indexes - dropped_indexes == {
        ("structure_customer", "(organization_group_id)", False)
    }


def test_creates_the_gateway_indexes(installed_connection: psycopg.Connection) -> None:
    existing_names = {
        name for (name,) in installed_connection.execute("select indexname from pg_indexes")
    }
    assert indexes.build_gateway_statements().keys() <= existing_names


def test_creates_the_foreign_keys_of_waldur(installed_connection: psycopg.Connection) -> None:
    existing_references = {
        (table, *parse_foreign_key(definition))
        for table, definition in installed_connection.execute(
            "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
            " where contype = 'f'"
        ).fetchall()
    }
    expected_references = {
        (each["table"], *parse_foreign_key(each["definition"]))
        for each in read_catalogue("fks.tsv")
        if each["type"] == "FOREIGN KEY" and _is_declared(each)
    }
    undeclared_references = {
        each for each in expected_references if each[2] not in tables.metadata.tables
    }
    dropped_reference = (
        "structure_customer",
        "organization_group_id",
        "structure_organizationgroup",
    )
    assert expected_references - existing_references == undeclared_references | {dropped_reference}


def test_creates_all_tables_or_none(connection: psycopg.Connection) -> None:
    connection.execute("create table structure_project (id integer)")
    with pytest.raises(DuplicateTable):
        install.install_tables(connection)
    assert install.list_existing_tables(connection) == ["structure_project"]


def test_inserts_the_marker_of_a_created_marketplace(
    installed_connection: psycopg.Connection,
) -> None:
    install.insert_marker(installed_connection, seed=7, resources=600)
    rows = installed_connection.execute(
        "select seed, resources from gateway.marketplace"
    ).fetchall()
    assert rows == [(7, 600)]


def _is_declared(entry: dict[str, str]) -> bool:
    return entry["table"] in tables.metadata.tables
