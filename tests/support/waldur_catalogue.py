"""The physical tables of a Waldur of October 2024, as its database's catalogue told them."""

import csv
import re

from tests.support.project_paths import WALDUR_FILES

CHANGED_COLUMN_TYPES = {
    ("marketplace_offeringcomponent", "limit_period"): "VARCHAR(10)",
    ("structure_customer", "default_tax_percent"): "NUMERIC(5, 2)",
    ("structure_project", "description"): "TEXT",
}
"""Columns whose type has changed since (domain.md §1), besides descriptions."""

DROPPED_COLUMNS = {
    ("marketplace_offering", "native_description"),
    ("marketplace_offering", "native_name"),
    ("marketplace_offering", "rating"),
    ("marketplace_offering", "terms_of_service"),
    ("marketplace_offering", "terms_of_service_link"),
    ("marketplace_offeringuser", "propagation_date"),
    ("structure_organizationgroup", "type_id"),
}
"""Columns that were dropped since and that nothing reads (domain.md §1)."""


def read_catalogue(name: str) -> list[dict[str, str]]:
    """Give the rows of one file of the catalogue."""
    with (WALDUR_FILES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def column_types() -> dict[tuple[str, str], tuple[str, bool]]:
    """Give the type, and whether null is allowed, by table and column."""
    return {
        (each["table"], each["column"]): (_column_type(each), each["is_nullable"] == "YES")
        for each in read_catalogue("columns.tsv")
    }


def parse_index(definition: str) -> tuple[str, str, bool]:
    """Tell the table, the columns and conditions, and whether unique, of an index."""
    match = re.fullmatch(
        r"CREATE (UNIQUE )?INDEX \S+ ON (?:public\.)?(\w+) USING btree (.*)", definition
    )
    assert match, definition
    return match[2], match[3], bool(match[1])


def parse_foreign_key(definition: str) -> tuple[str, str]:
    """Tell the column, and the table that it refers to, of a foreign key."""
    match = re.fullmatch(
        r"FOREIGN KEY \((\w+)\) REFERENCES (\w+)\(id\) DEFERRABLE INITIALLY DEFERRED", definition
    )
    assert match, definition
    return match[1], match[2]


def _column_type(row: dict[str, str]) -> str:
    if row["char_max_len"]:
        return f"VARCHAR({row['char_max_len']})"
    if row["data_type"] == "numeric":
        return f"NUMERIC({row['num_prec']}, {row['num_scale']})"
    return row["data_type"].upper()
