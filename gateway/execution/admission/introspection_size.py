"""The size of introspection: the number of values that `__schema` and `__type` return.

It depends on the schema alone, so it is counted exactly, by graphql-core's own resolvers of
introspection. What is selected of a type is counted once for each type and selection set. The count
ends where it exceeds its maximum: a short document can ask for very many values. Fragments must not
spread themselves.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_named_type,
    is_non_null_type,
)

from gateway.execution.admission.input_sizes import Arguments


def is_object_list(field: GraphQLField) -> bool:
    """Return whether a field holds a list of objects."""
    type_: Any = field.type
    list_type = type_.of_type if is_non_null_type(type_) else type_
    return is_list_type(list_type) and is_composite_type(get_named_type(list_type))


class _MaximumExceededError(Exception):
    """More values were counted than the maximum; it ends the count."""


class IntrospectionSizer:
    """Counter of the values of introspection fields of one document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        max_values: int,
    ) -> None:
        """Count at most `max_values` for all fields together."""
        self._schema, self._fragments = schema, fragments
        self._info = SimpleNamespace(schema=schema)
        self._max_values = self._remaining_values = max_values
        self._sizes_by_type: dict[tuple[int, int], int] = {}
        """The sizes by the identities of a named type and a selection set."""

    def measure_field(self, node: FieldNode, arguments: Arguments) -> int:
        """Return the number of values of a `__schema` or `__type`, its own included.

        It is more than the maximum if counting them exceeds the maximum. If a variable names
        the type, the size is that of the largest.
        """
        if node.selection_set is None:
            return 1
        if node.name.value == "__schema":
            entities: list[Any] = [self._schema]
        elif isinstance(name := arguments.get("name"), StringValueNode):
            entities = [self._schema.type_map.get(name.value)]
        else:
            entities = [*self._schema.type_map.values()]
        entity_type = "__Schema" if node.name.value == "__schema" else "__Type"
        type_ = self._schema.type_map[entity_type]
        try:
            sizes = [self._count_entity(each, node.selection_set, type_) for each in entities]
        except _MaximumExceededError:
            return self._max_values + 1
        return 1 + max(sizes)

    def _count_entity(self, entity: Any, node: SelectionSetNode, type_: Any) -> int:
        if entity is None:
            return 0
        if not is_named_type(entity):
            return self._count_selections(entity, node, type_)
        key = id(entity), id(node)
        if key not in self._sizes_by_type:
            self._sizes_by_type[key] = self._count_selections(entity, node, type_)
        return self._sizes_by_type[key]

    def _count_selections(self, entity: Any, node: SelectionSetNode, type_: Any) -> int:
        return sum([self._count_selection(entity, each, type_) for each in node.selections])

    def _count_selection(self, entity: Any, node: SelectionNode, type_: Any) -> int:
        if isinstance(node, FieldNode):
            return self._count_field(entity, node, type_)
        if isinstance(node, InlineFragmentNode):
            return self._count_entity(entity, node.selection_set, type_)
        assert isinstance(node, FragmentSpreadNode)
        fragment = self._fragments.get(node.name.value)
        return 0 if fragment is None else self._count_entity(entity, fragment.selection_set, type_)

    def _count_field(self, entity: Any, node: FieldNode, type_: Any) -> int:
        self._remaining_values -= 1
        if self._remaining_values < 0:
            raise _MaximumExceededError
        field = type_.fields.get(node.name.value)
        if node.selection_set is None or field is None:
            return 1
        arguments = dict.fromkeys(field.args, True)  # the only arguments are includeDeprecated
        value = field.resolve(entity, self._info, **arguments)
        entities = (value or ()) if is_object_list(field) else (value,)
        inner_type = get_named_type(field.type)
        return 1 + sum(
            [self._count_entity(each, node.selection_set, inner_type) for each in entities]
        )
