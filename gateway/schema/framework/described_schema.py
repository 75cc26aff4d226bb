"""A schema with what strawberry does not tell graphql-core: descriptions, and `@oneOf` inputs."""

from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLInputObjectType,
    NamedTypeNode,
    NameNode,
    OperationTypeDefinitionNode,
    SchemaDefinitionNode,
    StringValueNode,
    print_ast,
)
from graphql.language import OperationType

from gateway.schema.framework.strawberry_internals import get_graphql_schema, is_one_of_input


def _check_by_graphql_core(input_type: Any) -> None:
    """Make graphql-core check that an object has one field, by validation and with a path.

    Strawberry checks it in `out_type`, which raises an error that names no place.
    """
    input_type.is_one_of = True
    input_type.out_type = GraphQLInputObjectType.out_type


class DescribedSchema(strawberry.Schema):
    """A schema whose description introspection returns and `as_str` prints."""

    def __init__(
        self, *, description: str, type_descriptions: Mapping[str, str], **options: Any
    ) -> None:
        """Build the schema; `options` are those of strawberry.

        `type_descriptions` describe concrete types of generic classes, by name.
        """
        super().__init__(**options)
        graphql_schema = get_graphql_schema(self)
        graphql_schema.description = description
        for name, type_description in type_descriptions.items():
            graphql_schema.type_map[name].description = type_description
        for graphql_type in graphql_schema.type_map.values():
            if is_one_of_input(graphql_type):
                _check_by_graphql_core(graphql_type)

    def as_str(self) -> str:
        """Return the schema in GraphQL's schema definition language."""
        return f"{self._print_definition()}\n\n{super().as_str()}"

    def _print_definition(self) -> str:
        graphql_schema = get_graphql_schema(self)
        definition = SchemaDefinitionNode(
            description=StringValueNode(value=graphql_schema.description or "", block=True),
            directives=(),
            operation_types=tuple(
                OperationTypeDefinitionNode(
                    operation=each, type=NamedTypeNode(name=NameNode(value=root_type.name))
                )
                for each in OperationType
                if (root_type := graphql_schema.get_root_type(each)) is not None
            ),
        )
        return print_ast(DocumentNode(definitions=(definition,)))
