"""Random documents, generated from the schema, with variables and operation names.

Most are valid. A field with arguments either has an alias of its own, or the same
arguments wherever it is selected under its own name, so that such fields can be merged.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_non_null_type,
)

from gateway.execution.graphql_request import GraphQLRequest
from tests.execution.corpus.both_executions import REQUEST_ID
from tests.execution.corpus.known_rows import KnownRows
from tests.execution.generated_values import (
    ByteChoices,
    RandomArguments,
    VariableName,
    write_literal,
)
from tests.support.schema_documents import SCHEMA, list_planned_fields

MAX_DEPTH = 3
"""Rows nested in each other."""
MAX_FIELDS = 30
"""Fields of a document; further ones are leaves."""
RANDOM_BYTES = 500
"""Random bytes of a document: one for each choice."""
SIMPLE_FIELDS = ("offerings", "nodes", "uuid", "name")
"""The fields that come first, as the simplest choices: they show rows to every viewer."""
INVALID_VALUES: tuple[Any, ...] = (None, "x", -5, 1.5, True, [], {})
TypeWithFields = GraphQLObjectType | GraphQLInterfaceType
CompositeType = TypeWithFields | GraphQLUnionType


class RandomDocument:
    """Generator of one document from a sequence of choices."""

    def __init__(self, choices: ByteChoices, known_rows: KnownRows) -> None:
        self._choices, self._may_be_invalid = choices, choices.has_chance(15)
        self._random_arguments = RandomArguments(
            choices, known_rows, may_be_invalid=self._may_be_invalid
        )
        self._variable_definitions: list[str] = []
        self._variables: dict[str, Any] = {}
        self._fragments: list[str] = []
        self._arguments_by_field: dict[tuple[str, str], str] = {}
        """The arguments of fields without an alias, by type and name."""
        self._name_count = 0
        self._remaining_fields = MAX_FIELDS

    def build_request(self) -> GraphQLRequest:
        """Return a request with a random document and the values of its variables."""
        assert SCHEMA.query_type
        body = self._write_selection(SCHEMA.query_type, MAX_DEPTH)
        definitions = (
            f"({', '.join(self._variable_definitions)})" if self._variable_definitions else ""
        )
        operation = f"query Main{definitions} {body}"
        has_several = self._choices.has_chance(5)
        other_operations = ["query Other { __typename }"] * has_several
        query = "\n".join([*other_operations, operation, *self._fragments])
        return GraphQLRequest(query, self._variables, "Main" if has_several else None, REQUEST_ID)

    def _make_name(self, stem: str) -> str:
        self._name_count += 1
        return f"{stem}{self._name_count}"

    def _write_selection(
        self, type_: CompositeType, depth: int, *, is_aliased: bool = False
    ) -> str:
        min_fields = 2 if type_ is SCHEMA.query_type else 1
        count = self._choices.pick_number(4, min_fields)
        items = [self._write_selection_item(type_, depth, is_aliased) for _ in range(count)]
        return f"{{ {' '.join(items)} }}"

    def _write_selection_item(self, type_: CompositeType, depth: int, is_aliased: bool) -> str:
        """Return a field, or a fragment with fields."""
        if isinstance(type_, GraphQLUnionType) or (
            isinstance(type_, GraphQLInterfaceType) and self._choices.has_chance(80)
        ):
            possible_type = self._choices.pick_one(SCHEMA.get_possible_types(type_))
            selection = self._write_selection(possible_type, depth, is_aliased=True)
            return f"... on {possible_type.name}{self._write_directive()} {selection}"
        if not self._choices.has_chance(15) or self._remaining_fields <= 0:
            return self._write_field(type_, depth, is_aliased)
        return self._write_fragment(
            type_, self._write_selection(type_, depth, is_aliased=is_aliased)
        )

    def _write_fragment(self, type_: CompositeType, selection: str) -> str:
        kind = self._choices.pick_one(("...", f"... on {type_.name}", "named"))
        if kind != "named":
            return f"{kind}{self._write_directive()} {selection}"
        name = self._make_name("F")
        self._fragments.append(f"fragment {name} on {type_.name} {selection}")
        return " ".join(
            [f"...{name}{self._write_directive()}"] * (1 + self._choices.has_chance(10))
        )

    def _write_field(self, type_: TypeWithFields, depth: int, is_aliased: bool) -> str:
        self._remaining_fields -= 1
        name = self._choose_field(type_, depth)
        if name == "__typename":
            return f"{self._make_name('t')}: {name}" if self._choices.has_chance(10) else name
        field = type_.fields[name]
        alias = f"{self._make_alias(name)}: " if is_aliased or self._choices.has_chance(30) else ""
        arguments = self._write_arguments(type_, name, field, is_shared=not alias)
        named_type: Any = get_named_type(field.type)
        selection = ""
        if not _is_leaf_field(field):
            selection = " " + self._write_selection(
                named_type, depth - ("uuid" in getattr(named_type, "fields", ()))
            )
        return f"{alias}{name}{arguments}{self._write_directive()}{selection}"

    def _choose_field(self, type_: TypeWithFields, depth: int) -> str:
        """Return the name of a field; at the maximal depth or number of fields, of a leaf."""
        names: list[str] = sorted(
            list_planned_fields(type_),
            key=lambda field_name: (field_name not in SIMPLE_FIELDS, field_name),
        )
        leaf_names = [*(name for name in names if _is_leaf_field(type_.fields[name])), "__typename"]
        composite_names = [name for name in names if name not in leaf_names]
        if type_ is SCHEMA.query_type:
            list_names = [name for name in composite_names if "first" in type_.fields[name].args]
            return self._choices.pick_one(
                [*list_names, *list_names, *composite_names, *leaf_names[:-1]]
            )
        if _is_wrapper_type(type_):
            return self._choices.pick_one([*composite_names, *composite_names, *leaf_names])
        if (
            depth > 0
            and self._remaining_fields > 0
            and composite_names
            and self._choices.has_chance(45)
        ):
            return self._choices.pick_one(composite_names)
        return self._choices.pick_one(leaf_names)

    def _make_alias(self, name: str) -> str:
        stem = self._choices.pick_one((name, "a", name, "long_" * 14, "__"))
        return self._make_name(stem)

    def _write_arguments(
        self, type_: TypeWithFields, name: str, field: GraphQLField, *, is_shared: bool
    ) -> str:
        if not field.args:
            return ""
        field_key = type_.name, name
        if is_shared and field_key in self._arguments_by_field:
            return self._arguments_by_field[field_key]
        arguments = self._random_arguments.make_arguments(_row_type_name(field), list(field.args))
        argument_list = ", ".join(
            f"{argument_name}: {self._write_value(value, field.args[argument_name])}"
            for argument_name, value in arguments.items()
        )
        argument_text = f"({argument_list})" if argument_list else ""
        if is_shared:
            self._arguments_by_field[field_key] = argument_text
        return argument_text

    def _write_value(self, value: Any, argument: GraphQLArgument) -> str:
        """Return a literal, or a variable with the value."""
        if self._choices.has_chance(35):
            return f"${self._declare_variable(value, argument.type)}"
        if isinstance(get_named_type(argument.type), GraphQLInputObjectType):
            value = {
                name: self._write_inner_value(argument.type, name, inner_value)
                for name, inner_value in value.items()
            }
        return write_literal(value, argument.type)

    def _write_inner_value(self, type_: Any, name: str, value: Any) -> Any:
        filter_type = get_named_type(type_)
        assert isinstance(filter_type, GraphQLInputObjectType)
        inner_type = filter_type.fields[name].type
        return (
            VariableName(self._declare_variable(value, inner_type))
            if self._choices.has_chance(15)
            else value
        )

    def _declare_variable(self, value: Any, type_: Any) -> str:
        name = self._make_name("v")
        if self._choices.has_chance(10) and value is not None:
            default = write_literal(value, type_)
            self._variable_definitions.append(f"${name}: {get_nullable_type(type_)} = {default}")
        else:
            self._variable_definitions.append(f"${name}: {type_}")
            if is_non_null_type(type_) or not self._choices.has_chance(5):
                self._variables[name] = value
        if self._may_be_invalid and self._choices.has_chance(5):
            self._variables[name] = self._choices.pick_one(INVALID_VALUES)
        return name

    def _write_directive(self) -> str:
        if not self._choices.has_chance(8):
            return ""
        directive = self._choices.pick_one(("include", "skip"))
        condition = self._choices.has_chance(30)
        condition = condition if directive == "skip" else not condition
        if self._choices.has_chance(50):
            return f" @{directive}(if: {str(condition).lower()})"
        return f" @{directive}(if: ${self._declare_variable(condition, _BOOLEAN_TYPE)})"


_BOOLEAN_TYPE = SCHEMA.directives[0].args["if"].type


def _is_leaf_field(field: GraphQLField) -> bool:
    return not is_composite_type(get_named_type(field.type))


def _is_wrapper_type(type_: CompositeType) -> bool:
    """Return whether a type only wraps other types: connections, edges and Viewer."""
    return type_.name.endswith(("Connection", "Edge")) or type_.name == "Viewer"


def _row_type_name(field: GraphQLField) -> str:
    """Return the type of a field's rows: for a connection, of its nodes."""
    name = get_named_type(field.type).name
    return name.removesuffix("Connection")


def has_rows(value: Any) -> bool:
    """Return whether data has a string other than a type name; without rows there is none."""
    if isinstance(value, str):
        return value not in SCHEMA.type_map
    children: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value
    return isinstance(children, list) and any(map(has_rows, children))
