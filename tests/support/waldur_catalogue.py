"""The physical tables of a Waldur of October 2024, as its database's catalogue told them."""

import csv
import re

from tests.support.project_paths import WALDUR_FILES

LATER = {
    ("marketplace_offeringcomponent", "limit_period"): "VARCHAR(10)",
    ("structure_customer", "default_tax_percent"): "NUMERIC(5, 2)",
    ("structure_project", "description"): "TEXT",
}
"""Columns whose type has changed since (domain.md §1), besides descriptions."""

GONE = {
    ("marketplace_offering", "native_description"),
    ("marketplace_offering", "native_name"),
    ("marketplace_offering", "rating"),
    ("marketplace_offering", "terms_of_service"),
    ("marketplace_offering", "terms_of_service_link"),
    ("marketplace_offeringuser", "propagation_date"),
    ("structure_organizationgroup", "type_id"),
}
"""Columns that were dropped since and that nothing reads (domain.md §1)."""


def lines(name: str) -> list[dict[str, str]]:
    """Give the rows of one file of the catalogue."""
    with (WALDUR_FILES / name).open(encoding="utf-8", newline="") as found:
        return list(csv.DictReader(found, delimiter="\t", quoting=csv.QUOTE_NONE))


def columns() -> dict[tuple[str, str], tuple[str, bool]]:
    """Give the type, and whether null is allowed, by table and column."""
    return {
        (each["table"], each["column"]): (_type(each), each["is_nullable"] == "YES")
        for each in lines("columns.tsv")
    }


def index(definition: str) -> tuple[str, str, bool]:
    """Tell the table, the columns and conditions, and whether unique, of an index."""
    found = re.fullmatch(
        r"CREATE (UNIQUE )?INDEX \S+ ON (?:public\.)?(\w+) USING btree (.*)", definition
    )
    assert found, definition
    return found[2], found[3], bool(found[1])


def reference(definition: str) -> tuple[str, str]:
    """Tell the column, and the table that it refers to, of a foreign key."""
    found = re.fullmatch(
        r"FOREIGN KEY \((\w+)\) REFERENCES (\w+)\(id\) DEFERRABLE INITIALLY DEFERRED", definition
    )
    assert found, definition
    return found[1], found[2]


def _type(line: dict[str, str]) -> str:
    if line["char_max_len"]:
        return f"VARCHAR({line['char_max_len']})"
    if line["data_type"] == "numeric":
        return f"NUMERIC({line['num_prec']}, {line['num_scale']})"
    return line["data_type"].upper()
