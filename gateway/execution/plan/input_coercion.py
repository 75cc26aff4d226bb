"""Coercion of raw input values, compiled once for each input type.

graphql-core asks for each value which kind of type it has, and looks at all fields of an
input object, of which a filter has dozens and a request names a few. A compiled coercion
looks only at the fields that a value has. The results are graphql-core's; where a value is
invalid, the result is Undefined, and graphql-core makes the errors.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    Undefined,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.pyutils import is_iterable
from graphql.utilities import coerce_input_value

Coercion = Callable[[Any], Any]
"""Returns the coerced value of a raw value that is not null; Undefined if it is invalid."""


def compile_coercion(type_: Any) -> Coercion:
    """Return the function that coerces raw values, null included, to `type_`."""
    if is_non_null_type(type_):
        return _compile_nullable(type_.of_type, Undefined)
    return _compile_nullable(type_, None)


def _compile_nullable(type_: Any, null_result: Any) -> Coercion:
    coerce = _compile_named(type_)
    return lambda value: null_result if value is None else coerce(value)


def _compile_named(type_: Any) -> Coercion:
    if is_list_type(type_):
        return _compile_list(type_)
    if is_input_object_type(type_):
        return _get_object_coercion(type_)
    return _compile_enum(type_) if is_enum_type(type_) else _compile_scalar(type_)


def _compile_list(type_: Any) -> Coercion:
    coerce_item = compile_coercion(type_.of_type)

    def coerce_list(value: Any) -> Any:
        if not is_iterable(value):
            value = (value,)  # GraphQL accepts a value as a list of one
        coerced_items = []
        for item in value:
            coerced_item = coerce_item(item)
            if coerced_item is Undefined:
                return Undefined
            coerced_items.append(coerced_item)
        return coerced_items

    return coerce_list


def _compile_enum(type_: Any) -> Coercion:
    values = {name: type_.coerce_input_value(name) for name in type_.values}
    return lambda value: values.get(value, Undefined) if isinstance(value, str) else Undefined


def _compile_scalar(type_: Any) -> Coercion:
    coerce_input = type_.coerce_input_value

    def coerce_scalar(value: Any) -> Any:
        try:
            return coerce_input(value)
        except Exception:  # noqa: BLE001 - graphql-core reports it
            return Undefined

    return coerce_scalar


@cache
def _get_object_coercion(type_: Any) -> Coercion:
    """Return the coercion of an input object type, which may contain itself."""
    if _has_plain_values(type_):
        return _ObjectCoercion(type_).coerce_object
    return lambda value: coerce_input_value(value, type_)


def _has_plain_values(type_: GraphQLInputObjectType) -> bool:
    """Return whether coerced values are dicts with the fields' names and constant defaults."""
    return (
        type_.out_type is GraphQLInputObjectType.out_type
        and not type_.is_one_of
        and all(each.out_name is None and each.default is None for each in type_.fields.values())
    )


class _ObjectCoercion:
    """Coercion of an input object; a field is compiled at its first use, as types recur."""

    def __init__(self, type_: GraphQLInputObjectType) -> None:
        fields = type_.fields.items()
        self._types = {name: field.type for name, field in fields}
        self._coercions: dict[str, Coercion] = {}
        self._required_names = {name for name, field in fields if is_required_input_field(field)}
        self._defaults = {
            name: field.default_value
            for name, field in fields
            if field.default_value is not Undefined
        }

    def coerce_object(self, value: Any) -> Any:
        if not isinstance(value, dict) or not self._required_names <= value.keys():
            return Undefined
        coerced_fields = self._defaults.copy()
        for name, item in value.items():
            coerce = self._coercions.get(name) or self._compile_field(name)
            coerced_field = Undefined if coerce is None else coerce(item)
            if coerced_field is Undefined:
                return Undefined
            coerced_fields[name] = coerced_field
        return coerced_fields

    def _compile_field(self, name: str) -> Coercion | None:
        """Return the coercion of a field; None if the type has no field of that name."""
        if name in self._types:
            self._coercions[name] = compile_coercion(self._types[name])
        return self._coercions.get(name)
