"""Where an installation keeps no accounts of a kind, nothing is asked of them."""

import pytest
from sqlalchemy import Table

from gateway.db import tables
from gateway.db.installation.version_rules import RULES_2024, RULES_2026, Rules
from gateway.db.views.glauth_accounts import records

KEPT = (
    tables.offering_user,
    tables.offering_user_group,
    tables.offering_user_group_project,
    tables.robot_account,
)


@pytest.mark.parametrize("absent", KEPT, ids=str)
def test_no_table_is_named_that_is_absent(absent: Table) -> None:
    written = str(records({absent}, RULES_2026))
    assert f"{absent.name}." not in written
    assert "marketplace_offering." in written


def test_all_tables_are_named_otherwise() -> None:
    written = str(records((), RULES_2026))
    assert all(f"{each.name}." in written for each in KEPT)


@pytest.mark.parametrize(("rules", "named"), [(RULES_2024, True), (RULES_2026, False)])
def test_secret_options_are_looked_at_only_where_the_switch_is(rules: Rules, named: bool) -> None:
    written = str(records((), rules))
    assert ("secret_options" in written) == named
    assert ("plugin_options" in written) != named
