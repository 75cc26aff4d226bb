"""What a document selects, field by field, and where its columns are found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_non_null_type
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import Executor
from sqlalchemy import Column
from strawberry.schema.schema_converter import GraphQLCoreConverter

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import At
from gateway.db.sql.aggregate import Total
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import Constant, Object, Part, Step
from gateway.schema.framework.relations import RELATION

MOST_PARTS = 5_000
"""Fragments can make a short document say very much: no plan has more parts."""
MOST_JOINS = 16
"""What a statement joins in at most: beyond it, rows are read by steps of their own."""
DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


@dataclass(frozen=True)
class Place:
    """Where in the statement of a step a selection finds its columns."""

    table: Any = None
    path: tuple[Column[Any], ...] = ()
    shows: frozenset[str] | None = None
    """The fields of a row that is referred to, if the viewer does not see it; none: all."""
    totals: dict[tuple[Total, At], Step] = field(default_factory=dict)
    """The totals that hang from the rows of the step."""
    joined: set[tuple[Column[Any], ...]] = field(default_factory=set)
    """The references by which the step's statement joins rows in."""

    def joins(self, path: tuple[Column[Any], ...]) -> bool:
        """Say whether the step's statement can join in what `path` leads to."""
        if len(self.joined | {path}) > MOST_JOINS:
            return False
        self.joined.add(path)
        return True

    def at(self, column: Column[Any]) -> At:
        """Give the place of a column of the row; of its own table, if its type has several.

        The key of a row that a reference leads to is what the reference holds.
        """
        if self.path and self.path[-1].references(column):
            return At(self.path[-1], self.path[:-1])
        return At(self.table.c[column.key], self.path)


@dataclass(frozen=True)
class Selected:
    """A field that is selected on what is at `place`."""

    field: GraphQLField
    details: FieldDetailsList
    place: Place
    selections: "Selections"

    @property
    def name(self) -> str:
        """The name that Python has for the field."""
        name: str = self.field.extensions[DEFINITION].python_name
        return name

    @property
    def relation(self) -> Any:
        """What declares the field; None for a plain one."""
        return self.field.extensions[DEFINITION].metadata.get(RELATION)

    @property
    def type(self) -> Any:
        """The type of its values, whatever lists there are around them."""
        return get_named_type(self.field.type)

    def object(self, place: Place, type_: Any = None, **of: Any) -> Object:
        """Lower the selections below the field, on the type that its values are of."""
        below = type_ or self.type
        return Object(self.selections.parts(below, self.details, place), **of)

    def may_be_null(self) -> None:
        """Raise NotPlannedError if the field promises that it is not."""
        if is_non_null_type(self.field.type):
            raise NotPlannedError(f"{self.name}, which may be null here")


class Selections:
    """The selections of one operation; its variables' values in directives are part of it."""

    def __init__(
        self,
        executor: Executor[Any],
        installation: Installation,
        lower: Callable[[Selected], Part],
    ) -> None:
        """Have fields lowered by `lower`."""
        self._executor, self._lower = executor, lower
        self.installation = installation
        self.types: Mapping[str, Any] = executor.schema.type_map
        self._left = MOST_PARTS

    def root(self, query: GraphQLObjectType) -> Mapping[str, Part]:
        """Lower the operation; it gives the part of each response key."""
        run = self._executor
        collected = collect_fields(
            run.schema, run.fragments, run.variable_values, query, run.operation
        )
        return self._lowered(query, collected, Place())

    def parts(
        self, type_: GraphQLObjectType, details: FieldDetailsList, place: Place
    ) -> Mapping[str, Part]:
        """Lower the selections below a field; they give the part of each response key."""
        return self._lowered(type_, self._below(type_, details), place)

    def fields(
        self, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, FieldDetailsList]]:
        """Give the response key, the name and the details of each field below another."""
        return self._fields(self._below(type_, details))

    def _lowered(
        self, type_: GraphQLObjectType, collected: CollectedFields, place: Place
    ) -> Mapping[str, Part]:
        parts: dict[str, Part] = {}
        for key, name, details in self._fields(collected):
            if name == "__typename":
                parts[key] = Constant(type_.name)
            elif name not in type_.fields:
                raise NotPlannedError(name)
            else:
                parts[key] = self._lower(Selected(type_.fields[name], details, place, self))
        return parts

    def _below(self, type_: GraphQLObjectType, details: FieldDetailsList) -> CollectedFields:
        run = self._executor
        return collect_subfields(
            run.schema, run.fragments, run.variable_values, run.operation, type_, details
        )

    def _fields(self, collected: CollectedFields) -> Iterator[tuple[str, str, FieldDetailsList]]:
        if collected.new_defer_usages:
            raise NotPlannedError("@defer")
        for key, details in collected.grouped_field_set.items():
            self._left -= 1
            if self._left < 0:
                raise NotPlannedError(f"more than {MOST_PARTS} parts")
            yield key, details[0].node.name.value, details
