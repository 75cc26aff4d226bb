"""How values are written: by what their types say, or in less time where that is the same."""

from collections.abc import Callable, Mapping
from functools import lru_cache
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
from gateway.schema.framework.scalars import INLINE_SERIALIZERS

Serializer = Callable[[Any], Any]


def find_inline_code(type_: Any, column: Any) -> str | None:
    """Give the code that writes the values of `column`, with @ for one; None if there is none."""
    matching_codes = (
        code
        for (name, column_type), code in INLINE_SERIALIZERS.items()
        if name == type_.name and isinstance(column.type, column_type)
    )
    return next(matching_codes, None)


def int_overflow(value: int) -> Any:
    """Raise SurpriseError: a value is no Int of GraphQL, which has 32 bits."""
    raise PlanMismatchError(f"{value} is no Int.")


def non_null(value: Any) -> Any:
    """Give the value, which the type promises to be there; SurpriseError if it is not."""
    if value is None:
        raise PlanMismatchError("A value is missing that the type promises.")
    return value


def make_serializer(
    type_: GraphQLOutputType, object_serializer: Serializer | None = None
) -> Serializer:
    """Give what writes a value of that type; its objects are `made` by a function."""
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
    """Give what writes a leaf as the reference does; SurpriseError where that fails."""
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
    """Give what makes a response object of a plain value, by its class."""
    serializers = {
        class_: _make_object_serializer(fields) for class_, fields in value_fields.items()
    }
    return lambda value: serializers[type(value)](value)


def _make_object_serializer(fields: Mapping[str, Constant | ValueAttribute]) -> Serializer:
    struct_class = make_struct_class(tuple(fields))
    attribute_serializers = [
        _make_attribute_serializer(serialize_attribute) for serialize_attribute in fields.values()
    ]
    return lambda value: struct_class(
        *[serialize_attribute(value) for serialize_attribute in attribute_serializers]
    )


def _make_attribute_serializer(attribute: Constant | ValueAttribute) -> Serializer:
    if isinstance(attribute, Constant):
        return lambda _value: attribute.value
    serialize = make_serializer(
        attribute.type,
        None if attribute.fields is None else make_value_serializer(attribute.fields),
    )
    return lambda value: serialize(getattr(value, attribute.name))


@lru_cache(1000)
def make_struct_class(keys: tuple[str, ...]) -> Any:
    """Give the class of the response objects that have such keys, in their order."""
    field_names = [f"f{i}" for i in range(len(keys))]
    return msgspec.defstruct(
        "ResponseObject", field_names, rename=dict(zip(field_names, keys, strict=True)), gc=False
    )


def by_response_key(response_object: Any) -> Mapping[str, Any]:
    """Give what is in a response object by its keys, whichever execution made it."""
    if not isinstance(response_object, msgspec.Struct):
        return response_object or {}
    values = [getattr(response_object, name) for name in response_object.__struct_fields__]
    return dict(zip(response_object.__struct_encode_fields__, values, strict=True))
