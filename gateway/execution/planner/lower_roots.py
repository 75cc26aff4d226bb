"""Lowering what is found, or derived, by what a root field's arguments name, or by who asks."""

from collections.abc import Mapping

from gateway.db.query_spec import QuerySpec
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
from gateway.schema.framework.root_computed import RootComputedField
from gateway.schema.types.viewer import AuthenticatedViewer, ViewerAccount


def lower_lookup(relation: RowLookup, selection: FieldSelection) -> PlanNode:
    """Lower rows that arguments name: a step for each type that they may be of."""
    read_arguments = compile_arguments(selection.field, selection.details[0].node)
    lookup_keys = LookupKeys(
        lambda variables, _: relation.resolve_keys(read_arguments(variables)), relation.is_list
    )
    return _lower_lookup_rows(lookup_keys, relation.query_specs_by_type, selection)


def lower_root_computed(relation: RootComputedField, selection: FieldSelection) -> PlanNode:
    """Lower what is worked out of a row that an argument names: a step that calls a function."""
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
    query_spec_factory = make_query_spec_factory(relation.query_spec, has_single_key=True)
    return LookupRows(
        lookup_keys,
        {
            type_name: PlanStep(
                StepKind.ONE,
                node,
                query_spec_factory,
                lookup=(lookup_keys, type_name),
                parse_page_request=parse_page_request,
            )
        },
    )


def lower_viewer_account(relation: ViewerAccount, selection: FieldSelection) -> PlanNode:
    """Lower the viewer's account."""
    type_name = selection.value_type.name
    lookup_keys = LookupKeys(lambda _, context: [(type_name, context.viewer.user_id)])
    return _lower_lookup_rows(lookup_keys, {type_name: relation.query_spec}, selection)


def lower_viewer(_relation: AuthenticatedViewer, selection: FieldSelection) -> PlanNode:
    """Lower who asks."""
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
