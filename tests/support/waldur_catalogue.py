"""The physical tables of Waldur (October 2024), exported from its database catalogue."""

import csv
import re

from tests.support.project_paths import WALDUR_FILES

CHANGED_COLUMN_TYPES = {
    ("marketplace_offeringcomponent", "limit_period"): "VARCHAR(10)",
    ("structure_customer", "default_tax_percent"): "NUMERIC(5, 2)",
    ("structure_project", "description"): "TEXT",
}
"""Columns whose type has changed since (domain.md §1), except descriptions."""

DROPPED_COLUMNS = {
    ("marketplace_offering", "native_description"),
    ("marketplace_offering", "native_name"),
    ("marketplace_offering", "rating"),
    ("marketplace_offering", "terms_of_service"),
    ("marketplace_offering", "terms_of_service_link"),
    ("marketplace_offeringuser", "propagation_date"),
    ("structure_organizationgroup", "type_id"),
}
"""Columns that were dropped later and are not read (domain.md §1)."""


def read_catalogue(name: str) -> list[dict[str, str]]:
    """Return the rows of one file of the catalogue."""
    with (WALDUR_FILES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def column_types() -> dict[tuple[str, str], tuple[str, bool]]:
    """Return type and nullability by table and column."""
    return {
        (each["table"], each["column"]): (_column_type(each), each["is_nullable"] == "YES")
        for each in read_catalogue("columns.tsv")
    }


def parse_index(definition: str) -> tuple[str, str, bool]:
    """Return the table of an index, its columns and conditions, and whether it is unique."""
    match = re.fullmatch(
        r"CREATE (UNIQUE )?INDEX \S+ ON (?:public\.)?(\w+) USING btree (.*)", definition
    )
    assert match, definition
    return match[2], match[3], bool(match[1])


def parse_foreign_key(definition: str) -> tuple[str, str]:
    """Return the column of a foreign key and the table that it refers to."""
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
