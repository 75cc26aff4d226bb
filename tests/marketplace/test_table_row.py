"""Row classes agree with the declared tables, at import and for mypy."""

import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from gateway.db import tables
from gateway.db.tables.codes import OrderState, OrderType, ResourceState
from gateway.marketplace.rows import OrderKeyRow, ResourceRow
from gateway.marketplace.table_row import (
    ColumnValues,
    InvalidRowColumnError,
    JsonObject,
    TableRow,
    column,
)
from tests.support.project_paths import PROJECT_ROOT


class Colour(Enum):
    """Values that no integer column can have."""

    RED = "red"


@pytest.mark.parametrize(
    ("name", "annotation", "message"),
    [
        ("colour", int, "SomeRow.colour is not a column of the table marketplace_order."),
        ("activated", str | None, "SomeRow.activated is not a column"),
        ("state", str, "SomeRow.state can't be <class 'str'>: the column is Integer."),
        ("state", Any, "SomeRow.state can't be typing.Any"),
        ("state", Colour, "SomeRow.state can't be <enum 'Colour'>"),
        ("limits", str, "SomeRow.limits can't be <class 'str'>: the column is JSONB."),
        ("plan_id", int, "SomeRow.plan_id must include None"),
        ("state", int | None, "SomeRow.state may not include None"),
        ("modified", bytes, "SomeRow.modified can't be <class 'bytes'>"),
    ],
)
def test_a_column_that_contradicts_its_table_is_rejected(
    name: str, annotation: Any, message: str
) -> None:
    namespace = {"__annotations__": {name: annotation}, name: column()}
    with pytest.raises(InvalidRowColumnError) as error:
        type("SomeRow", (TableRow,), namespace, table=tables.order)
    assert message in str(error.value)


def test_values_are_decoded() -> None:
    class SomeRow(TableRow, table=tables.order):
        state: OrderState = column()
        plan_id: int | None = column()
        limits: JsonObject = column()
        cost: str | None = column()

    assert [each.name for each in SomeRow.columns] == ["state", "plan_id", "limits", "cost"]
    row = SomeRow.from_values((3, None, '{"cores": 2}', "1.50"))
    assert (row.state, row.plan_id, row.limits, row.cost) == (
        OrderState.DONE,
        None,
        {"cores": 2},
        "1.50",
    )
    with pytest.raises(AttributeError):
        row.colour  # type: ignore[attr-defined] # noqa: B018


def test_later_values_take_precedence() -> None:
    first = ColumnValues(ResourceRow, state=ResourceState.OK, error_message="")
    second = ColumnValues(ResourceRow, error_message="failed", plan_id=1)
    assert (first | second).by_column == {
        "state": ResourceState.OK,
        "error_message": "failed",
        "plan_id": 1,
    }


def test_values_are_applied_to_a_copy_of_a_row() -> None:
    row = OrderKeyRow.from_values((1, 2, OrderType.UPDATE.value))
    changed_row = ColumnValues(OrderKeyRow, resource_id=3).apply_to(row)
    assert (row.resource_id, changed_row.resource_id, changed_row.id) == (2, 3, 1)


MISSPELT_SNIPPET = """
from gateway.marketplace.rows import OrderRow, ResourceRow
from gateway.db.tables.codes import OrderState, ResourceState
from gateway.marketplace.table_row import ColumnValues, any_of
from gateway.marketplace.unit_of_work import UnitOfWork

async def use_columns(unit_of_work: UnitOfWork) -> None:
    resource = await unit_of_work.load_row(ResourceRow, 1)
    print(resource.name, resource.colour)
    await unit_of_work.load_rows(ResourceRow, id=any_of([1]), plan_id=None)
    await unit_of_work.load_rows(ResourceRow, nmae="x")
    await unit_of_work.load_rows(ResourceRow, id=any_of(["x"]))
    await unit_of_work.update_rows(ResourceRow, [1], state=ResourceState.OK)
    await unit_of_work.update_rows(ResourceRow, 1, colour=1)
    await unit_of_work.update_rows(ResourceRow, 1, state=OrderState.DONE)
    await unit_of_work.insert_row(OrderRow, state=OrderState.DONE, colour=1)
    await unit_of_work.update_columns(1, ColumnValues(OrderRow, colour=1))
    print(ColumnValues(OrderRow, id=1) | ColumnValues(ResourceRow, id=1))
"""
EXPECTED_ERRORS = {
    9: '"ResourceRow" has no attribute "colour"',
    11: 'Unexpected keyword argument "nmae" for "load_rows" of "UnitOfWork"',
    12: 'Argument "id" to "load_rows" of "UnitOfWork" has incompatible type "str"',
    14: 'Unexpected keyword argument "colour" for "update_rows" of "UnitOfWork"',
    15: 'Argument "state" to "update_rows" of "UnitOfWork" has incompatible type',
    16: 'Unexpected keyword argument "colour" for "insert_row" of "UnitOfWork"',
    17: 'Unexpected keyword argument "colour" for "ColumnValues"',
    18: 'Argument 1 to "ColumnValues" has incompatible type',
}
"""The only errors of the snippet, by line."""


def test_mypy_rejects_misspelt_columns(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(MISSPELT_SNIPPET)
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", str(snippet)]
    process = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    errors = [line.split(":", 2) for line in process.stdout.splitlines() if ": error: " in line]
    assert [int(number) for _, number, _ in errors] == list(EXPECTED_ERRORS), process.stdout
    for (_, _, text), expected_text in zip(errors, EXPECTED_ERRORS.values(), strict=True):
        assert expected_text in text
