"""The parts of strawberry that are not documented, all used here: its definitions of types.

A new version of strawberry may change them, so pyproject.toml pins its version, and
tests/test_library_internals.py names what is gone.
"""

from collections.abc import Callable, Mapping
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.str_converters import to_camel_case

__all__ = [
    "STRAWBERRY_DEFINITION",
    "ScalarDefinition",
    "StrawberryEnumDefinition",
    "StrawberryOptional",
    "get_enum_definition",
    "get_graphql_schema",
    "is_one_of_input",
    "set_input_converter",
    "to_camel_case",
]
STRAWBERRY_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
"""Key of strawberry's definition in the `extensions` of graphql-core's types and fields."""


def is_one_of_input(graphql_type: Any) -> bool:
    """Return whether a graphql-core type was published as a `@oneOf` input."""
    definition = (graphql_type.extensions or {}).get(STRAWBERRY_DEFINITION)
    return definition is not None and getattr(definition, "is_one_of", False)


def get_graphql_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return graphql-core's schema, which a strawberry schema wraps."""
    return schema._schema  # noqa: SLF001 - strawberry has no public name for it


def set_input_converter(input_type: type, convert: Callable[[Mapping[str, Any]], Any]) -> None:
    """Pass resolvers the result of `convert` instead of an instance of `input_type`.

    It gets the values by their names in GraphQL, without those that a request omits.
    """
    definition = get_object_definition(input_type, strict=True)
    definition.from_input = lambda _type, values, _context: convert(values)


def get_enum_definition(graphql_enum: Any) -> StrawberryEnumDefinition:
    """Return strawberry's definition of an enum."""
    definition: StrawberryEnumDefinition = graphql_enum.__strawberry_definition__
    return definition
