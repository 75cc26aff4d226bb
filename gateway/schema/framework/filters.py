"""What lists can be filtered by: a filter field is a declared condition on a column."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, TypeVar, cast, dataclass_transform

import strawberry
from sqlalchemy import ColumnElement, and_, false, or_, true
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from gateway.db.query_spec import RowCondition, RowFilterFactory
from gateway.db.sql.filters import FilterPredicate
from gateway.schema.framework.errors import BadInputError, validate_input
from gateway.schema.framework.publish import apply_docstrings

T = TypeVar("T", bound=type)
FILTER_METADATA_KEY = "condition"
MAX_FILTER_DEPTH = 5
MAX_FILTER_CONDITIONS = 100
"""Conditions that a filter may have in all."""
FilterParameters = dict[str, Any]
FilterShape = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class FilterCondition:
    """A condition, and how a client's value becomes its parameter."""

    predicate: FilterPredicate
    parse_value: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class ParsedFilter:
    """What a client's filter comes to: the form of the condition, and its parameters."""

    shape: FilterShape
    parameters: tuple[tuple[str, Any], ...]


EMPTY_FILTER = ParsedFilter((), ())


def filter_field(
    predicate: FilterPredicate, parse_value: Callable[[Any], Any] = lambda value: value
) -> Any:
    """Declare a filter field; `value` says in a ValueError what a client has to change."""
    return strawberry.field(
        default=strawberry.UNSET,
        metadata={FILTER_METADATA_KEY: FilterCondition(predicate, parse_value)},
    )


BOOLEAN_OPERATORS = {
    "and_": "All of these hold.",
    "or_": "One of these holds.",
    "not_": "This does not hold.",
}


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def filter_input(cls: T) -> T:
    """Make `cls` a GraphQL input that filters, described by its docstrings, with and, or, not."""
    self_reference: Any = Annotated[ForwardRef(cls.__name__), strawberry.lazy(cls.__module__)]
    for name, description in BOOLEAN_OPERATORS.items():
        annotation: Any = self_reference if name == "not_" else list[self_reference]
        cls.__annotations__[name] = annotation | None
        field = strawberry.field(name=name[:-1], default=strawberry.UNSET, description=description)
        setattr(cls, name, field)
    return cast("T", apply_docstrings(cls, strawberry.input(cls, description=inspect.getdoc(cls))))


class FilterDefinition:
    """What the fields of a filter type declare."""

    def __init__(self, filter_type: type) -> None:
        definition = get_object_definition(filter_type, strict=True)
        self._conditions_by_name: dict[str, FilterCondition] = {
            each.python_name: each.metadata[FILTER_METADATA_KEY]
            for each in definition.fields
            if FILTER_METADATA_KEY in each.metadata
        }

    def parse_filter(self, filter_values: dict[str, Any] | None) -> ParsedFilter:
        """Check what a client gives, under the names that Python uses; a null asks for nothing."""
        parameters = _ParameterCollector()
        shape = self._parse_level(filter_values or {}, ("filter",), parameters)
        return ParsedFilter(shape, tuple(parameters))

    def _parse_level(
        self,
        filter_values: dict[str, Any],
        path: tuple[str | int, ...],
        parameters: "_ParameterCollector",
    ) -> FilterShape:
        if len(path) > MAX_FILTER_DEPTH * 2 + 1:
            raise BadInputError(f"A filter is at most {MAX_FILTER_DEPTH} levels deep.", *path)
        shape: list[Any] = []
        for name in sorted(name for name, value in filter_values.items() if value is not None):
            if name in BOOLEAN_OPERATORS:
                operands = [filter_values[name]] if name == "not_" else filter_values[name]
                parameters.add_conditions(len(operands), *path, name[:-1])
                operand_paths = [(*path, name[:-1], i) for i in range(len(operands))]
                operand_shapes = [
                    self._parse_level(*operand, parameters)
                    for operand in zip(operands, operand_paths, strict=True)
                ]
                shape.append((name, tuple(operand_shapes)))
            else:
                field_path = (*path, to_camel_case(name))
                parameters.add_conditions(1, *field_path)
                shape.append(
                    (
                        name,
                        parameters.add_parameter(
                            self._conditions_by_name[name], filter_values[name], *field_path
                        ),
                    )
                )
        return tuple(shape)

    def build_conditions(self, shape: FilterShape) -> tuple[RowCondition, ...]:
        """Give the conditions of a filter of that `shape`."""
        return tuple(self._build_condition(name, operand) for name, operand in shape)

    def _build_condition(self, name: str, operand: Any) -> RowCondition:
        if name not in BOOLEAN_OPERATORS:
            predicate = self._conditions_by_name[name].predicate
            return lambda rules: predicate(rules, operand)
        return _BOOLEAN_COMBINATORS[name]([self.build_conditions(each) for each in operand])


class _ParameterCollector(list[tuple[str, Any]]):
    """The parameters of a filter, and how many conditions it has, joined ones counted too."""

    condition_count = 0

    def add_conditions(self, count: int, *path: str | int) -> None:
        self.condition_count += count
        if self.condition_count > MAX_FILTER_CONDITIONS:
            raise BadInputError(f"A filter has at most {MAX_FILTER_CONDITIONS} conditions.", *path)

    def add_parameter(self, condition: FilterCondition, raw_value: Any, *path: str | int) -> str:
        """Take a client's value, and give the name of the parameter that it becomes."""
        validate_input(raw_value, *path)
        try:
            value = condition.parse_value(raw_value)
        except ValueError as error:
            raise BadInputError(str(error), *path) from None
        name = f"f{len(self)}"
        self.append((name, value))
        return name


def _join_conditions(
    conditions: Iterable[RowCondition], rules: RowFilterFactory
) -> ColumnElement[bool]:
    return and_(true(), *(each(rules) for each in conditions))


ConditionGroups = list[tuple[RowCondition, ...]]
_BOOLEAN_COMBINATORS: dict[str, Callable[[ConditionGroups], RowCondition]] = {
    "and_": lambda parts: (
        lambda rules: and_(true(), *(_join_conditions(each, rules) for each in parts))
    ),
    "or_": lambda parts: (
        lambda rules: or_(false(), *(_join_conditions(each, rules) for each in parts))
    ),
    "not_": lambda parts: lambda rules: _join_conditions(parts[0], rules).is_not(true()),
}
"""A comparison with a null is unknown, and what is not known to hold is not what is excluded."""
