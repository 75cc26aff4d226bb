"""Installing makes what a Waldur has: tables, constraints, indexes."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.errors import DuplicateTable

from gateway.db import tables
from gateway.db.admin import indexes, install
from tests.support.waldur_catalogue import GONE, index, lines, reference


@pytest.fixture
def connection(empty_database: str) -> Iterator[psycopg.Connection]:
    """Give a connection to an empty database."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def installed(new_database: Callable[[], str]) -> Iterator[psycopg.Connection]:
    """Give a connection to a database in which the tables are."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        install.install(connection)
        yield connection


def column_names(connection: psycopg.Connection, table: str) -> set[str]:
    """Give the columns that a table has in the database."""
    found = connection.execute(
        "select column_name from information_schema.columns where table_name = %s", [table]
    )
    return {name for (name,) in found}


def test_makes_every_table(installed: psycopg.Connection) -> None:
    assert install.occupied(installed) == sorted(tables.metadata.tables)


def test_an_empty_database_is_not_occupied(connection: psycopg.Connection) -> None:
    assert install.occupied(connection) == []


def test_makes_no_column_that_was_dropped(installed: psycopg.Connection) -> None:
    assert not {"activated"} & column_names(installed, "marketplace_order")
    assert not {"organization_group_id"} & column_names(installed, "structure_customer")


def test_makes_the_indexes_of_a_waldur(installed: psycopg.Connection) -> None:
    made = {
        index(definition)
        for (definition,) in installed.execute("select indexdef from pg_indexes").fetchall()
        if " btree " in definition and " public." in definition
    }
    wanted = {index(each["definition"]) for each in lines("indexes.tsv") if _declared(each)}
    gone = {(table, f"({column})", False) for table, column in GONE}
    assert wanted - made - gone == {("structure_customer", "(organization_group_id)", False)}


def test_makes_the_gateways_own_indexes(installed: psycopg.Connection) -> None:
    made = {name for (name,) in installed.execute("select indexname from pg_indexes")}
    assert indexes.own().keys() <= made


def test_makes_the_references_of_a_waldur(installed: psycopg.Connection) -> None:
    made = {
        (table, *reference(definition))
        for table, definition in installed.execute(
            "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
            " where contype = 'f'"
        ).fetchall()
    }
    wanted = {
        (each["table"], *reference(each["definition"]))
        for each in lines("fks.tsv")
        if each["type"] == "FOREIGN KEY" and _declared(each)
    }
    undeclared = {each for each in wanted if each[2] not in tables.metadata.tables}
    gone = ("structure_customer", "organization_group_id", "structure_organizationgroup")
    assert wanted - made == undeclared | {gone}


def test_makes_all_or_nothing(connection: psycopg.Connection) -> None:
    connection.execute("create table structure_project (id integer)")
    with pytest.raises(DuplicateTable):
        install.install(connection)
    assert install.occupied(connection) == ["structure_project"]


def test_marks_a_marketplace_as_ours(installed: psycopg.Connection) -> None:
    install.mark(installed, seed=7, resources=600)
    marked = installed.execute("select seed, resources from gateway.marketplace").fetchall()
    assert marked == [(7, 600)]


def _declared(line: dict[str, str]) -> bool:
    return line["table"] in tables.metadata.tables
