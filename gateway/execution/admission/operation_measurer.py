"""The size and cost of a document's operations, measured in one pass.

The pass visits each operation and each fragment once, before validation. A fragment's size depends
only on its type, so it is measured once and added wherever the fragment is spread: a document
whose fragments spread each other twice, 26 levels deep, is as quick to measure as any other of its
length. What depends on variables is a formula (`size_formula`). Fields, types and fragments that do
not exist are only counted: validation rejects the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    value_from_ast_untyped,
)

from gateway.execution.admission.input_sizes import (
    Arguments,
    measure_filter,
    measure_list,
    measure_list_field,
    measure_page,
    measure_presence,
)
from gateway.execution.admission.introspection_size import IntrospectionSizer, is_object_list
from gateway.execution.admission.operation_limits import OperationLimits
from gateway.execution.admission.size_formula import (
    ZERO,
    FormulaSymbol,
    LinearExpression,
    SymbolTable,
    Variables,
)

MAX_NESTING = 200
"""Selection sets nested in each other, fragments included."""
SHORT_LIST_LENGTH = 5
"""The assumed length of a list that has no pages, such as an offering's plans."""
FILTER_ARGUMENT, IDS_ARGUMENT, PAGE_ARGUMENT = "filter", "ids", "first"
INPUT_ARGUMENT, UUIDS_FIELD = "input", "uuids"
"""The argument of mutations, and its list in those of many objects."""
INTROSPECTION_FIELDS = ("__schema", "__type")
TYPE_NAME_FIELDS = frozenset({"name", "kind", "__typename"})
"""The fields of `__Type` that tell no more than that a type exists."""


MUTATION_COST = 100
"""What a root field of a mutation costs in addition to its response.

One of many objects costs as much for each of them, too.
"""
COUNT_COST, SEARCH_COST, CONDITION_COST = 100, 500, 100
"""What a `totalCount`, a search and each condition of a filter cost in addition: they read tables.

Pages do not multiply it: a statement reads the lists of all rows.
"""
COUNT_FIELD, SEARCH_ARGUMENT = "totalCount", "query"
INTROSPECTION_COST = 10
"""What a value of introspection costs: resolvers return it, not a compiled plan."""


class UnmeasurableDocumentError(Exception):
    """The document can't be measured."""


class FragmentCycleError(UnmeasurableDocumentError):
    """A fragment spreads itself: the document is invalid."""


class NestedTooDeeplyError(UnmeasurableDocumentError):
    """Selection sets are nested too deeply."""


@dataclass
class SelectionMeasure:
    """The size of a selection set with all that is selected in it."""

    fields: int = 0
    """Fields of the selection set itself, with those of its fragments."""
    depth: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0
    conditions: LinearExpression = ZERO
    cost: LinearExpression = ZERO
    row_cost: LinearExpression = ZERO
    """Of a connection's selection set, the cost of each row of the page."""
    scans: LinearExpression = ZERO
    """What its counts and searches cost in addition."""
    reads_schema: bool = False
    """Whether it selects what introspection tells about types."""

    def add_measure(self, other: "SelectionMeasure") -> None:
        """Add the size of a fragment's selection set."""
        self.fields += other.fields
        self.depth = max(self.depth, other.depth)
        self.row_cost += other.row_cost
        self.add_nested(other, other.cost)

    def add_nested(self, other: "SelectionMeasure", cost: LinearExpression) -> None:
        """Add what counts wherever it is: the size of a nested selection set, and its cost."""
        self.selections += other.selections
        self.aliases += other.aliases
        self.directives += other.directives
        self.conditions += other.conditions
        self.scans += other.scans
        self.cost += cost
        self.reads_schema |= other.reads_schema


