"""Selections of a document: iterated field by field, each with the scope of its columns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_non_null_type
from sqlalchemy import Column

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.aggregate import Aggregate
from gateway.execution.graphql_core_internals import (
    CollectedFields,
    Executor,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from gateway.execution.plan.errors import NeverPlannedError, NotPlannedError
from gateway.execution.plan.nodes import Constant, PlanNode, PlanStep, ResponseObject
from gateway.schema.framework.relations import DECLARATION_KEY
from gateway.schema.framework.strawberry_internals import STRAWBERRY_DEFINITION

MAX_PLAN_NODES = 5_000
"""Nodes of a plan: fragments can expand a short document to very many fields."""
MAX_JOINS = 16
"""Joins of a statement along references; further referenced rows are read by their own steps."""


@dataclass(frozen=True)
class SelectionScope:
    """The scope of a selection: which row of a step's statement its columns belong to.

    That is a row of the statement's own table, or one joined in along `path`. Selections
    of the same step share `aggregate_steps` and `joined_paths`.
    """

    table: Any = None
    """The row's table; None at the root, where there is no row."""
    path: tuple[Column[Any], ...] = ()
    by_reference_fields: frozenset[str] | None = None
    """The fields of a referenced row that are shown even if its row filter is false; None: all."""
    aggregate_steps: dict[tuple[Aggregate, ColumnRef], PlanStep] = field(default_factory=dict)
    """The aggregate steps below the step, by aggregate and key column."""
    joined_paths: set[tuple[Column[Any], ...]] = field(default_factory=set)
    """The paths along which the statement joins rows in."""

    def add_join(self, path: tuple[Column[Any], ...]) -> bool:
        """Add the join along `path`; return False if the statement has MAX_JOINS already."""
        if len(self.joined_paths | {path}) > MAX_JOINS:
            return False
        self.joined_paths.add(path)
        return True

    def column_ref(self, column: Column[Any]) -> ColumnRef:
        """Return the reference to a column of the row, by name if the type has several tables.

        The key of a row that is joined in is the value of the reference, so it needs no join.
        """
        if self.path and self.path[-1].references(column):
            return ColumnRef(self.path[-1], self.path[:-1])
        return ColumnRef(self.table.c[column.key], self.path)


@dataclass(frozen=True)
class FieldSelection:
    """A field selected on the row of a scope."""

    field: GraphQLField
    details: FieldDetailsList
    scope: SelectionScope
    lowering: "SelectionLowering"

    @property
    def python_name(self) -> str:
        """The field's Python name."""
        python_name: str = self.field.extensions[STRAWBERRY_DEFINITION].python_name
        return python_name

    @property
    def declaration(self) -> Any:
        """The field's declaration; None for a plain column."""
        return self.field.extensions[STRAWBERRY_DEFINITION].metadata.get(DECLARATION_KEY)

    @property
    def value_type(self) -> Any:
        """The field's named type, without list and non-null."""
        return get_named_type(self.field.type)

    def lower_object(
        self, scope: SelectionScope, type_: Any = None, **options: Any
    ) -> ResponseObject:
        """Lower the field's selection set on `type_`, by default the field's own type."""
        object_type = type_ or self.value_type
        return ResponseObject(
            self.lowering.lower_subfields(object_type, self.details, scope), **options
        )

    def require_nullable(self) -> None:
        """Raise NotPlannedError if the field is non-null."""
        if is_non_null_type(self.field.type):
            raise NotPlannedError(f"non-null field {self.python_name} of a row that may be hidden")


class SelectionLowering:
    """The selections of one operation, with its @skip and @include directives applied.

    graphql-core collects the fields of each selection set: fragments, merged fields and
    directives are its business. How one field is lowered is the function `lower_field`.
    """

    def __init__(
        self,
        executor: Executor[Any],
        installation: Installation,
        lower_field: Callable[[FieldSelection], PlanNode],
    ) -> None:
        self._executor, self._lower_field = executor, lower_field
        self.installation = installation
        self.type_map: Mapping[str, Any] = executor.schema.type_map
        self._remaining_nodes = MAX_PLAN_NODES

    def lower_root(self, query_type: GraphQLObjectType) -> Mapping[str, PlanNode]:
        """Return the nodes of the operation's root fields by response key."""
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
        """Return the nodes of a field's selection set by response key."""
        return self._lower_collected_fields(type_, self._collect_subfields(type_, details), scope)

    def iterate_subfields(
        self, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, str, FieldDetailsList]]:
        """Yield response key, name and details of each field in a field's selection set."""
        return self._iterate_collected_fields(self._collect_subfields(type_, details))

    def _lower_collected_fields(
        self, type_: GraphQLObjectType, collected: CollectedFields, scope: SelectionScope
    ) -> Mapping[str, PlanNode]:
        nodes: dict[str, PlanNode] = {}
        for response_key, name, details in self._iterate_collected_fields(collected):
            if name == "__typename":
                nodes[response_key] = Constant(type_.name)
            elif name not in type_.fields:
                raise NeverPlannedError(f"introspection field {name}")
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
                raise NotPlannedError(f"more than {MAX_PLAN_NODES} fields")
            yield response_key, details[0].node.name.value, details
