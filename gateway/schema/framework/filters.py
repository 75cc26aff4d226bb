"""Filters of lists: each field of a filter input declares an SQL condition.

A client's filter is parsed into its *shape* (which conditions, combined how) and
its *parameters* (their values). The shape decides the text of the SQL statement,
so that filters which differ in values only share a prepared statement.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ForwardRef, TypeVar, cast, dataclass_transform

import strawberry
from sqlalchemy import ColumnElement, and_, false, or_, true
from strawberry.types import get_object_definition

from gateway.db.query_spec import BoundFunction, RowCondition, RowFilterFactory
from gateway.db.sql.filters import FilterPredicate, is_short_text, strip_text
from gateway.schema.framework.errors import BadInputError, validate_input
from gateway.schema.framework.publish import apply_docstrings
from gateway.schema.framework.strawberry_internals import (
    StrawberryOptional,
    set_input_converter,
    to_camel_case,
)

T = TypeVar("T", bound=type)
FILTER_METADATA_KEY = "condition"
MAX_FILTER_DEPTH = 5
MAX_FILTER_CONDITIONS = 100
"""Conditions and operands of `and`, `or` and `not` in one filter."""
_SHORT_SUFFIX = " (short)"
FilterParameters = dict[str, Any]
FilterShape = tuple[Any, ...]
"""Pairs of a predicate's key and a parameter's name, or of an operator and its operands' shapes."""


@dataclass(frozen=True, eq=False)
class FilterCondition:
    """A condition of a filter, and the conversion of a client's value to its parameter."""

    predicate: FilterPredicate
    parse_value: Callable[[Any], Any] = lambda value: value
    """Returns the parameter; raises ValueError, which completes "`<argument>` …", if invalid."""
    short_predicate: FilterPredicate | None = None
    """The predicate for short texts; None if `predicate` is for them, too."""


@dataclass(frozen=True)
class ParsedFilter:
    """A client's filter: the shape of its condition, and the parameters by name."""

    shape: FilterShape
    parameters: tuple[tuple[str, Any], ...]


EMPTY_FILTER = ParsedFilter((), ())


def filter_field(
    predicate: FilterPredicate,
    parse_value: Callable[[Any], Any] = lambda value: value,
    short_predicate: FilterPredicate | None = None,
) -> Any:
    """Declare a field of a filter input; the arguments are those of its FilterCondition."""
    return strawberry.field(
        default=strawberry.UNSET,
        metadata={FILTER_METADATA_KEY: FilterCondition(predicate, parse_value, short_predicate)},
    )


BOOLEAN_OPERATORS = {
    "and_": "All of these filters match; an empty list matches everything.",
    "or_": "At least one of these filters matches, and each has a condition; an empty list matches"
    " nothing.",
    "not_": "Excludes what matches this filter, which has a condition.",
}


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def filter_input(cls: T) -> T:
    """Publish `cls` as a filter input, described by its docstrings, with `and`, `or`, `not`."""
    self_reference: Any = Annotated[ForwardRef(cls.__name__), strawberry.lazy(cls.__module__)]
    for name, description in BOOLEAN_OPERATORS.items():
        annotation: Any = self_reference if name == "not_" else list[self_reference]
        cls.__annotations__[name] = annotation | None
        field = strawberry.field(name=name[:-1], default=strawberry.UNSET, description=description)
        setattr(cls, name, field)
    published = apply_docstrings(cls, strawberry.input(cls, description=inspect.getdoc(cls)))
    set_input_converter(published, lambda values: _rename_filter_fields(published, values))
    return cast("T", published)


