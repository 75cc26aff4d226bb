"""What is shown of a version: columns that resources show themselves, and no secret."""

import json
from typing import Any

import pytest

from gateway.db import tables
from gateway.marketplace.resource_versions import SHOWN, columns
from gateway.schema.framework.relations import RELATION, Computed, One
from gateway.schema.types.resource import Resource

SECRETS = {"user_username": "secret-name", "user_password": "secret-word"}


def version(**fields: Any) -> str:
    """Give a version that holds such columns."""
    return json.dumps([{"model": "marketplace.resource", "pk": 1, "fields": fields}])


def shown(**fields: Any) -> dict[str, Any]:
    """Give what is shown of a version."""
    found = columns(version(**fields))
    assert found is not None
    shown: dict[str, Any] = json.loads(found)
    return shown


def published() -> set[str]:
    """Name the columns that resources show themselves, as versions call them."""
    found = set()
    for field in Resource.__strawberry_definition__.fields:  # type: ignore[attr-defined]
        match field.metadata.get(RELATION):
            case None:
                found.add(field.python_name)
            case One(reference=reference):
                found.add(reference.key.removesuffix("_id"))
            case Computed() if field.python_name in tables.resource.c and field.name != "id":
                found.add(field.python_name)
    return found


def test_what_is_shown_is_what_resources_show() -> None:
    assert published() == SHOWN


def test_a_column_is_shown_as_it_is_stored() -> None:
    fields = {"name": "a", "state": 2, "limits": {"cpu": 1.5}, "plan": None, "paused": False}
    assert shown(**fields) == fields


def test_what_resources_do_not_show_is_left_out() -> None:
    assert shown(name="a", object_id=7, content_type=3, secret_options={"token": "x"}) == {
        "name": "a"
    }


@pytest.mark.parametrize("column", ["attributes", "options"])
def test_no_secret_is_shown(column: str) -> None:
    assert shown(**{column: {"size": 1, **SECRETS}}) == {column: {"size": 1}}


@pytest.mark.parametrize("column", ["attributes", "options"])
def test_no_secret_is_shown_of_an_object_that_is_stored_as_text(column: str) -> None:
    assert shown(**{column: json.dumps({"size": 1, **SECRETS})}) == {column: {"size": 1}}


@pytest.mark.parametrize("value", [[SECRETS], json.dumps([SECRETS]), "{'user_password': 'x'}", 7])
def test_what_may_hold_a_secret_is_not_shown_unread(value: Any) -> None:
    assert shown(attributes=value, options=value) == {"attributes": None, "options": None}


def test_options_may_be_null() -> None:
    assert shown(options=None) == {"options": None}


@pytest.mark.parametrize(
    "serialized",
    [
        "",
        "secret",
        "{}",
        "[]",
        "[7]",
        "[{}]",
        "[null]",
        '[{"fields": null}]',
        '[{"fields": [1]}]',
        '[{"fields": {"name": "cut off',
        '[{"fields": {"name": "\\ud800"}}]',
        '[{"fields": {"limits": {"cpu": NaN}}}]',
        '[{"fields": {"cost": 1e999}}]',
        "[" * 100_000,
        '<object pk="1"><field name="name">xml</field></object>',
    ],
)
def test_what_is_no_version_is_null(serialized: str) -> None:
    assert columns(serialized) is None
