"""Check the declarations of tracked tables: columns, published fields, filters, row filters."""

import subprocess
import sys
from typing import Any

import pytest

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import can_see_row
from gateway.db.events import triggers
from gateway.db.events.tracked_tables import TRACKED_TABLES, TrackedTable
from gateway.db.tables.codes import EventKind
from gateway.schema.types.event_types import EVENT_TYPES
from gateway.schema.types.object_event import EventType
from tests.support.schema_documents import SCHEMA

each_tracked_table = pytest.mark.parametrize(
    "tracked_table", TRACKED_TABLES.values(), ids=[*TRACKED_TABLES]
)
each_event_type = pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=[*EVENT_TYPES])
PUBLISHED_WITHOUT_FIELD = {"content_type_id", "object_id"}
"""The columns that the field `backend` of resources is made from."""


def get_type(name: str) -> Any:
    """Return a type of the schema."""
    return SCHEMA.type_map[name]


def test_each_tracked_table_is_published() -> None:
    tracked_tables = [each.tracked_table for each in EVENT_TYPES.values()]
    assert tracked_tables == [*TRACKED_TABLES.values()]
    assert EVENT_TYPES.keys() == get_type("Subscription").fields.keys()


@each_tracked_table
def test_declared_columns_exist(tracked_table: TrackedTable) -> None:
    columns = {each.name for each in tracked_table.table.c}
    unpublished = tracked_table.untracked_columns | tracked_table.unpublished_columns
    assert columns >= unpublished | {*tracked_table.recorded_columns}
    assert columns - unpublished == tracked_table.published_columns
    assert not tracked_table.untracked_columns & tracked_table.unpublished_columns


@each_tracked_table
def test_recorded_columns_decide_about_visibility(tracked_table: TrackedTable) -> None:
    values = dict.fromkeys(tracked_table.recorded_columns, 1)
    assert can_see_row(Viewer(is_staff=True), tracked_table.table, values)
    assert not can_see_row(Viewer(), tracked_table.table, values)
    with pytest.raises(KeyError):
        can_see_row(Viewer(), tracked_table.table, {})


@each_event_type
def test_each_published_column_is_a_field(event_type: EventType) -> None:
    published_columns = event_type.tracked_table.published_columns
    assert published_columns - {*event_type.published_fields} <= PUBLISHED_WITHOUT_FIELD
    fields = get_type(event_type.row_class.__name__).fields
    assert {*event_type.published_fields.values()} <= {*fields}


@each_event_type
def test_filters_name_recorded_columns(event_type: EventType) -> None:
    filter_fields = get_type(f"{event_type.event_class.__name__}Filter").fields
    tracked_table = event_type.tracked_table
    declared_fields = {*tracked_table.value_filters, *tracked_table.scope_filters}
    assert {*filter_fields} == {"uuids", "kinds"} | declared_fields


@each_event_type
def test_kinds_are_those_of_the_feed(event_type: EventType) -> None:
    kinds = get_type(f"{event_type.event_class.__name__}Kind").values
    assert [*kinds] == [*EventKind]


def test_an_order_is_completed_by_the_column_of_either_version() -> None:
    published_fields = EVENT_TYPES["orderChanged"].published_fields
    assert published_fields["activated"] == published_fields["completed_at"] == "completedAt"


PRINT_VERSION_SCRIPT = """
from sqlalchemy import Column, Text
from gateway.db.events.tracked_tables import TRACKED_TABLES
for each in TRACKED_TABLES.values():
    each.table.append_column(Column("fresh", Text))
    assert "fresh" in each.published_columns
from gateway.db.events import triggers
print(triggers.FUNCTION_VERSION)
"""


def test_publishing_a_column_leaves_triggers_current() -> None:
    arguments = [sys.executable, "-c", PRINT_VERSION_SCRIPT]
    process = subprocess.run(arguments, capture_output=True, check=True, text=True)
    assert process.stdout.strip() == triggers.FUNCTION_VERSION
