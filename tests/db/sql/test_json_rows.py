"""What can stand in a row as one value, and what needs a statement of its own."""

from dataclasses import replace

from gateway.db import tables
from gateway.db.query_spec import At, Door, Of, Read
from gateway.db.sql.json_rows import nests

component, offering = tables.component.c, tables.offering.c
ABOVE = Read(tables.offering, (At(offering.name),), match=At(offering.uuid))
BELOW = Read(tables.component, (At(component.name),), Door.PARTS, At(component.offering_id))


def test_a_short_list_of_another_table_does() -> None:
    assert nests(BELOW, ABOVE)


def test_a_table_does_not_within_itself() -> None:
    assert not nests(BELOW, replace(ABOVE, table=tables.component))


def test_more_values_than_a_function_takes_do_not() -> None:
    assert nests(replace(BELOW, columns=BELOW.columns * 99), ABOVE)
    assert not nests(replace(BELOW, columns=BELOW.columns * 100), ABOVE)


def test_what_json_might_change_does_not() -> None:
    assert not nests(
        replace(BELOW, columns=(At(offering.latitude, (component.offering_id,)),)), ABOVE
    )
    assert not nests(replace(BELOW, columns=(Of(lambda name: name, (At(component.name),)),)), ABOVE)
