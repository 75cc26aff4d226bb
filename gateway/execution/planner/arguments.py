"""Field arguments: compiled from the document, evaluated with a request's variables.

graphql-core coerces the arguments of a field once, with a marker in place of each
variable, and the result becomes a template with Python's argument names. A request
only fills the values of its variables, which are coerced already, into the template.
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
from graphql.execution import get_argument_values

from gateway.execution.graphql_core_internals import VariableValues
from gateway.schema.framework.strawberry_internals import STRAWBERRY_DEFINITION

T = TypeVar("T")
ArgumentNames = Mapping[str, tuple[str, Any]]
"""By GraphQL name: the Python name, and the named type, whose fields may have names, too."""


@dataclass(frozen=True, eq=False)
class VariableMarker:
    """Placeholder of a variable's value; `type` is its input object type, None for other types."""

    variable: str
    type: Any = None


def compile_arguments(
    field: GraphQLField, node: FieldNode
) -> Callable[[VariableValues], dict[str, Any]]:
    """Return the function from variables to the arguments of `node`, by Python name.

    The function raises GraphQLError if an argument is invalid. Where no template can be made,
    or a variable is missing or null, which may mean a default or an error, graphql-core
    coerces the arguments.
    """
    names, variable_names = _argument_names(field.args), _collect_variables(node)

    def coerce_arguments(variable_values: VariableValues) -> dict[str, Any]:
        values = get_argument_values(field, node, variable_values, hide_suggestions=True)
        return _rename_arguments(values, names)

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
                return coerce_arguments(variable_values)
        filled: dict[str, Any] = fill_markers(coerced_values)
        return filled

    return fill_arguments if variable_names else lambda _: marked_arguments


def memoise_without_variables(
    node: FieldNode, function: Callable[[VariableValues], T]
) -> Callable[[VariableValues], T]:
    """Memoise `function` if the arguments of `node` have no variables; exceptions are not kept."""
    if _collect_variables(node):
        return function
    results: list[T] = []

    def call_once(variables: VariableValues) -> T:
        if not results:
            results.append(function(variables))
        return results[0]

    return call_once


def _argument_names(inputs: Mapping[str, GraphQLArgument | GraphQLInputField]) -> ArgumentNames:
    return {
        public_name: (
            input_.extensions[STRAWBERRY_DEFINITION].python_name,
            get_named_type(input_.type),
        )
        for public_name, input_ in inputs.items()
    }


@cache
def _input_field_names(type_: Any) -> ArgumentNames:
    return _argument_names(type_.fields)


def _rename_arguments(arguments: Mapping[str, Any], names: ArgumentNames) -> dict[str, Any]:
    renamed = {}
    for public_name, value in arguments.items():
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
    """Return the function that fills the variables' values into a template's markers."""
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
    """Return the names of the variables in the arguments of `node`."""
    variable_names: set[str] = set()

    class VariableCollector(Visitor):
        def enter_variable(self, variable: Any, *_: Any) -> None:
            variable_names.add(variable.name.value)

    for argument in node.arguments or ():
        visit(argument, VariableCollector())
    return variable_names
