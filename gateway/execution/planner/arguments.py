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
Names = Mapping[str, tuple[str, Any]]
"""Python's name by the public one, and the type that may have more names below."""


@dataclass(frozen=True, eq=False)
class Mark:
    """Stands for the value of a variable, which is of an input type that has names, or of none."""

    variable: str
    type: Any = None


def arguments(field: GraphQLField, node: FieldNode) -> Callable[[VariableValues], dict[str, Any]]:
    """Give what makes the arguments of `node` out of variables; GraphQLError if it can't."""
    names, used = _names(field.args), _variables(node)

    def given(variables: VariableValues) -> dict[str, Any]:
        return _renamed(get_argument_values(field, node, variables), names)

    marks = VariableValues({}, {name: Mark(name) for name in used})
    try:
        marked = given(marks)
    except (GraphQLError, KeyError):
        return given

    fill = _filler(marked)

    def filled(variables: VariableValues) -> dict[str, Any]:
        values = variables.coerced
        for name in used:
            if values.get(name) is None:
                return given(variables)  # a missing value can mean a default, or a mistake
        found: dict[str, Any] = fill(values)
        return found

    return filled if used else lambda _: marked


def once(node: FieldNode, function: Callable[[VariableValues], T]) -> Callable[[VariableValues], T]:
    """Have `function` called but once if `node` has no variables; what it raises is not kept."""
    if _variables(node):
        return function
    kept: list[T] = []

    def remembered(variables: VariableValues) -> T:
        if not kept:
            kept.append(function(variables))
        return kept[0]

    return remembered


def _names(inputs: Mapping[str, GraphQLArgument | GraphQLInputField]) -> Names:
    definition = GraphQLCoreConverter.DEFINITION_BACKREF
    return {
        public: (each.extensions[definition].python_name, get_named_type(each.type))
        for public, each in inputs.items()
    }


@cache
def _names_below(type_: Any) -> Names:
    return _names(type_.fields)


def _renamed(given: Mapping[str, Any], names: Names) -> dict[str, Any]:
    renamed = {}
    for public, value in given.items():
        name, type_ = names[public]
        renamed[name] = _below(value, type_) if is_input_object_type(type_) else value
    return renamed


def _below(value: Any, type_: Any) -> Any:
    if isinstance(value, Mark):
        return Mark(value.variable, type_)
    if isinstance(value, list):
        return [_below(each, type_) for each in value]
    return None if value is None else _renamed(value, _names_below(type_))


def _filler(marked: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Give what puts values where the marks are."""
    if isinstance(marked, dict):
        named = [(name, _filler(each)) for name, each in marked.items()]
        return lambda values: {name: fill(values) for name, fill in named}
    if isinstance(marked, list):
        listed = [_filler(each) for each in marked]
        return lambda values: [fill(values) for fill in listed]
    if not isinstance(marked, Mark):
        return lambda _: marked
    variable, type_ = marked.variable, marked.type
    if type_ is None:
        return itemgetter(variable)
    return lambda values: _below(values[variable], type_)


def _variables(node: FieldNode) -> set[str]:
    """Name the variables in the arguments of `node`."""
    found: set[str] = set()

    class Collect(Visitor):
        def enter_variable(self, variable: Any, *_: Any) -> None:
            found.add(variable.name.value)

    for argument in node.arguments or ():
        visit(argument, Collect())
    return found
