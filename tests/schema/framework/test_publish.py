"""Validation of published row classes when the program starts."""

from typing import Any

import pytest

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.enums import BillingType
from gateway.schema.framework.publish import InvalidFieldTypeError, object_type


def publish_class(annotation: Any, name: str, by_reference: str | None = None) -> None:
    original_classes = dict(Row.classes_by_table)
    try:
        row_class = type(
            "Thing",
            (Row,),
            {"__annotations__": {name: annotation}, "__module__": __name__},
            tables=(tables.component,),
            by_reference=by_reference,
        )
        object_type.__wrapped__(row_class) if hasattr(object_type, "__wrapped__") else object_type(
            row_class
        )
    finally:
        Row.classes_by_table.update(original_classes)


@pytest.mark.parametrize(
    ("annotation", "name", "by_reference", "message"),
    [
        (str, "nonsense", None, "is not a column"),
        (int, "min_prepaid_duration", None, "may be null"),
        (int, "unit_factor", None, "may be null"),
        (str, "name", "id uuid", "may be null"),
        (BillingType, "billing_type", None, "unknown values"),
    ],
)
def test_rejects_fields_that_the_table_contradicts(
    annotation: Any,
    name: str,
    by_reference: str | None,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.schema.framework.publish.parse_attribute_docs", lambda _: {})
    with pytest.raises(InvalidFieldTypeError, match=message):
        publish_class(annotation, name, by_reference)
