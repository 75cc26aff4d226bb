"""A field's arguments, from the document and the variables, under the names that Python uses.

graphql-core coerces them once, with a mark for each variable; a request then
only puts the variables' values, which are coerced by then, where the marks are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    Visitor,
    get_named_type,
    is_input_object_type,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.schema.schema_converter import GraphQLCoreConverter

T = TypeVar("T")
ArgumentNames = Mapping[str, tuple[str, Any]]
"""Python's name by the public one, and the type that may have more names below."""


@dataclass(frozen=True, eq=False)
class VariableMarker:
    """Stands for the value of a variable, which is of an input type that has names, or of none."""

    variable: str
    type: Any = None


def compile_arguments(
    field: GraphQLField, node: FieldNode
) -> Callable[[VariableValues], dict[str, Any]]:
    """Give what makes the arguments of `node` out of variables; GraphQLError if it can't."""
    names, variable_names = _argument_names(field.args), _collect_variables(node)

    def coerce_arguments(variable_values: VariableValues) -> dict[str, Any]:
        return _rename_arguments(get_argument_values(field, node, variable_values), names)

    marked_variables = VariableValues({}, {name: VariableMarker(name) for name in variable_names})
    try:
        marked_arguments = coerce_arguments(marked_variables)
    except (GraphQLError, KeyError):
        return coerce_arguments

    fill_markers = _compile_filler(marked_arguments)

    def fill_arguments(variable_values: VariableValues) -> dict[str, Any]:
        coerced_values = variable_values.coerced
        for name in variable_names:
            if coerced_values.get(name) is None:
                return coerce_arguments(
                    variable_values
                )  # a missing value can mean a default, or a mistake
        filled: dict[str, Any] = fill_markers(coerced_values)
        return filled

    return fill_arguments if variable_names else lambda _: marked_arguments


def memoise_without_variables(
    node: FieldNode, function: Callable[[VariableValues], T]
) -> Callable[[VariableValues], T]:
    """Have `function` called but once if `node` has no variables; what it raises is not kept."""
    if _collect_variables(node):
        return function
    results: list[T] = []

    def call_once(variables: VariableValues) -> T:
        if not results:
            results.append(function(variables))
        return results[0]

    return call_once


def _argument_names(inputs: Mapping[str, GraphQLArgument | GraphQLInputField]) -> ArgumentNames:
    definition = GraphQLCoreConverter.DEFINITION_BACKREF
    return {
        public_name: (input_.extensions[definition].python_name, get_named_type(input_.type))
        for public_name, input_ in inputs.items()
    }


@cache
def _input_field_names(type_: Any) -> ArgumentNames:
    return _argument_names(type_.fields)


def _rename_arguments(arguments_: Mapping[str, Any], names: ArgumentNames) -> dict[str, Any]:
    renamed = {}
    for public_name, value in arguments_.items():
        name, type_ = names[public_name]
        renamed[name] = _rename_nested_value(value, type_) if is_input_object_type(type_) else value
    return renamed


def _rename_nested_value(value: Any, type_: Any) -> Any:
    if isinstance(value, VariableMarker):
        return VariableMarker(value.variable, type_)
    if isinstance(value, list):
        return [_rename_nested_value(item, type_) for item in value]
    return None if value is None else _rename_arguments(value, _input_field_names(type_))


def _compile_filler(template: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Give what puts values where the marks are."""
    if isinstance(template, dict):
        fillers_by_name = [(name, _compile_filler(item)) for name, item in template.items()]
        return lambda values: {name: fill(values) for name, fill in fillers_by_name}
    if isinstance(template, list):
        item_fillers = [_compile_filler(item) for item in template]
        return lambda values: [fill(values) for fill in item_fillers]
    if not isinstance(template, VariableMarker):
        return lambda _: template
    variable, type_ = template.variable, template.type
    if type_ is None:
        return itemgetter(variable)
    return lambda values: _rename_nested_value(values[variable], type_)


def _collect_variables(node: FieldNode) -> set[str]:
    """Name the variables in the arguments of `node`."""
    variable_names: set[str] = set()

    class VariableCollector(Visitor):
        def enter_variable(self, variable: Any, *_: Any) -> None:
            variable_names.add(variable.name.value)

    for argument in node.arguments or ():
        visit(argument, VariableCollector())
    return variable_names
