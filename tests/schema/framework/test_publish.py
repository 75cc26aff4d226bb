"""What a class must keep to be published; each is refused when the program starts."""

from typing import Any

import pytest

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.framework.publish import NotPublishableError, published
from gateway.schema.types.component import BillingType


def publish(annotation: Any, name: str, by_reference: str | None = None) -> None:
    kept = dict(Row.classes)
    try:
        made = type(
            "Thing",
            (Row,),
            {"__annotations__": {name: annotation}, "__module__": __name__},
            tables=(tables.component,),
            by_reference=by_reference,
        )
        published.__wrapped__(made) if hasattr(published, "__wrapped__") else published(made)
    finally:
        Row.classes.update(kept)


@pytest.mark.parametrize(
    ("annotation", "name", "by_reference", "why"),
    [
        (str, "nonsense", None, "is not a column"),
        (int, "min_prepaid_duration", None, "may be null"),
        (int, "unit_factor", None, "may be null"),
        (str, "name", "id uuid", "may be null"),
        (BillingType, "billing_type", None, "does not know"),
    ],
)
def test_refuses_what_the_table_can_not_keep(
    annotation: Any, name: str, by_reference: str | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.schema.framework.publish.attribute_docs", lambda _: {})
    with pytest.raises(NotPublishableError, match=why):
        publish(annotation, name, by_reference)
