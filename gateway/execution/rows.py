"""Lowering what is declared on rows: columns, references, parts, computed fields and totals."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphql import get_named_type, is_composite_type, is_non_null_type

from gateway.context import Fact
from gateway.db.read import At, Of, Read
from gateway.db.row import Row
from gateway.execution.parts import (
    Attribute,
    Below,
    Call,
    Constant,
    Given,
    Leaf,
    Object,
    Part,
)
from gateway.execution.plan import Kind, NotPlannedError, Reading, Step
from gateway.execution.selections import DEFINITION, Place, Selected
from gateway.schema.inputs import Input, Sum, referenced, target
from gateway.schema.relations import RELATION, Computed, First, Many, One


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
    inputs = tuple([_input(each, selected.place) for each in relation.inputs])
    parts = _attributes(selected) if is_composite_type(selected.type) else None
    return Call(relation.function, inputs, selected.field.type, parts)


def _attributes(selected: Selected) -> Mapping[str, Constant | Attribute]:
    """Lower the selections on values that are plain: they have attributes, and no relations."""
    type_ = selected.type
    parts: dict[str, Constant | Attribute] = {}
    for key, name, _ in selected.selections.fields(type_, selected.details):
        if name == "__typename":
            parts[key] = Constant(type_.name)
            continue
        field = type_.fields[name]
        definition = field.extensions[DEFINITION]
        if RELATION in definition.metadata or is_composite_type(get_named_type(field.type)):
            raise NotPlannedError(f"{type_.name}.{name}")
        parts[key] = Attribute(definition.python_name, field.type)
    return parts


def _input(given: Input, place: Place) -> At | Given | Fact:
    if isinstance(given, Fact):
        return given
    if isinstance(given, At):
        return At(given.column, (*place.path, *given.path))
    return _sum(given, place) if isinstance(given, Sum) else place.at(given)


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
