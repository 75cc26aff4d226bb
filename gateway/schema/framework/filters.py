"""What lists can be filtered by: a filter field is a declared condition on a column."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, TypeVar, cast, dataclass_transform

import strawberry
from sqlalchemy import ColumnElement, and_, false, or_, true
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from gateway.db.query_spec import Condition, Rules
from gateway.db.sql.filters import Holds
from gateway.schema.framework.errors import BadInputError, checked
from gateway.schema.framework.publish import describe

T = TypeVar("T", bound=type)
CONDITION = "condition"
DEEPEST = 5
MOST = 100
"""Conditions that a filter may have in all."""
Parameters = dict[str, Any]
Shape = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Filter:
    """A condition, and how a client's value becomes its parameter."""

    holds: Holds
    value: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class Filtered:
    """What a client's filter comes to: the form of the condition, and its parameters."""

    shape: Shape
    parameters: tuple[tuple[str, Any], ...]


NOTHING = Filtered((), ())


def filtered_by(holds: Holds, value: Callable[[Any], Any] = lambda value: value) -> Any:
    """Declare a filter field; `value` says in a ValueError what a client has to change."""
    return strawberry.field(default=strawberry.UNSET, metadata={CONDITION: Filter(holds, value)})


JOINING = {
    "and_": "All of these hold.",
    "or_": "One of these holds.",
    "not_": "This does not hold.",
}


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def asked_for(cls: T) -> T:
    """Make `cls` a GraphQL input that filters, described by its docstrings, with and, or, not."""
    itself: Any = Annotated[ForwardRef(cls.__name__), strawberry.lazy(cls.__module__)]
    for name, description in JOINING.items():
        kind: Any = itself if name == "not_" else list[itself]
        cls.__annotations__[name] = kind | None
        field = strawberry.field(name=name[:-1], default=strawberry.UNSET, description=description)
        setattr(cls, name, field)
    return cast("T", describe(cls, strawberry.input(cls, description=inspect.getdoc(cls))))


class Filters:
    """What the fields of a filter type declare."""

    def __init__(self, filters: type) -> None:
        definition = get_object_definition(filters, strict=True)
        self._filters: dict[str, Filter] = {
            each.python_name: each.metadata[CONDITION]
            for each in definition.fields
            if CONDITION in each.metadata
        }

    def filtered(self, given: dict[str, Any] | None) -> Filtered:
        """Check what a client gives, under the names that Python uses; a null asks for nothing."""
        parameters = _Parameters()
        shape = self._shape(given or {}, ("filter",), parameters)
        return Filtered(shape, tuple(parameters))

    def _shape(
        self, given: dict[str, Any], path: tuple[str | int, ...], parameters: "_Parameters"
    ) -> Shape:
        if len(path) > DEEPEST * 2 + 1:
            raise BadInputError(f"A filter is at most {DEEPEST} levels deep.", *path)
        shape: list[Any] = []
        for name in sorted(name for name, value in given.items() if value is not None):
            if name in JOINING:
                below = [given[name]] if name == "not_" else given[name]
                parameters.meet(len(below), *path, name[:-1])
                places = [(*path, name[:-1], i) for i in range(len(below))]
                shapes = [self._shape(*e, parameters) for e in zip(below, places, strict=True)]
                shape.append((name, tuple(shapes)))
            else:
                place = (*path, to_camel_case(name))
                parameters.meet(1, *place)
                shape.append((name, parameters.take(self._filters[name], given[name], *place)))
        return tuple(shape)

    def conditions(self, shape: Shape) -> tuple[Condition, ...]:
        """Give the conditions of a filter of that `shape`."""
        return tuple(self._condition(name, below) for name, below in shape)

    def _condition(self, name: str, below: Any) -> Condition:
        if name not in JOINING:
            holds = self._filters[name].holds
            return lambda rules: holds(rules, below)
        return _JOINED[name]([self.conditions(each) for each in below])


class _Parameters(list[tuple[str, Any]]):
    """The parameters of a filter, and how many conditions it has, joined ones counted too."""

    met = 0

    def meet(self, conditions: int, *path: str | int) -> None:
        self.met += conditions
        if self.met > MOST:
            raise BadInputError(f"A filter has at most {MOST} conditions.", *path)

    def take(self, wanted: Filter, given: Any, *path: str | int) -> str:
        """Take a client's value, and give the name of the parameter that it becomes."""
        checked(given, *path)
        try:
            value = wanted.value(given)
        except ValueError as error:
            raise BadInputError(str(error), *path) from None
        name = f"f{len(self)}"
        self.append((name, value))
        return name


def _all(conditions: Iterable[Condition], rules: Rules) -> ColumnElement[bool]:
    return and_(true(), *(each(rules) for each in conditions))


Parts = list[tuple[Condition, ...]]
_JOINED: dict[str, Callable[[Parts], Condition]] = {
    "and_": lambda parts: lambda rules: and_(true(), *(_all(each, rules) for each in parts)),
    "or_": lambda parts: lambda rules: or_(false(), *(_all(each, rules) for each in parts)),
    "not_": lambda parts: lambda rules: _all(parts[0], rules).is_not(true()),
}
"""A comparison with a null is unknown, and what is not known to hold is not what is excluded."""
