"""GLauth's records are selected only from tables and columns that the installation has."""

import pytest
from sqlalchemy import Table

from gateway.db import tables
from gateway.db.installation.version_rules import RULES_2024, RULES_2026, VersionRules
from gateway.db.views.glauth_accounts import select_glauth_records

OPTIONAL_TABLES = (
    tables.offering_user,
    tables.offering_user_group,
    tables.offering_user_group_project,
    tables.robot_account,
)


@pytest.mark.parametrize("absent_table", OPTIONAL_TABLES, ids=str)
def test_absent_tables_are_not_queried(absent_table: Table) -> None:
    sql = str(select_glauth_records({absent_table}, RULES_2026))
    assert f"{absent_table.name}." not in sql
    assert "marketplace_offering." in sql


def test_present_tables_are_queried() -> None:
    sql = str(select_glauth_records((), RULES_2026))
    assert all(f"{each.name}." in sql for each in OPTIONAL_TABLES)


@pytest.mark.parametrize(("rules", "is_queried"), [(RULES_2024, True), (RULES_2026, False)])
def test_secret_options_are_queried_only_in_2024(rules: VersionRules, is_queried: bool) -> None:
    sql = str(select_glauth_records((), rules))
    assert ("secret_options" in sql) == is_queried
    assert ("plugin_options" in sql) != is_queried