def _rename_filter_fields(filter_type: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter's values by Python names.

    Strawberry would make a dataclass with dozens of fields for each level instead.
    """
    names, renamed_values = _get_python_names(filter_type), {}
    for public_name, value in values.items():
        name = names[public_name]
        if name not in BOOLEAN_OPERATORS or value is None:
            renamed_values[name] = value
        elif name == "not_":
            renamed_values[name] = _rename_filter_fields(filter_type, value)
        else:
            renamed_values[name] = [_rename_filter_fields(filter_type, each) for each in value]
    return renamed_values


@cache
def _get_python_names(filter_type: type) -> dict[str, str]:
    """Return the Python names of a filter's fields by their names in GraphQL."""
    definition = get_object_definition(filter_type, strict=True)
    return {
        each.graphql_name or to_camel_case(each.python_name): each.python_name
        for each in definition.fields
    }


class FilterDefinition:
    """The conditions that the fields of a filter input declare."""

    def __init__(self, filter_type: type) -> None:
        definition = get_object_definition(filter_type, strict=True)
        self._conditions_by_name: dict[str, FilterCondition] = {
            each.python_name: each.metadata[FILTER_METADATA_KEY]
            for each in definition.fields
            if FILTER_METADATA_KEY in each.metadata
        }
        self._predicates = {
            key: predicate
            for name, condition in self._conditions_by_name.items()
            for key, predicate in (
                (name, condition.predicate),
                (f"{name}{_SHORT_SUFFIX}", condition.short_predicate),
            )
            if predicate is not None
        }
        self._text_names = {
            each.python_name
            for each in definition.fields
            if isinstance(each.type, StrawberryOptional) and each.type.of_type is str
        }
        """The conditions on one text: blanks around it and blank texts are ignored, as in REST."""

    def parse_filter(self, filter_values: dict[str, Any] | None) -> ParsedFilter:
        """Return the parsed filter; raises BadInputError if it is invalid.

        `filter_values` has Python names; nulls, blank texts and empty objects are ignored.
        """
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
            raise BadInputError(f"`filter` must have at most {MAX_FILTER_DEPTH} levels.", *path)
        return tuple(
            [
                (
                    self._select_predicate(name, value),
                    self._parse_field(name, value, path, parameters),
                )
                for name, value in self._iterate_values(filter_values)
            ]
        )

    def _iterate_values(self, filter_values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield the values but nulls, blank texts and empty objects; texts are stripped.

        In order of names. The operands of operators are yielded in any case.
        """
        for name in sorted(filter_values):
            value = filter_values[name]
            if name in self._text_names and value is not None:
                value = strip_text(value)
            if value is not None and (value != {} or name in BOOLEAN_OPERATORS):
                yield name, value

    def _select_predicate(self, name: str, value: Any) -> str:
        """Return the name of an operator, or the key of the predicate for the field's value."""
        short_key = f"{name}{_SHORT_SUFFIX}"
        return short_key if short_key in self._predicates and is_short_text(value) else name

    def _parse_field(
        self,
        name: str,
        value: Any,
        path: tuple[str | int, ...],
        parameters: "_ParameterCollector",
    ) -> Any:
        """Return the name of a condition's parameter, or the shapes of an operator's operands."""
        if name not in BOOLEAN_OPERATORS:
            field_path = (*path, to_camel_case(name))
            parameters.add_conditions(1, *field_path)
            return parameters.add_parameter(self._conditions_by_name[name], value, *field_path)
        operands = [value] if name == "not_" else value
        operator_path = (*path, name[:-1])
        parameters.add_conditions(len(operands), *operator_path)
        shapes = tuple(
            [
                self._parse_level(operand, (*operator_path, index), parameters)
                for index, operand in enumerate(operands)
            ]
        )
        _check_operands(name, shapes, operator_path)
        return shapes

    def build_conditions(self, shape: FilterShape) -> tuple[RowCondition, ...]:
        """Return the SQL conditions of a filter of that `shape`; all must hold."""
        return tuple(self._build_condition(name, operand) for name, operand in shape)

    def _build_condition(self, name: str, operand: Any) -> RowCondition:
        if name not in BOOLEAN_OPERATORS:
            return BoundFunction(self._predicates[name], operand)
        return BoundFunction(
            _BOOLEAN_COMBINATORS[name],
            tuple([self.build_conditions(each) for each in operand]),
        )


def _check_operands(
    operator: str, shapes: tuple[FilterShape, ...], path: tuple[str | int, ...]
) -> None:
    """Raise BadInputError if an operand of `or` or `not` has no condition.

    A variable that is null or left out takes its condition away. The client would not notice that
    the alternative, or the exclusion, is then of everything.
    """
    if operator == "and_":
        return
    for index, shape in enumerate(shapes):
        if _matches_everything(shape):
            operand_path = (*path, index) if operator == "or_" else path
            name = ".".join(map(str, operand_path))
            raise BadInputError(
                f"`{name}` has no condition, so it would match everything: nulls and variables"
                " without a value don't count. Leave it out.",
                *operand_path,
            )


def _matches_everything(shape: FilterShape) -> bool:
    return all(
        name == "and_" and all(map(_matches_everything, operands)) for name, operands in shape
    )


class _ParameterCollector(list[tuple[str, Any]]):
    """The parameters of a filter, and the number of its conditions and operands."""

    condition_count = 0

    def add_conditions(self, count: int, *path: str | int) -> None:
        self.condition_count += count
        if self.condition_count > MAX_FILTER_CONDITIONS:
            raise BadInputError(
                f"`filter` must have at most {MAX_FILTER_CONDITIONS} conditions.", *path
            )

    def add_parameter(self, condition: FilterCondition, raw_value: Any, *path: str | int) -> str:
        """Add a client's value and return its parameter's name; raises BadInputError if invalid."""
        validate_input(raw_value, *path)
        try:
            value = condition.parse_value(raw_value)
        except ValueError as error:
            raise BadInputError(f"`{path[-1]}` {error}", *path) from None
        name = f"f{len(self)}"
        self.append((name, value))
        return name


def _join_conditions(
    conditions: Iterable[RowCondition], row_filter: RowFilterFactory
) -> ColumnElement[bool]:
    return and_(true(), *(each(row_filter) for each in conditions))


ConditionGroups = tuple[tuple[RowCondition, ...], ...]
_BOOLEAN_COMBINATORS: dict[
    str, Callable[[RowFilterFactory, ConditionGroups], ColumnElement[bool]]
] = {
    "and_": lambda row_filter, groups: and_(
        true(), *(_join_conditions(each, row_filter) for each in groups)
    ),
    "or_": lambda row_filter, groups: or_(
        false(), *(_join_conditions(each, row_filter) for each in groups)
    ),
    "not_": lambda row_filter, groups: _join_conditions(groups[0], row_filter).is_not(true()),
}
"""The SQL of the operators. `not` is IS NOT TRUE: a comparison with NULL does not match, so its
negation does."""
