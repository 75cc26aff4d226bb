"""Lowering of the fields of rows: columns, references, child rows, computed fields."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_non_null_type,
)

from gateway.db.query_spec import ColumnRef, Expression, QuerySpec
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row
from gateway.execution.graphql_core_internals import FieldDetailsList
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import (
    AggregateRef,
    ArgumentValue,
    ChildRows,
    Column,
    Constant,
    FunctionCall,
    PlanNode,
    PlanStep,
    QuerySpecFactory,
    ResponseObject,
    StepKind,
    ValueAttribute,
    ValueFields,
)
from gateway.execution.planner.arguments import compile_arguments, memoise_without_variables
from gateway.execution.planner.selections import (
    FieldSelection,
    SelectionLowering,
    SelectionScope,
)
from gateway.schema.framework.arguments import FieldArgument
from gateway.schema.framework.computed_inputs import (
    ComputedInput,
    build_reference_query_spec,
    get_referenced_column,
)
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.relations import (
    DECLARATION_KEY,
    ComputedField,
    FirstRowField,
    ToManyField,
    ToOneField,
)
from gateway.schema.framework.strawberry_internals import STRAWBERRY_DEFINITION


def lower_plain_values(
    type_: Any, details: FieldDetailsList, selections: SelectionLowering
) -> ValueFields:
    """Return the fields selected of plain values, for each type of a union."""
    types = type_.types if isinstance(type_, GraphQLUnionType) else (type_,)
    return {
        object_type.extensions[STRAWBERRY_DEFINITION].origin: _lower_attributes(
            object_type, details, selections
        )
        for object_type in types
    }


def _lower_attributes(
    type_: GraphQLObjectType, details: FieldDetailsList, selections: SelectionLowering
) -> Mapping[str, Constant | ValueAttribute]:
    fields: dict[str, Constant | ValueAttribute] = {}
    for response_key, name, field_details in selections.iterate_subfields(type_, details):
        if name == "__typename":
            fields[response_key] = Constant(type_.name)
            continue
        field = type_.fields[name]
        definition, inner_type = field.extensions[STRAWBERRY_DEFINITION], get_named_type(field.type)
        if DECLARATION_KEY in definition.metadata:
            raise NotPlannedError(f"field {type_.name}.{name} of a plain value")
        inner_fields = (
            lower_plain_values(inner_type, field_details, selections)
            if is_composite_type(inner_type)
            else None
        )
        fields[response_key] = ValueAttribute(definition.python_name, field.type, inner_fields)
    return fields


def make_query_spec_factory(query_spec: QuerySpec, **options: Any) -> QuerySpecFactory:
    """Return the factory of specifications that differ from `query_spec` in columns and options."""
    return lambda columns, _statement_shape: replace(query_spec, columns=columns, **options)


def lower_column(selection: FieldSelection) -> PlanNode:
    """Lower a plain field: a column of the row."""
    scope, name = selection.scope, selection.python_name
    if scope.table is None:
        raise NotPlannedError(f"field {name} without a table")
    column = scope.table.c[name]
    conversions = Row.class_for(scope.table).value_maps.get(name)
    serialize = selection.value_type.coerce_output_value
    enum_names = conversions and {value: serialize(member) for value, member in conversions.items()}
    is_nullable = selection.lowering.installation.is_nullable(column)
    is_checked = is_nullable and is_non_null_type(selection.field.type)
    return Column(ColumnRef(column, scope.path), selection.field.type, enum_names, is_checked)


def lower_reference(relation: ToOneField, selection: FieldSelection) -> PlanNode:
    """Lower a reference: the row is joined in, or read by a step beyond MAX_JOINS joins."""
    scope, target_column = selection.scope, get_referenced_column(relation.reference)
    table: Any = target_column.table
    reference = scope.column_ref(relation.reference)
    path = (*scope.path, reference.column)
    by_reference_fields = relation.visible_fields or Row.class_for(table).by_reference
    is_non_null = is_non_null_type(selection.field.type)
    if not scope.add_join(path):
        node = selection.lower_object(
            SelectionScope(table, by_reference_fields=by_reference_fields)
        )
        step = PlanStep(
            StepKind.ONE, node, make_query_spec_factory(build_reference_query_spec(table))
        )
        return ChildRows(step, reference, is_non_null=is_non_null)
    joined_scope = replace(scope, table=table, path=path, by_reference_fields=by_reference_fields)
    joined_object = selection.lower_object(joined_scope, is_non_null=is_non_null)
    return replace(
        joined_object,
        presence_column=_find_presence_column(joined_object, selection)
        or ColumnRef(target_column, path),
    )


def _find_presence_column(row: ResponseObject, selection: FieldSelection) -> ColumnRef | None:
    """Return a column of a joined row that is selected anyway and never null; None without one."""
    is_nullable = selection.lowering.installation.is_nullable
    column_refs = [field.column_ref for field in row.fields.values() if isinstance(field, Column)]
    path_length = len(selection.scope.path) + 1
    non_null_columns = [
        column_ref
        for column_ref in column_refs
        if len(column_ref.path) == path_length and not is_nullable(column_ref.column)
    ]
    return non_null_columns[0] if non_null_columns else None


def lower_child_list(relation: ToManyField, selection: FieldSelection) -> PlanNode:
    """Lower a list of child rows: a step."""
    node = selection.lower_object(SelectionScope(relation.reference.table))
    step = PlanStep(StepKind.MANY, node, make_query_spec_factory(relation.query_spec))
    return ChildRows(step, selection.scope.column_ref(get_referenced_column(relation.reference)))


def lower_first_child(relation: FirstRowField, selection: FieldSelection) -> PlanNode:
    """Lower the first of several child rows: a step."""
    node = selection.lower_object(SelectionScope(relation.reference.table))
    step = PlanStep(StepKind.ONE, node, make_query_spec_factory(relation.query_spec))
    return ChildRows(step, selection.scope.column_ref(get_referenced_column(relation.reference)))


def lower_computed_field(relation: ComputedField, selection: FieldSelection) -> PlanNode:
    """Lower a computed field: a call of its function."""
    return lower_function_call(relation.function, relation.inputs, selection, selection.scope)


def lower_function_call(
    function: Callable[..., Any],
    inputs: Iterable[ComputedInput | Expression],
    selection: FieldSelection,
    scope: SelectionScope,
) -> FunctionCall:
    """Return the call of a function; the columns among `inputs` belong to the row of `scope`."""
    lowered_inputs = tuple([_lower_input(input_, selection, scope) for input_ in inputs])
    fields = (
        lower_plain_values(selection.value_type, selection.details, selection.lowering)
        if is_composite_type(selection.value_type)
        else None
    )
    return FunctionCall(function, lowered_inputs, selection.field.type, fields)


def _lower_input(
    input_: ComputedInput | Expression, selection: FieldSelection, scope: SelectionScope
) -> ColumnRef | Expression | AggregateRef | ContextFact | ArgumentValue:
    if isinstance(input_, (ContextFact, Expression)):
        return input_
    if isinstance(input_, FieldArgument):
        return _lower_argument(input_, selection)
    if isinstance(input_, ColumnRef):
        return ColumnRef(input_.column, (*scope.path, *input_.path))
    if isinstance(input_, AggregateValue):
        return _lower_aggregate_value(input_, scope)
    return scope.column_ref(input_)


def _lower_argument(argument: FieldArgument, selection: FieldSelection) -> ArgumentValue:
    """Lower an argument of a computed field."""
    field_node = selection.details[0].node
    read_arguments = compile_arguments(selection.field, field_node)
    return ArgumentValue(
        memoise_without_variables(
            field_node,
            lambda variables: argument.parse_value(read_arguments(variables).get(argument.name)),
        )
    )


def _lower_aggregate_value(aggregate_value: AggregateValue, scope: SelectionScope) -> AggregateRef:
    """Lower a value of an aggregate; all values of an aggregate with the same key share a step."""
    key_column = scope.column_ref(aggregate_value.key_column)
    step = scope.aggregate_steps.get((aggregate_value.aggregate, key_column))
    if step is None:
        step = scope.aggregate_steps[aggregate_value.aggregate, key_column] = PlanStep(
            StepKind.AGGREGATE,
            query_spec_factory=make_query_spec_factory(aggregate_value.aggregate.query_spec),
        )
    expression: Expression = aggregate_value.aggregate.values[aggregate_value.value_name]
    if expression not in step.columns:
        step.columns.append(expression)
    return AggregateRef(step, step.columns.index(expression), key_column, aggregate_value.default)
