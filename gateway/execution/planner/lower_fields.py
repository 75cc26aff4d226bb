"""Lowering what is declared on rows: columns, references, parts, computed fields and totals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetailsList

from gateway.db.query_spec import At, Of, Read
from gateway.db.sql.aggregate import Sum
from gateway.db.sql.row_types import Row
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import (
    Attribute,
    Below,
    Call,
    Constant,
    Given,
    Kind,
    Leaf,
    Object,
    Part,
    Parts,
    Reading,
    Step,
    Told,
)
from gateway.execution.planner.arguments import arguments, once
from gateway.execution.planner.selections import DEFINITION, Place, Selected, Selections
from gateway.schema.framework.arguments import Argument
from gateway.schema.framework.computed_inputs import Input, referenced, target
from gateway.schema.framework.context import Fact
from gateway.schema.framework.relations import RELATION, Computed, First, Many, One


def plain(type_: Any, details: FieldDetailsList, selections: Selections) -> Parts:
    """Lower what is selected of values of a type, or of each type of a union."""
    types = type_.types if isinstance(type_, GraphQLUnionType) else (type_,)
    return {
        each.extensions[DEFINITION].origin: _attributes(each, details, selections) for each in types
    }


def _attributes(
    type_: GraphQLObjectType, details: FieldDetailsList, selections: Selections
) -> Mapping[str, Constant | Attribute]:
    parts: dict[str, Constant | Attribute] = {}
    for key, name, below in selections.fields(type_, details):
        if name == "__typename":
            parts[key] = Constant(type_.name)
            continue
        field = type_.fields[name]
        definition, inner = field.extensions[DEFINITION], get_named_type(field.type)
        if RELATION in definition.metadata:
            raise NotPlannedError(f"{type_.name}.{name}")
        within = plain(inner, below, selections) if is_composite_type(inner) else None
        parts[key] = Attribute(definition.python_name, field.type, within)
    return parts


def reading(read: Read, **options: Any) -> Reading:
    """Give what describes the same rows as `read`, with other columns."""
    return lambda columns, _form: replace(read, columns=columns, **options)


def column(selected: Selected) -> Part:
    """Lower a plain field: its row's column."""
    place, name = selected.place, selected.name
    if place.table is None:
        raise NotPlannedError(name)
    stored = place.table.c[name]
    convert = Row.of(place.table).convert.get(name)
    named = selected.type.coerce_output_value
    names = convert and {value: named(each) for value, each in convert.items()}
    nullable = selected.selections.installation.nullable(stored)
    checked = nullable and is_non_null_type(selected.field.type)
    return Leaf(At(stored, place.path), selected.field.type, names, checked)


def one(relation: One, selected: Selected) -> Part:
    """Lower a reference: what it leads to is joined in, or a step if there are too many joins."""
    place, key = selected.place, target(relation.reference)
    table: Any = key.table
    reference = place.at(relation.reference)
    path = (*place.path, reference.column)
    shows = relation.shows or Row.of(table).by_reference
    promised = is_non_null_type(selected.field.type)
    if not place.joins(path):
        part = selected.object(Place(table, shows=shows))
        step = Step(Kind.ONE, part, reading(referenced(table)))
        return Below(step, reference, promised=promised)
    there = replace(place, table=table, path=path, shows=shows)
    found = selected.object(there, promised=promised)
    return replace(found, there=_always_there(found, selected) or At(key, path))


def _always_there(row: Object, selected: Selected) -> At | None:
    """Give a column that is read of a row anyway, and that is never null if there is a row."""
    nullable = selected.selections.installation.nullable
    leaves = [part.at for part in row.parts.values() if isinstance(part, Leaf)]
    length = len(selected.place.path) + 1
    never = [at for at in leaves if len(at.path) == length and not nullable(at.column)]
    return never[0] if never else None


def many(relation: Many, selected: Selected) -> Part:
    """Lower a list of parts: a step."""
    part = selected.object(Place(relation.reference.table))
    step = Step(Kind.MANY, part, reading(relation.read))
    return Below(step, selected.place.at(target(relation.reference)))


def first(relation: First, selected: Selected) -> Part:
    """Lower the first of some parts: a step, as the database has to look for it."""
    part = selected.object(Place(relation.reference.table))
    step = Step(Kind.ONE, part, reading(relation.read))
    return Below(step, selected.place.at(target(relation.reference)))


def computed(relation: Computed, selected: Selected) -> Part:
    """Lower a computed field: a call."""
    return call(relation.function, relation.inputs, selected, selected.place)


def call(
    function: Callable[..., Any], inputs: Iterable[Input | Of], selected: Selected, place: Place
) -> Call:
    """Lower what a function makes of inputs, whose columns are at a place."""
    lowered = tuple([_input(each, selected, place) for each in inputs])
    composite = is_composite_type(selected.type)
    parts = plain(selected.type, selected.details, selected.selections) if composite else None
    return Call(function, lowered, selected.field.type, parts)


def _input(given: Input | Of, selected: Selected, place: Place) -> At | Of | Given | Fact | Told:
    if isinstance(given, (Fact, Of)):
        return given
    if isinstance(given, Argument):
        return _told(given, selected)
    if isinstance(given, At):
        return At(given.column, (*place.path, *given.path))
    return _sum(given, place) if isinstance(given, Sum) else place.at(given)


def _told(argument: Argument, selected: Selected) -> Told:
    """Lower an argument that a function gets."""
    node = selected.details[0].node
    given = arguments(selected.field, node)
    return Told(once(node, lambda variables: argument.read(given(variables).get(argument.name))))


def _sum(given: Sum, place: Place) -> Given:
    """Lower a value of a total; all values of one total are read by one step."""
    at = place.at(given.key)
    step = place.totals.get((given.total, at))
    if step is None:
        step = place.totals[given.total, at] = Step(Kind.TOTAL, read=reading(given.total.read))
    value: Of = given.total.values[given.value]
    if value not in step.columns:
        step.columns.append(value)
    return Given(step, step.columns.index(value), at, given.missing)
