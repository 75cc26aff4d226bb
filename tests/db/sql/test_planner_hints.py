"""Row filters are fenced where another condition fixes a column that they compare."""

from sqlalchemy import and_, or_

from gateway.db import tables
from gateway.db.access.visibility import ROW_FILTERS
from gateway.db.sql.planner_hints import fence_row_filter

RESOURCE = tables.resource.c
ROW_FILTER = ROW_FILTERS[tables.resource]


def test_a_row_filter_is_unchanged_where_no_condition_fixes_its_columns() -> None:
    for conditions in ((), (RESOURCE.name == "a",), (RESOURCE.project_id > 1,)):
        assert fence_row_filter(ROW_FILTER, conditions) is ROW_FILTER
    either = or_(RESOURCE.project_id == 1, RESOURCE.project_id == 2)
    assert fence_row_filter(ROW_FILTER, (either,)) is ROW_FILTER


def test_a_row_filter_is_fenced_where_a_condition_fixes_its_column() -> None:
    fixed_project = RESOURCE.project_id == 1
    for conditions in (
        (fixed_project,),
        (RESOURCE.name == "a", and_(fixed_project, RESOURCE.state == 2)),
    ):
        assert str(fence_row_filter(ROW_FILTER, conditions)).startswith("CAST(")
    assert str(fence_row_filter(ROW_FILTER, (), RESOURCE.offering_id)).startswith("CAST(")