@dataclass(frozen=True)
class OperationMeasure:
    """The size of an operation."""

    selection: SelectionMeasure
    symbols: SymbolTable
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """The default values of its variables."""
    is_introspection: bool = False
    """Whether its response depends on nothing but the schema and the variables."""

    def compute_sizes(self, variables: Variables | None) -> tuple[int, int]:
        """Return the cost and the number of filter conditions of a request."""
        cost, conditions = self.selection.cost, self.selection.conditions
        if not cost.coefficients and not conditions.coefficients:
            return cost.constant, conditions.constant
        values_by_name = {**self.defaults, **(variables or {})}
        values = self.symbols.compute_values(values_by_name)
        return (
            cost.compute_value(values_by_name, values),
            conditions.compute_value(values_by_name, values),
        )


class OperationMeasurer:
    """Measurer of the operations of one document."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, limits: OperationLimits
    ) -> None:
        self._schema, self._limits = schema, limits
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._fragment_measures: dict[str, SelectionMeasure] = {}
        self._open_fragments: set[str] = set()
        self._symbols, self._nesting = SymbolTable(), 0
        self._introspection_sizer = IntrospectionSizer(
            schema, self._fragments, limits.cost // INTROSPECTION_COST
        )

    def measure_operation(self, node: OperationDefinitionNode) -> OperationMeasure:
        """Return the size of an operation. Raises UnmeasurableDocumentError."""
        root_type = self._schema.get_root_type(node.operation)
        measure = self._measure_selection_set(node.selection_set, root_type)
        measure.cost += measure.scans + measure.conditions.multiply_by(CONDITION_COST)
        definitions = node.variable_definitions or ()
        measure.directives += len(node.directives or ())
        measure.directives += sum(len(each.directives or ()) for each in definitions)
        if node.operation is OperationType.MUTATION:
            measure.cost = measure.cost.add_constant(MUTATION_COST * measure.fields)
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in definitions
            if each.default_value
        }
        return OperationMeasure(measure, self._symbols, defaults, self._is_introspection(node))

    def _measure_selection_set(self, node: SelectionSetNode, parent_type: Any) -> SelectionMeasure:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise NestedTooDeeplyError
        measure = SelectionMeasure()
        for selection in node.selections:
            measure.selections += 1
            measure.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                self._add_field(measure, selection, parent_type)
            else:
                measure.add_measure(self._measure_fragment(selection, parent_type))
        self._nesting -= 1
        return measure

    def _measure_fragment(self, node: SelectionNode, parent_type: Any) -> SelectionMeasure:
        """Return the size of an inline fragment, or of the fragment that is spread."""
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            type_ = parent_type if condition is None else self._get_type(condition.name.value)
            return self._measure_selection_set(node.selection_set, type_)
        assert isinstance(node, FragmentSpreadNode)
        name = node.name.value
        if name not in self._fragments:
            return SelectionMeasure()
        measure = self._fragment_measures.get(name)
        if measure is None:
            if name in self._open_fragments:
                raise FragmentCycleError
            self._open_fragments.add(name)
            measure = self._measure_definition(self._fragments[name])
            self._fragment_measures[name] = measure
        return measure

    def _measure_definition(self, node: FragmentDefinitionNode) -> SelectionMeasure:
        type_ = self._get_type(node.type_condition.name.value)
        measure = self._measure_selection_set(node.selection_set, type_)
        measure.directives += len(node.directives or ())
        measure.cost = self._symbols.shorten_expression(measure.cost)
        measure.row_cost = self._symbols.shorten_expression(measure.row_cost)
        measure.conditions = self._symbols.shorten_expression(measure.conditions)
        measure.scans = self._symbols.shorten_expression(measure.scans)
        return measure

    def _add_field(self, measure: SelectionMeasure, node: FieldNode, parent_type: Any) -> None:
        name, field_definition = node.name.value, self._find_field(parent_type, node)
        measure.fields += 1
        measure.aliases += node.alias is not None
        measure.reads_schema |= _reads_schema(parent_type, name)
        arguments = {each.name.value: each.value for each in node.arguments or ()}
        inner = SelectionMeasure()
        if node.selection_set is not None:
            inner_type = field_definition and get_named_type(field_definition.type)
            inner = self._measure_selection_set(node.selection_set, inner_type)
        measure.depth = max(measure.depth, inner.depth + 1)
        measure.conditions += measure_filter(
            arguments.get(FILTER_ARGUMENT), self._symbols, self._limits.filter_conditions
        )
        measure.scans += self._price_scan(name, arguments)
        if name in INTROSPECTION_FIELDS:
            size = self._introspection_sizer.measure_field(node, arguments)
            measure.add_nested(inner, LinearExpression(INTROSPECTION_COST * size))
        elif _is_page_rows(parent_type, field_definition):
            measure.add_nested(inner, ZERO)
            measure.row_cost += inner.cost.add_constant(1)
        else:
            measure.add_nested(inner, self._price_field(field_definition, inner, arguments))

    def _price_field(
        self, field_definition: GraphQLField | None, inner: SelectionMeasure, arguments: Arguments
    ) -> LinearExpression:
        """Return the cost of a field: 1, and that of its rows."""
        if field_definition is None:
            return inner.cost.add_constant(1)
        if PAGE_ARGUMENT in field_definition.args:
            rows = self._symbols.multiply_by_size(inner.row_cost, measure_page(arguments))
            return (inner.cost + rows).add_constant(1)
        if not is_object_list(field_definition):
            return inner.cost.add_constant(1)
        item_cost, length = inner.cost, _measure_length(field_definition, arguments)
        if INPUT_ARGUMENT in field_definition.args:
            item_cost = item_cost.add_constant(MUTATION_COST)
        return self._symbols.multiply_by_size(item_cost, length).add_constant(1)

    def _price_scan(self, name: str, arguments: Arguments) -> LinearExpression:
        """Return what a field costs in addition if it is a count, or a list with a search."""
        if name == COUNT_FIELD:
            return LinearExpression(COUNT_COST)
        search_count = measure_presence(arguments.get(SEARCH_ARGUMENT))
        return self._symbols.multiply_by_size(LinearExpression(SEARCH_COST), search_count)

    def _find_field(self, parent_type: Any, node: FieldNode) -> GraphQLField | None:
        return (
            self._schema.get_field(parent_type, node.name.value)
            if is_composite_type(parent_type)
            else None
        )

    def _get_type(self, name: str) -> Any:
        return self._schema.type_map.get(name)

    def _is_introspection(self, node: OperationDefinitionNode) -> bool:
        """Return whether all root fields are introspection, without fragments."""
        names = [
            each.name.value for each in node.selection_set.selections if isinstance(each, FieldNode)
        ]
        return len(names) == len(node.selection_set.selections) and all(
            each in INTROSPECTION_FIELDS for each in names
        )


def _reads_schema(parent_type: Any, name: str) -> bool:
    """Return whether a field tells about the schema more than that a type exists."""
    return name == "__schema" or (
        getattr(parent_type, "name", None) == "__Type" and name not in TYPE_NAME_FIELDS
    )


def _measure_length(field_definition: GraphQLField, arguments: Arguments) -> int | FormulaSymbol:
    """Return the length of a list without pages."""
    if IDS_ARGUMENT in field_definition.args:
        return measure_list(arguments.get(IDS_ARGUMENT))
    if INPUT_ARGUMENT in field_definition.args:
        return measure_list_field(arguments.get(INPUT_ARGUMENT), UUIDS_FIELD)
    return SHORT_LIST_LENGTH


def _is_page_rows(parent_type: Any, field_definition: GraphQLField | None) -> bool:
    """Return whether a field holds the rows of a page: `nodes` or `edges` of a connection."""
    return (
        field_definition is not None
        and parent_type.name.endswith("Connection")
        and is_object_list(field_definition)
    )
