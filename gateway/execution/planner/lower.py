"""Lowering: from a document's selections to the nodes and steps of a plan.

What a field becomes is decided by its declaration (`gateway/schema/framework`), never by
its name: a plain column becomes a Column, a ToOneField a joined ResponseObject, a
ConnectionField a step, and so on. A new kind of declaration needs a function in
LOWERING_FUNCTIONS; until then, documents that select it have no plan.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import OperationType

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import IsVisible
from gateway.execution.graphql_core_internals import Executor
from gateway.execution.plan.errors import NeverPlannedError, NotPlannedError
from gateway.execution.plan.nodes import IfVisible, PlanNode, PlanStep, ResponseObject, StepKind
from gateway.execution.planner import lower_connections, lower_fields, lower_roots
from gateway.execution.planner.selections import FieldSelection, SelectionLowering
from gateway.schema.framework.connection_field import ConnectionField
from gateway.schema.framework.filtered_lists import FilteredListField
from gateway.schema.framework.lookups import RootListField, RowLookup
from gateway.schema.framework.relations import ComputedField, FirstRowField, ToManyField, ToOneField
from gateway.schema.framework.root_computed import (
    RequestComputedField,
    RootComputedField,
    UnplannedField,
)
from gateway.schema.types.viewer import AuthenticatedViewer, ViewerAccount

LOWERING_FUNCTIONS: Mapping[type, Callable[[Any, FieldSelection], PlanNode]] = {
    ToOneField: lower_fields.lower_reference,
    ToManyField: lower_fields.lower_child_list,
    FirstRowField: lower_fields.lower_first_child,
    ComputedField: lower_fields.lower_computed_field,
    FilteredListField: lower_connections.lower_filtered_list,
    ConnectionField: lower_connections.lower_connection,
    RootListField: lower_connections.lower_plain_list,
    RowLookup: lower_roots.lower_lookup,
    RootComputedField: lower_roots.lower_root_computed,
    RequestComputedField: lower_roots.lower_request_computed,
    UnplannedField: lower_roots.refuse_field,
    ViewerAccount: lower_roots.lower_viewer_account,
    AuthenticatedViewer: lower_roots.lower_viewer,
}
"""The function that lowers each kind of declaration; plans don't support other kinds."""


def lower_operation(executor: Executor[Any], installation: Installation) -> PlanStep:
    """Return the root step of a query. Raises NotPlannedError if plans don't support it."""
    operation, query_type = executor.operation, executor.schema.query_type
    if operation.operation is not OperationType.QUERY or query_type is None:
        raise NeverPlannedError(f"{operation.operation.value} operation")
    fields = SelectionLowering(executor, installation, _lower_field).lower_root(query_type)
    return PlanStep(StepKind.RESULT, ResponseObject(fields, is_row=False))


def _lower_field(selection: FieldSelection) -> PlanNode:
    """Lower a field of a row.

    A field outside the by-reference fields of a referenced row is null where the viewer
    does not see that row.
    """
    node = _lower_declaration(selection)
    by_reference_fields = selection.scope.by_reference_fields
    if by_reference_fields is None or selection.python_name in by_reference_fields:
        return node
    selection.require_nullable()
    return IfVisible(node, IsVisible(selection.scope.path))


def _lower_declaration(selection: FieldSelection) -> PlanNode:
    relation = selection.declaration
    if relation is None:
        return lower_fields.lower_column(selection)
    if type(relation) not in LOWERING_FUNCTIONS:
        raise NotPlannedError(
            f"field {selection.python_name} declared by {type(relation).__name__}"
        )
    return LOWERING_FUNCTIONS[type(relation)](relation, selection)
