"""The declared tables are those of a real Waldur, but for what has changed since."""

from typing import Any

import pytest
from sqlalchemy import Column, Table

from gateway.db import tables
from gateway.db.admin.indexes import DIALECT
from tests.support.waldur_catalogue import GONE, LATER, columns

WALDUR = columns()
KNOWN = {table for table, _ in WALDUR}
SHARED = [each for each in tables.metadata.sorted_tables if each.name in KNOWN]
UNKNOWN = {"reversion_revision", "reversion_version"}
"""Tables that the copy of the catalogue does not hold."""


def physical(column: Column[Any]) -> tuple[str, bool]:
    """Give a column's type and whether null is allowed."""
    return column.type.compile(dialect=DIALECT), bool(column.nullable)


def expected(column: Column[Any]) -> tuple[str, bool]:
    """Give what a Waldur of October 2024 leads one to expect of a column."""
    kind, null = WALDUR[column.table.name, column.name]
    if column.name.startswith("description") and kind == "VARCHAR(2000)":
        kind = "VARCHAR(4096)"
    return LATER.get((column.table.name, column.name), kind), null


@pytest.mark.parametrize("table", SHARED, ids=str)
def test_columns_are_those_of_a_waldur(table: Table[Any]) -> None:
    ours = [each for each in table.c if "since" not in each.info]
    assert {each.name: physical(each) for each in ours} == {
        each.name: expected(each) for each in ours
    }


@pytest.mark.parametrize("table", SHARED, ids=str)
def test_no_column_of_a_waldur_is_left_out(table: Table[Any]) -> None:
    left_out = {name for name in WALDUR if name[0] == table.name and name[1] not in table.c}
    assert left_out <= GONE


def test_nothing_marked_as_newer_is_in_october_2024() -> None:
    newer = [
        (table.name, column.name)
        for table in tables.metadata.sorted_tables
        for column in table.c
        if "since" in table.info or "since" in column.info
    ]
    assert not WALDUR.keys() & newer


def test_tables_that_october_2024_lacks_are_marked() -> None:
    lacking = {name for name in tables.metadata.tables if name not in KNOWN}
    newer = {each.name for each in tables.metadata.sorted_tables if "since" in each.info}
    assert lacking == newer | UNKNOWN


def test_each_table_stands_in_the_package_under_one_name() -> None:
    named = [getattr(tables, name) for name in tables.__all__ if name != "metadata"]
    assert sorted(each.name for each in named) == sorted(tables.metadata.tables)
