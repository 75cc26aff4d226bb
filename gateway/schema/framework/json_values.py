"""Clients' values of the scalar JSON, in variables and in documents."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from graphql import (
    EnumValueNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)

from gateway.exact_json import ExactNumber, decode_json
from gateway.schema.framework.errors import shorten_text

JsonPath = tuple[str | int, ...]
"""Names and indexes from the whole value to a part of it."""


def parse_json_value(value: object, path: JsonPath = ()) -> Any:
    """Return a value with the names of enum values; raises ValueError if it is not JSON."""
    if isinstance(value, dict):
        return {name: parse_json_value(each, (*path, name)) for name, each in value.items()}
    if isinstance(value, list):
        return [parse_json_value(each, (*path, index)) for index, each in enumerate(value)]
    foreign_content = _find_foreign_content(value)
    if foreign_content is not None:
        raise _make_error(foreign_content, path)
    return value.name if isinstance(value, Enum) else value


def _find_foreign_content(value: object) -> str | None:
    """Return what is not JSON, or can't be stored as such; None for a valid value."""
    if isinstance(value, bytes):
        return "a file"
    if isinstance(value, ExactNumber) and not value.is_storable():
        return "a number of so many digits"
    is_json = value is None or isinstance(value, (str, int, float, Enum))
    return None if is_json else "a value of another type"


def parse_json_literal(
    node: ValueNode, variables: Mapping[str, Any] | None = None, path: JsonPath = ()
) -> Any:
    """Return the value of a literal, in which `variables` may occur.

    As in input objects and lists, a variable without a value leaves its name out, or is null in a
    list. Raises ValueError if the literal, or the value of a variable, is not JSON.
    """
    values = variables or {}
    if isinstance(node, ObjectValueNode):
        return {
            each.name.value: parse_json_literal(each.value, values, (*path, each.name.value))
            for each in node.fields
            if not isinstance(each.value, VariableNode) or each.value.name.value in values
        }
    if isinstance(node, ListValueNode):
        return [
            parse_json_literal(each, values, (*path, index))
            for index, each in enumerate(node.values)
        ]
    if isinstance(node, VariableNode):
        return parse_json_value(values.get(node.name.value), path)
    return parse_json_value(_parse_leaf(node, path), path)


def _parse_leaf(node: ValueNode, path: JsonPath) -> Any:
    if isinstance(node, EnumValueNode):
        raise _make_error(f"the enum value {node.value}: write a string", path)
    if isinstance(node, (IntValueNode, FloatValueNode)):
        return decode_json(node.value)
    return None if isinstance(node, NullValueNode) else node.value  # type: ignore[attr-defined]


def _make_error(content: str, path: JsonPath) -> ValueError:
    place = f" (at `{shorten_text('.'.join(map(str, path)))}`)" if path else ""
    return ValueError(f"A JSON value must not contain {content}{place}.")
