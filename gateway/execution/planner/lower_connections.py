"""Lowering lists: connections with all their parts, and lists that are short."""

from dataclasses import replace
from typing import Any

from graphql import get_named_type
from graphql.execution.collect_fields import FieldDetailsList

from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import (
    OF_PAGE,
    Below,
    Beside,
    Constant,
    Each,
    Kind,
    Object,
    OfPage,
    Part,
    Reading,
    Step,
)
from gateway.execution.planner.arguments import arguments, once
from gateway.execution.planner.lower_fields import reading
from gateway.execution.planner.selections import Place, Selected, Selections
from gateway.schema.framework.computed_inputs import target
from gateway.schema.framework.connection_field import COUNT, Pages
from gateway.schema.framework.filtered_lists import Narrowed
from gateway.schema.framework.lookups import Listed


def listed(relation: Listed, selected: Selected) -> Part:
    """Lower a short list: a step without keys."""
    part = selected.object(Place(relation.table))
    return Beside(Step(Kind.MANY, part, reading(relation.read)))


def narrowed(relation: Narrowed, selected: Selected) -> Part:
    """Lower a list of parts that arguments narrow, or the first of them: a step."""
    node = selected.details[0].node
    given = arguments(selected.field, node)
    asked = once(node, lambda variables: relation.asked(given(variables)))
    part = selected.object(Place(relation.reference.table))
    kind = Kind.MANY if relation.first is None else Kind.ONE
    step = Step(kind, part, relation.read, asked=asked)
    return Below(step, selected.place.at(target(relation.reference)))


def pages(relation: Pages, selected: Selected) -> Part:
    """Lower a connection: a step for the page, and one for each count."""
    node = selected.details[0].node
    given = arguments(selected.field, node)
    asked = once(node, lambda variables: relation.asked(given(variables)))
    page = Step(Kind.PAGE, asked=asked)
    connection = _Connection(relation, selected, page)
    page.part = connection.part()
    page.read = connection.read()
    if relation.match is None:
        return Beside(page)
    return Below(page, selected.place.at(target(relation.match.column)))


CURSORS = {"startCursor", "endCursor", "cursor"}


class _Connection:
    """A connection that is selected."""

    def __init__(self, relation: Pages, selected: Selected, page: Step) -> None:
        self._relation, self._page, self._selected = relation, page, selected
        self._selections: Selections = selected.selections
        self._rows = Place(relation.table)
        self._shown = self._cursors = False
        self._node: Any = get_named_type(selected.type.fields["nodes"].type)

    def part(self) -> Object:
        """Lower it."""
        type_, parts = self._selected.type, {}
        for key, name, details in self._selections.fields(type_, self._selected.details):
            parts[key] = self._field(type_, name, details)
        return Object(parts, row=False)

    def read(self) -> Reading | None:
        """Describe the page as far as it matters: not at all if only a count is asked for."""
        if not self._shown:
            return None
        return self._relation.read if self._cursors else _unplaced(self._relation)

    def _field(self, type_: Any, name: str, details: FieldDetailsList) -> Part:
        if name == "__typename":
            return Constant(type_.name)
        if name == "totalCount":
            return Beside(Step(Kind.COUNT, read=_count(self._relation), page=self._page))
        self._shown = True
        below: Any = get_named_type(type_.fields[name].type)
        if name == "nodes":
            return Each(Object(self._selections.parts(below, details, self._rows)))
        if name == "edges":
            return Each(Object(self._told(below, details)))
        return Object(self._told(below, details), row=False)

    def _told(self, type_: Any, details: FieldDetailsList) -> dict[str, Part]:
        """Lower what is told of the page, or of a row in it, besides the row."""
        parts: dict[str, Part] = {}
        for key, name, below in self._selections.fields(type_, details):
            if name == "__typename":
                parts[key] = Constant(type_.name)
            elif name == "node":
                node = self._selections.parts(self._node, below, self._rows)
                parts[key] = Object(node, row=False)
            elif name in OF_PAGE:
                self._cursors |= name in CURSORS
                parts[key] = OfPage(name)
            else:
                raise NotPlannedError(f"{type_.name}.{name}")
        return parts


def _unplaced(relation: Pages) -> Reading:
    return lambda columns, form: replace(relation.read(columns, form), placed=False)


def _count(relation: Pages) -> Reading:
    return lambda _columns, form: relation.read((COUNT,), form)
