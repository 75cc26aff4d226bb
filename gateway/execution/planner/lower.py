"""From a document to a plan: each selection is matched with what its field declares."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import OperationType
from graphql.execution.executor import Executor

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import IsVisible
from gateway.execution.plan.errors import NotPlannedError, NotQueryError
from gateway.execution.plan.nodes import IfVisible, PlanNode, PlanStep, ResponseObject, StepKind
from gateway.execution.planner import lower_connections, lower_fields, lower_roots
from gateway.execution.planner.selections import FieldSelection, SelectionLowering
from gateway.schema.framework.connection_field import ConnectionField
from gateway.schema.framework.filtered_lists import FilteredListField
from gateway.schema.framework.lookups import RootListField, RowLookup
from gateway.schema.framework.relations import ComputedField, FirstRowField, ToManyField, ToOneField
from gateway.schema.framework.root_computed import RootComputedField
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
    ViewerAccount: lower_roots.lower_viewer_account,
    AuthenticatedViewer: lower_roots.lower_viewer,
}
"""How the declarations of fields are lowered; whatever else there is, plans don't do."""


def lower_operation(executor: Executor[Any], installation: Installation) -> PlanStep:
    """Give the step that makes an operation's answer; NotPlannedError if there can't be one."""
    operation, query_type = executor.operation, executor.schema.query_type
    if operation.operation is not OperationType.QUERY or query_type is None:
        raise NotQueryError(f"a {operation.operation.value}")
    fields = SelectionLowering(executor, installation, _lower_field).lower_root(query_type)
    return PlanStep(StepKind.RESULT, ResponseObject(fields, is_row=False))


def _lower_field(selection: FieldSelection) -> PlanNode:
    """Lower a field; it is null where its row is only referred to and shows it to nobody so."""
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
        raise NotPlannedError(f"{selection.python_name}, made by {type(relation).__name__}")
    return LOWERING_FUNCTIONS[type(relation)](relation, selection)
