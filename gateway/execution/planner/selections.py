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
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.aggregate import Aggregate
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import Constant, PlanNode, PlanStep, ResponseObject
from gateway.schema.framework.relations import DECLARATION_KEY

MAX_PLAN_NODES = 5_000
"""Fragments can make a short document say very much: no plan has more parts."""
MAX_JOINS = 16
"""What a statement joins in at most: beyond it, rows are read by steps of their own."""
STRAWBERRY_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


@dataclass(frozen=True)
class SelectionScope:
    """Where in the statement of a step a selection finds its columns."""

    table: Any = None
    path: tuple[Column[Any], ...] = ()
    by_reference_fields: frozenset[str] | None = None
    """The fields of a row that is referred to, if the viewer does not see it; none: all."""
    aggregate_steps: dict[tuple[Aggregate, ColumnRef], PlanStep] = field(default_factory=dict)
    """The totals that hang from the rows of the step."""
    joined_paths: set[tuple[Column[Any], ...]] = field(default_factory=set)
    """The references by which the step's statement joins rows in."""

    def add_join(self, path: tuple[Column[Any], ...]) -> bool:
        """Say whether the step's statement can join in what `path` leads to."""
        if len(self.joined_paths | {path}) > MAX_JOINS:
            return False
        self.joined_paths.add(path)
        return True

    def column_ref(self, column: Column[Any]) -> ColumnRef:
        """Give the place of a column of the row; of its own table, if its type has several.

        The key of a row that a reference leads to is what the reference holds.
        """
        if self.path and self.path[-1].references(column):
            return ColumnRef(self.path[-1], self.path[:-1])
        return ColumnRef(self.table.c[column.key], self.path)


@dataclass(frozen=True)
class FieldSelection:
    """A field that is selected on what is at `place`."""

    field: GraphQLField
    details: FieldDetailsList
    scope: SelectionScope
    lowering: "SelectionLowering"

    @property
    def python_name(self) -> str:
        """The name that Python has for the field."""
        python_name: str = self.field.extensions[STRAWBERRY_DEFINITION].python_name
        return python_name

    @property
    def declaration(self) -> Any:
        """What declares the field; None for a plain one."""
        return self.field.extensions[STRAWBERRY_DEFINITION].metadata.get(DECLARATION_KEY)

    @property
    def value_type(self) -> Any:
        """The type of its values, whatever lists there are around them."""
        return get_named_type(self.field.type)

    def lower_object(
        self, scope: SelectionScope, type_: Any = None, **options: Any
    ) -> ResponseObject:
        """Lower the selections below the field, on the type that its values are of."""
        object_type = type_ or self.value_type
        return ResponseObject(
            self.lowering.lower_subfields(object_type, self.details, scope), **options
        )

    def require_nullable(self) -> None:
        """Raise NotPlannedError if the field promises that it is not."""
        if is_non_null_type(self.field.type):
            raise NotPlannedError(f"{self.python_name}, which may be null here")


class SelectionLowering:
    """The selections of one operation; its variables' values in directives are part of it."""

    def __init__(
        self,
        executor: Executor[Any],
        installation: Installation,
        lower_field: Callable[[FieldSelection], PlanNode],
    ) -> None:
        """Have fields lowered by `lower`."""
        self._executor, self._lower_field = executor, lower_field
        self.installation = installation
        self.type_map: Mapping[str, Any] = executor.schema.type_map
        self._remaining_nodes = MAX_PLAN_NODES

    def lower_root(self, query_type: GraphQLObjectType) -> Mapping[str, PlanNode]:
        """Lower the operation; it gives the part of each response key."""
        executor = self._executor
        collected = collect_fields(
            executor.schema,
            executor.fragments,
            executor.variable_values,
            query_type,
            executor.operation,
        )
        return self._lower_collected_fields(query_type, collected, SelectionScope())

    def lower_subfields(
        self, type_: GraphQLObjectType, details: FieldDetailsList, scope: SelectionScope
    ) -> Mapping[str, PlanNode]:
        """Lower the selections below a field; they give the part of each response key."""
        return self._lower_collected_fields(type_, self._collect_subfields(type_, details), scope)

    def iterate_subfields(
        self, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, FieldDetailsList]]:
        """Give the response key, the name and the details of each field below another."""
        return self._iterate_collected_fields(self._collect_subfields(type_, details))

    def _lower_collected_fields(
        self, type_: GraphQLObjectType, collected: CollectedFields, scope: SelectionScope
    ) -> Mapping[str, PlanNode]:
        nodes: dict[str, PlanNode] = {}
        for response_key, name, details in self._iterate_collected_fields(collected):
            if name == "__typename":
                nodes[response_key] = Constant(type_.name)
            elif name not in type_.fields:
                raise NotPlannedError(name)
            else:
                nodes[response_key] = self._lower_field(
                    FieldSelection(type_.fields[name], details, scope, self)
                )
        return nodes

    def _collect_subfields(
        self, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> CollectedFields:
        executor = self._executor
        return collect_subfields(
            executor.schema,
            executor.fragments,
            executor.variable_values,
            executor.operation,
            type_,
            details,
        )

    def _iterate_collected_fields(
        self, collected: CollectedFields
    ) -> Iterator[tuple[str, str, FieldDetailsList]]:
        if collected.new_defer_usages:
            raise NotPlannedError("@defer")
        for response_key, details in collected.grouped_field_set.items():
            self._remaining_nodes -= 1
            if self._remaining_nodes < 0:
                raise NotPlannedError(f"more than {MAX_PLAN_NODES} parts")
            yield response_key, details[0].node.name.value, details
