"""Lowering of lists: connections with all their fields, plain lists and filtered lists."""

from dataclasses import replace
from typing import Any

from graphql import get_named_type

from gateway.execution.graphql_core_internals import FieldDetailsList
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import (
    PAGE_META_CODE,
    ChildRows,
    Constant,
    PageMeta,
    PageRows,
    PlanNode,
    PlanStep,
    QuerySpecFactory,
    ResponseObject,
    SiblingResult,
    StepKind,
)
from gateway.execution.planner.arguments import compile_arguments, memoise_without_variables
from gateway.execution.planner.lower_fields import make_query_spec_factory
from gateway.execution.planner.selections import FieldSelection, SelectionLowering, SelectionScope
from gateway.schema.framework.computed_inputs import get_referenced_column
from gateway.schema.framework.connection_field import ROW_COUNT, ConnectionField
from gateway.schema.framework.filtered_lists import FilteredListField
from gateway.schema.framework.lookups import RootListField


def lower_plain_list(relation: RootListField, selection: FieldSelection) -> PlanNode:
    """Lower a plain list at the root: a step without keys."""
    node = selection.lower_object(SelectionScope(relation.table))
    return SiblingResult(
        PlanStep(StepKind.MANY, node, make_query_spec_factory(relation.query_spec))
    )


def lower_filtered_list(relation: FilteredListField, selection: FieldSelection) -> PlanNode:
    """Lower a child list with arguments, or its first row: a step."""
    field_node = selection.details[0].node
    read_arguments = compile_arguments(selection.field, field_node)
    parse_page_request = memoise_without_variables(
        field_node, lambda variables: relation.parse_request(read_arguments(variables))
    )
    node = selection.lower_object(SelectionScope(relation.reference.table))
    kind = StepKind.MANY if relation.first_sort_order is None else StepKind.ONE
    step = PlanStep(kind, node, relation.build_query_spec, parse_page_request=parse_page_request)
    return ChildRows(step, selection.scope.column_ref(get_referenced_column(relation.reference)))


def lower_connection(relation: ConnectionField, selection: FieldSelection) -> PlanNode:
    """Lower a connection: a step for the page, and one for each `totalCount`.

    The steps read only what is selected: no page without rows or pageInfo, no sort keys
    without cursors.
    """
    field_node = selection.details[0].node
    read_arguments = compile_arguments(selection.field, field_node)
    parse_page_request = memoise_without_variables(
        field_node, lambda variables: relation.parse_page_request(read_arguments(variables))
    )
    page_step = PlanStep(StepKind.PAGE, parse_page_request=parse_page_request)
    lowering = _ConnectionLowering(relation, selection, page_step)
    page_step.node = lowering.lower_object()
    page_step.query_spec_factory = lowering.make_query_spec_factory()
    if relation.key_column is None:
        return SiblingResult(page_step)
    return ChildRows(
        page_step, selection.scope.column_ref(get_referenced_column(relation.key_column.column))
    )


CURSOR_FIELDS = {"startCursor", "endCursor", "cursor"}


class _ConnectionLowering:
    """The lowering of one connection; it notes what its selections need of the page."""

    def __init__(
        self, relation: ConnectionField, selection: FieldSelection, page_step: PlanStep
    ) -> None:
        self._relation, self._page_step, self._selection = relation, page_step, selection
        self._lowering: SelectionLowering = selection.lowering
        self._row_scope = SelectionScope(relation.table)
        self._needs_page = self._needs_cursors = False
        self._node_type: Any = get_named_type(selection.value_type.fields["nodes"].type)

    def lower_object(self) -> ResponseObject:
        """Return the connection's object; all its fields are lowered when this returns."""
        type_, fields = self._selection.value_type, {}
        for response_key, name, details in self._lowering.iterate_subfields(
            type_, self._selection.details
        ):
            fields[response_key] = self._lower_connection_field(type_, name, details)
        return ResponseObject(fields, is_row=False)

    def make_query_spec_factory(self) -> QuerySpecFactory | None:
        """Return the page's query specification; None if only counts are selected."""
        if not self._needs_page:
            return None
        return (
            self._relation.build_query_spec
            if self._needs_cursors
            else _query_without_cursor_keys(self._relation)
        )

    def _lower_connection_field(self, type_: Any, name: str, details: FieldDetailsList) -> PlanNode:
        if name == "__typename":
            return Constant(type_.name)
        if name == "totalCount":
            query_spec_factory = _query_total_count(self._relation)
            return SiblingResult(
                PlanStep(
                    StepKind.COUNT, query_spec_factory=query_spec_factory, page_of=self._page_step
                )
            )
        self._needs_page = True
        inner_type: Any = get_named_type(type_.fields[name].type)
        if name == "nodes":
            return PageRows(
                ResponseObject(self._lowering.lower_subfields(inner_type, details, self._row_scope))
            )
        if name == "edges":
            return PageRows(ResponseObject(self._lower_page_fields(inner_type, details)))
        return ResponseObject(self._lower_page_fields(inner_type, details), is_row=False)

    def _lower_page_fields(self, type_: Any, details: FieldDetailsList) -> dict[str, PlanNode]:
        """Lower the fields of `pageInfo`, or of an edge with its `node`."""
        fields: dict[str, PlanNode] = {}
        for response_key, name, field_details in self._lowering.iterate_subfields(type_, details):
            if name == "__typename":
                fields[response_key] = Constant(type_.name)
            elif name == "node":
                node_fields = self._lowering.lower_subfields(
                    self._node_type, field_details, self._row_scope
                )
                fields[response_key] = ResponseObject(node_fields, is_row=False)
            elif name in PAGE_META_CODE:
                self._needs_cursors |= name in CURSOR_FIELDS
                fields[response_key] = PageMeta(name)
            else:
                raise NotPlannedError(f"field {type_.name}.{name}")
        return fields


def _query_without_cursor_keys(relation: ConnectionField) -> QuerySpecFactory:
    return lambda columns, statement_shape: replace(
        relation.build_query_spec(columns, statement_shape), with_sort_keys=False
    )


def _query_total_count(relation: ConnectionField) -> QuerySpecFactory:
    return lambda _columns, statement_shape: relation.build_query_spec(
        (ROW_COUNT,), statement_shape
    )
