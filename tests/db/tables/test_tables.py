"""The declared tables match the catalogue of a real Waldur, except for later changes."""

from typing import Any

import pytest
from sqlalchemy import Column, Table

from gateway.db import tables
from gateway.db.admin.indexes import DIALECT
from tests.support.waldur_catalogue import CHANGED_COLUMN_TYPES, DROPPED_COLUMNS, column_types

WALDUR_COLUMNS = column_types()
WALDUR_TABLES = {table for table, _ in WALDUR_COLUMNS}
SHARED_TABLES = [each for each in tables.metadata.sorted_tables if each.name in WALDUR_TABLES]
UNCATALOGUED_TABLES = {
    "policy_customerestimatedcostpolicy",
    "policy_offeringestimatedcostpolicy",
    "policy_offeringestimatedcostpolicy_organization_groups",
    "policy_projectestimatedcostpolicy",
    "reversion_revision",
    "reversion_version",
}
"""Tables that are missing in the copy of the catalogue."""


def physical_type(column: Column[Any]) -> tuple[str, bool]:
    """Return a column's type and whether it is nullable."""
    return column.type.compile(dialect=DIALECT), bool(column.nullable)


def expected_type(column: Column[Any]) -> tuple[str, bool]:
    """Return the type and nullability that the catalogue of October 2024 implies."""
    type_, is_nullable = WALDUR_COLUMNS[column.table.name, column.name]
    if column.name.startswith("description") and type_ == "VARCHAR(2000)":
        type_ = "VARCHAR(4096)"
    return CHANGED_COLUMN_TYPES.get((column.table.name, column.name), type_), is_nullable


@pytest.mark.parametrize("table", SHARED_TABLES, ids=str)
def test_columns_match_the_catalogue(table: Table[Any]) -> None:
    declared_columns = [each for each in table.c if "since" not in each.info]
    assert {each.name: physical_type(each) for each in declared_columns} == {
        each.name: expected_type(each) for each in declared_columns
    }


@pytest.mark.parametrize("table", SHARED_TABLES, ids=str)
def test_all_columns_of_the_catalogue_are_declared(table: Table[Any]) -> None:
    undeclared = {
        name for name in WALDUR_COLUMNS if name[0] == table.name and name[1] not in table.c
    }
    assert undeclared <= DROPPED_COLUMNS


def test_newer_columns_are_missing_in_october_2024() -> None:
    newer_columns = [
        (table.name, column.name)
        for table in tables.metadata.sorted_tables
        for column in table.c
        if "since" in table.info or "since" in column.info
    ]
    assert not WALDUR_COLUMNS.keys() & newer_columns


def test_tables_missing_in_october_2024_are_marked_as_newer() -> None:
    missing_tables = {name for name in tables.metadata.tables if name not in WALDUR_TABLES}
    newer_tables = {each.name for each in tables.metadata.sorted_tables if "since" in each.info}
    assert missing_tables == newer_tables | UNCATALOGUED_TABLES


def test_each_table_is_exported_under_one_name() -> None:
    exported_tables = [each for each in vars(tables).values() if isinstance(each, Table)]
    assert sorted(each.name for each in exported_tables) == sorted(tables.metadata.tables)
