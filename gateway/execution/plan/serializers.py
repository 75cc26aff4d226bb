"""Serializers: from database values to response values.

`make_serializer` follows the GraphQL type, and does what graphql-core would do. For the
columns of common types, `find_inline_code` has an expression with the same result that
the generated code contains directly. Errors become PlanMismatchError.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import (
    GraphQLError,
    GraphQLOutputType,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)

from gateway.execution.plan.errors import PlanMismatchError
from gateway.execution.plan.nodes import Constant, ValueAttribute, ValueFields
from gateway.fairness.bounded_cache import cache_by_bytes
from gateway.schema.framework.scalars import INLINE_SERIALIZERS

Serializer = Callable[[Any], Any]


def find_inline_code(type_: Any, column: Any) -> str | None:
    """Return the inline expression for the values of `column`, with @ for the value, or None."""
    matching_codes = (
        code
        for (name, column_type), code in INLINE_SERIALIZERS.items()
        if name == type_.name and isinstance(column.type, column_type)
    )
    return next(matching_codes, None)


def int_overflow(value: int) -> Any:
    """Raise PlanMismatchError for a value that is too large for GraphQL's Int."""
    raise PlanMismatchError(f"An Int must have at most 32 bits, got {value}.")


def non_null(value: Any) -> Any:
    """Return a value of a non-null type. Raises PlanMismatchError if it is null."""
    if value is None:
        raise PlanMismatchError("A value of a non-null type is null.")
    return value


def make_serializer(
    type_: GraphQLOutputType, object_serializer: Serializer | None = None
) -> Serializer:
    """Return the serializer of a type; objects in it are made by `object_serializer`."""
    nullable_type: Any = get_nullable_type(type_)
    is_list = is_list_type(nullable_type)
    serialize = (
        _make_list_serializer(make_serializer(nullable_type.of_type, object_serializer))
        if is_list
        else object_serializer or _make_leaf_serializer(nullable_type)
    )
    handle_null = non_null if is_non_null_type(type_) else _serialize_null

    def serialize_nullable(value: Any) -> Any:
        return handle_null(value) if value is None else non_null(serialize(value))

    return serialize_nullable


def _make_leaf_serializer(type_: Any) -> Serializer:
    """Return the serializer of a leaf type; PlanMismatchError replaces its GraphQLError."""
    coerce_output = type_.coerce_output_value

    def serialize_leaf(value: Any) -> Any:
        try:
            return coerce_output(value)
        except GraphQLError as error:
            raise PlanMismatchError(error.message) from None

    return serialize_leaf


def _make_list_serializer(serialize_item: Serializer) -> Serializer:
    return lambda values: [serialize_item(item) for item in values]


def _serialize_null(_value: None) -> None:
    return None


def make_value_serializer(value_fields: ValueFields) -> Serializer:
    """Return the serializer of plain values, by their class, to response objects."""
    serializers = {
        class_: _make_object_serializer(fields) for class_, fields in value_fields.items()
    }
    return lambda value: serializers[type(value)](value)


def _make_object_serializer(fields: Mapping[str, Constant | ValueAttribute]) -> Serializer:
    struct_class = make_struct_class(tuple(fields))
    attribute_serializers = [_make_attribute_serializer(field) for field in fields.values()]
    return lambda value: struct_class(*[serialize(value) for serialize in attribute_serializers])


def _make_attribute_serializer(attribute: Constant | ValueAttribute) -> Serializer:
    if isinstance(attribute, Constant):
        return lambda _value: attribute.value
    object_serializer = (
        None if attribute.fields is None else make_value_serializer(attribute.fields)
    )
    serialize = make_serializer(attribute.type, object_serializer)
    return lambda value: serialize(getattr(value, attribute.name))


def _estimate_class_bytes(keys: tuple[str, ...]) -> int:
    return 2000 + sum(1000 + len(key) for key in keys)


@cache_by_bytes(20_000_000, _estimate_class_bytes)
def make_struct_class(keys: tuple[str, ...]) -> Any:
    """Return the class of response objects with these keys, in this order."""
    field_names = [f"f{i}" for i in range(len(keys))]
    return msgspec.defstruct(
        "ResponseObject", field_names, rename=dict(zip(field_names, keys, strict=True)), gc=False
    )


def by_response_key(response_object: Any) -> Mapping[str, Any]:
    """Return a response object of either execution, or None, as a mapping by response key."""
    if not isinstance(response_object, msgspec.Struct):
        return response_object or {}
    values = [getattr(response_object, name) for name in response_object.__struct_fields__]
    return dict(zip(response_object.__struct_encode_fields__, values, strict=True))
