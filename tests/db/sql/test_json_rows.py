"""Which rows can be nested as JSON, and which need a statement of their own."""

from dataclasses import replace

from gateway.db import tables
from gateway.db.query_spec import Access, ColumnRef, Expression, QuerySpec
from gateway.db.sql.json_rows import can_nest_rows

COMPONENT, OFFERING = tables.component.c, tables.offering.c
PARENT_SPEC = QuerySpec(
    tables.offering, (ColumnRef(OFFERING.name),), key_column=ColumnRef(OFFERING.uuid)
)
CHILD_SPEC = QuerySpec(
    tables.component,
    (ColumnRef(COMPONENT.name),),
    Access.INHERITED,
    ColumnRef(COMPONENT.offering_id),
)


def test_a_short_list_of_another_table_can_be_nested() -> None:
    assert can_nest_rows(CHILD_SPEC, PARENT_SPEC)


def test_a_table_can_not_be_nested_in_itself() -> None:
    assert not can_nest_rows(CHILD_SPEC, replace(PARENT_SPEC, table=tables.component))


def test_more_values_than_a_function_takes_can_not_be_nested() -> None:
    assert can_nest_rows(replace(CHILD_SPEC, columns=CHILD_SPEC.columns * 99), PARENT_SPEC)
    assert not can_nest_rows(replace(CHILD_SPEC, columns=CHILD_SPEC.columns * 100), PARENT_SPEC)


def test_values_that_json_might_change_can_not_be_nested() -> None:
    assert not can_nest_rows(
        replace(CHILD_SPEC, columns=(ColumnRef(OFFERING.latitude, (COMPONENT.offering_id,)),)),
        PARENT_SPEC,
    )
    assert not can_nest_rows(
        replace(CHILD_SPEC, columns=(Expression(lambda name: name, (ColumnRef(COMPONENT.name),)),)),
        PARENT_SPEC,
    )
