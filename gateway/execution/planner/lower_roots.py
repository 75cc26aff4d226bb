"""Lowering of root fields: rows looked up by key, values computed of them, and the viewer."""

from collections.abc import Mapping
from typing import NoReturn

from gateway.db.query_spec import QuerySpec
from gateway.execution.plan.errors import NeverPlannedError
from gateway.execution.plan.nodes import (
    IfAuthenticated,
    LookupKeys,
    LookupRows,
    PlanNode,
    PlanStep,
    StepKind,
)
from gateway.execution.planner.arguments import compile_arguments, memoise_without_variables
from gateway.execution.planner.lower_fields import lower_function_call, make_query_spec_factory
from gateway.execution.planner.selections import FieldSelection, SelectionScope
from gateway.schema.framework.lookups import RowLookup
from gateway.schema.framework.root_computed import (
    RequestComputedField,
    RootComputedField,
    UnplannedField,
)
from gateway.schema.types.viewer import AuthenticatedViewer, ViewerAccount


def lower_lookup(relation: RowLookup, selection: FieldSelection) -> PlanNode:
    """Lower a lookup by id or uuid: a step for each type that the key may be of."""
    read_arguments = compile_arguments(selection.field, selection.details[0].node)
    lookup_keys = LookupKeys(
        lambda variables, _: relation.resolve_keys(read_arguments(variables)), relation.is_list
    )
    return _lower_lookup_rows(lookup_keys, relation.query_specs_by_type, selection)


def refuse_field(_relation: UnplannedField, selection: FieldSelection) -> NoReturn:
    """Raise NeverPlannedError: the field's resolver does what plans can't."""
    raise NeverPlannedError(f"field {selection.python_name}")


def lower_root_computed(relation: RootComputedField, selection: FieldSelection) -> PlanNode:
    """Lower a function of a row that an argument names: a step whose node is the call."""
    field_node, type_name = selection.details[0].node, relation.table.name
    read_arguments = compile_arguments(selection.field, field_node)
    lookup_keys = LookupKeys(
        lambda variables, _: [(type_name, relation.parse_uuid_key(read_arguments(variables)))]
    )
    node = lower_function_call(
        relation.function, relation.inputs, selection, SelectionScope(relation.table)
    )
    parse_page_request = memoise_without_variables(
        field_node, lambda variables: relation.parse_request(read_arguments(variables))
    )
    step = PlanStep(
        StepKind.ONE,
        node,
        make_query_spec_factory(relation.query_spec, has_single_key=True),
        lookup=(lookup_keys, type_name),
        parse_page_request=parse_page_request,
    )
    return LookupRows(lookup_keys, {type_name: step})


def lower_request_computed(relation: RequestComputedField, selection: FieldSelection) -> PlanNode:
    """Lower a function of facts of the request: a call that needs no step."""
    return lower_function_call(relation.function, relation.inputs, selection, selection.scope)


def lower_viewer_account(relation: ViewerAccount, selection: FieldSelection) -> PlanNode:
    """Lower `viewer.user`: the lookup of the viewer's own account."""
    type_name = selection.value_type.name
    lookup_keys = LookupKeys(lambda _, context: [(type_name, context.viewer.user_id)])
    return _lower_lookup_rows(lookup_keys, {type_name: relation.query_spec}, selection)


def lower_viewer(_relation: AuthenticatedViewer, selection: FieldSelection) -> PlanNode:
    """Lower `viewer`: an object that is null for anonymous viewers."""
    return IfAuthenticated(selection.lower_object(selection.scope, is_row=False))


def _lower_lookup_rows(
    lookup_keys: LookupKeys, query_specs: Mapping[str, QuerySpec], selection: FieldSelection
) -> LookupRows:
    is_single, steps = not lookup_keys.is_list, {}
    for type_name, query_spec in query_specs.items():
        node = selection.lower_object(
            SelectionScope(query_spec.table), selection.lowering.type_map[type_name]
        )
        query_spec_factory = make_query_spec_factory(query_spec, has_single_key=is_single)
        steps[type_name] = PlanStep(
            StepKind.ONE, node, query_spec_factory, lookup=(lookup_keys, type_name)
        )
    return LookupRows(lookup_keys, steps)
