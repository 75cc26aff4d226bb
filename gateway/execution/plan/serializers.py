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

from gateway.execution.plan.errors import SurpriseError
from gateway.execution.plan.nodes import Attribute, Constant, Parts
from gateway.schema.framework.scalars import INLINE

Write = Callable[[Any], Any]


def inline(type_: Any, column: Any) -> str | None:
    """Give the code that writes the values of `column`, with @ for one; None if there is none."""
    fits = (
        code
        for (name, kind), code in INLINE.items()
        if name == type_.name and isinstance(column.type, kind)
    )
    return next(fits, None)


def too_wide(value: int) -> Any:
    """Raise SurpriseError: a value is no Int of GraphQL, which has 32 bits."""
    raise SurpriseError(f"{value} is no Int.")


def certain(value: Any) -> Any:
    """Give the value, which the type promises to be there; SurpriseError if it is not."""
    if value is None:
        raise SurpriseError("A value is missing that the type promises.")
    return value


def writer(type_: GraphQLOutputType, made: Write | None = None) -> Write:
    """Give what writes a value of that type; its objects are `made` by a function."""
    kind: Any = get_nullable_type(type_)
    listed = is_list_type(kind)
    write = _each(writer(kind.of_type, made)) if listed else made or _coerced(kind)
    missing = certain if is_non_null_type(type_) else _null

    def written(value: Any) -> Any:
        return missing(value) if value is None else certain(write(value))

    return written


def _coerced(type_: Any) -> Write:
    """Give what writes a leaf as the reference does; SurpriseError where that fails."""
    coerce = type_.coerce_output_value

    def write(value: Any) -> Any:
        try:
            return coerce(value)
        except GraphQLError as error:
            raise SurpriseError(error.message) from None

    return write


def _each(write: Write) -> Write:
    return lambda values: [write(each) for each in values]


def _null(_value: None) -> None:
    return None


def values(parts: Parts) -> Write:
    """Give what makes a response object of a plain value, by its class."""
    made = {each: _value(below) for each, below in parts.items()}
    return lambda value: made[type(value)](value)


def _value(parts: Mapping[str, Constant | Attribute]) -> Write:
    made = struct(tuple(parts))
    read = [_attribute(each) for each in parts.values()]
    return lambda value: made(*[each(value) for each in read])


def _attribute(part: Constant | Attribute) -> Write:
    if isinstance(part, Constant):
        return lambda _value: part.value
    write = writer(part.type, None if part.parts is None else values(part.parts))
    return lambda value: write(getattr(value, part.name))


@lru_cache(1000)
def struct(keys: tuple[str, ...]) -> Any:
    """Give the class of the response objects that have such keys, in their order."""
    names = [f"f{i}" for i in range(len(keys))]
    return msgspec.defstruct(
        "Selected", names, rename=dict(zip(names, keys, strict=True)), gc=False
    )


def keyed(made: Any) -> Mapping[str, Any]:
    """Give what is in a response object by its keys, whichever execution made it."""
    if not isinstance(made, msgspec.Struct):
        return made or {}
    values = [getattr(made, name) for name in made.__struct_fields__]
    return dict(zip(made.__struct_encode_fields__, values, strict=True))
