"""Published columns of a resource's version: those of the resource, without secrets."""

import json
from typing import Any

import pytest

from gateway.db import tables
from gateway.marketplace.resource_versions import VERSION_COLUMNS, extract_version_columns
from gateway.schema.framework.relations import DECLARATION_KEY, ComputedField, ToOneField
from gateway.schema.types.resource import Resource

SECRETS = {"user_username": "secret-name", "user_password": "secret-word"}


def build_version(**fields: Any) -> str:
    """Return a serialized version with columns."""
    return json.dumps([{"model": "marketplace.resource", "pk": 1, "fields": fields}])


def extract_fields(**fields: Any) -> dict[str, Any]:
    """Return the published columns of a version with columns."""
    columns_json = extract_version_columns(build_version(**fields))
    assert columns_json is not None
    extracted_columns: dict[str, Any] = json.loads(columns_json)
    return extracted_columns


def list_published_columns() -> set[str]:
    """Return the published columns of resources, under their names in versions."""
    column_names = set()
    for field in Resource.__strawberry_definition__.fields:  # type: ignore[attr-defined]
        match field.metadata.get(DECLARATION_KEY):
            case None:
                column_names.add(field.python_name)
            case ToOneField(reference=reference):
                column_names.add(reference.key.removesuffix("_id"))
            case ComputedField() if field.python_name in tables.resource.c and field.name != "id":
                column_names.add(field.python_name)
    return column_names


def test_version_columns_are_those_resources_publish() -> None:
    assert list_published_columns() == VERSION_COLUMNS


def test_columns_are_published_as_stored() -> None:
    fields = {"name": "a", "state": 2, "limits": {"cpu": 1.5}, "plan": None, "paused": False}
    assert extract_fields(**fields) == fields


def test_numbers_keep_their_spelling() -> None:
    numbers = [*["1.10", "1e400", "-0", "12345678901234567890.123456789"], "9" * 5000]
    members = ",".join(f'"{index}":{each}' for index, each in enumerate(numbers))
    for column in ("limits", "attributes", "options"):
        fields = f'{{"cost":1.10,"{column}":{{{members}}}}}'
        assert extract_version_columns(f'[{{"fields":{fields}}}]') == fields


def test_unpublished_columns_are_omitted() -> None:
    assert extract_fields(name="a", object_id=7, content_type=3, secret_options={"token": "x"}) == {
        "name": "a"
    }


@pytest.mark.parametrize("column", ["attributes", "options"])
def test_secrets_are_omitted(column: str) -> None:
    assert extract_fields(**{column: {"size": 1, **SECRETS}}) == {column: {"size": 1}}


@pytest.mark.parametrize("column", ["attributes", "options"])
def test_secrets_are_omitted_from_an_object_that_is_stored_as_text(column: str) -> None:
    assert extract_fields(**{column: json.dumps({"size": 1, **SECRETS})}) == {column: {"size": 1}}


@pytest.mark.parametrize("value", [[SECRETS], json.dumps([SECRETS]), "{'user_password': 'x'}", 7])
def test_unreadable_columns_with_secrets_are_null(value: Any) -> None:
    assert extract_fields(attributes=value, options=value) == {"attributes": None, "options": None}


def test_options_may_be_null() -> None:
    assert extract_fields(options=None) == {"options": None}


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
        "[" * 100_000,
        '<object pk="1"><field name="name">xml</field></object>',
    ],
)
def test_an_unreadable_version_is_null(serialized: str) -> None:
    assert extract_version_columns(serialized) is None
