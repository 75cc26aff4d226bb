"""A rule beside a condition on its own column holds, and is not what rows are found by."""

from sqlalchemy import and_, or_

from gateway.db import tables
from gateway.db.access.visibility import RULES
from gateway.db.sql.planner_hints import beside

resource = tables.resource.c
RULE = RULES[tables.resource]


def test_a_rule_stays_where_nothing_gives_its_columns() -> None:
    for conditions in ((), (resource.name == "a",), (resource.project_id > 1,)):
        assert beside(RULE, conditions) is RULE
    either = or_(resource.project_id == 1, resource.project_id == 2)
    assert beside(RULE, (either,)) is RULE


def test_a_rule_is_no_condition_on_what_another_gives() -> None:
    given = resource.project_id == 1
    for conditions in ((given,), (resource.name == "a", and_(given, resource.state == 2))):
        assert str(beside(RULE, conditions)).startswith("CAST(")
    assert str(beside(RULE, (), resource.offering_id)).startswith("CAST(")
