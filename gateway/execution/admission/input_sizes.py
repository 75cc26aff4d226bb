"""Sizes of inputs: what a page size, a list or a filter in variables adds to an operation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)

from gateway.execution.admission.size_formula import (
    ZERO,
    FormulaSymbol,
    LinearExpression,
    SymbolTable,
    Variables,
)
from gateway.schema.framework.page_request import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

Arguments = Mapping[str, ValueNode]
"""The arguments of a field by name."""
OPERAND_LISTS, NEGATION = ("and", "or"), "not"
"""The fields of filters that hold other filters."""


@dataclass(frozen=True)
class PageSize:
    """The size of a page whose `first` or `last` is a variable, by name, or a number."""

    first: str | int | None
    last: str | int | None

    def compute_value(self, variables: Variables, _values: Sequence[int] = ()) -> int:
        """Return the number of rows; an invalid size counts like none: its field has an error."""
        size = _read_source(self.last, variables)
        if size is None:
            size = _read_source(self.first, variables)
        return int(size) if is_page_size(size) else DEFAULT_PAGE_SIZE


def _read_source(source: str | int | None, variables: Variables) -> Any:
    return variables.get(source) if isinstance(source, str) else source


def is_page_size(value: Any) -> bool:
    """Return whether a value is a valid page size; GraphQL accepts 20.0 as an integer."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and 0 <= value <= MAX_PAGE_SIZE
    )


def measure_page(arguments: Arguments) -> int | FormulaSymbol:
    """Return the page size that `first` and `last` ask for; a symbol if a variable decides it."""
    size = PageSize(*[_get_page_argument(arguments.get(name)) for name in ("first", "last")])
    has_variable = isinstance(size.first, str) or isinstance(size.last, str)
    return size if has_variable else size.compute_value({})


def _get_page_argument(node: ValueNode | None) -> str | int | None:
    if isinstance(node, VariableNode):
        return node.name.value
    is_short = isinstance(node, IntValueNode) and len(node.value) <= len(str(MAX_PAGE_SIZE))
    return int(node.value) if is_short else None  # type: ignore[union-attr]


@dataclass(frozen=True)
class ListLength:
    """The length of a list in a variable, or of one in a field of a variable."""

    variable: str
    field: str | None = None

    def compute_value(self, variables: Variables, _values: Sequence[int] = ()) -> int:
        """Return the number of items; another value becomes a list of one item."""
        value = variables.get(self.variable)
        if self.field is not None:
            value = value.get(self.field) if isinstance(value, dict) else None
        return len(value) if isinstance(value, list) else int(value is not None)


def measure_list(node: ValueNode | None) -> int | FormulaSymbol:
    """Return the length of a list argument; a symbol if it is a variable."""
    if isinstance(node, VariableNode):
        return ListLength(node.name.value)
    return len(node.values) if isinstance(node, ListValueNode) else 1


def measure_list_field(node: ValueNode | None, name: str) -> int | FormulaSymbol:
    """Return the length of a list in a field of an argument; a symbol if a variable decides it."""
    if isinstance(node, VariableNode):
        return ListLength(node.name.value, name)
    input_fields = node.fields if isinstance(node, ObjectValueNode) else ()
    return measure_list(next((e.value for e in input_fields if e.name.value == name), None))


@dataclass(frozen=True)
class Presence:
    """Whether a variable has a value."""

    variable: str

    def compute_value(self, variables: Variables, _values: Sequence[int] = ()) -> int:
        """Return 1 if it has a value, 0 if it is missing or null."""
        return int(variables.get(self.variable) is not None)


def measure_presence(node: ValueNode | None) -> int | FormulaSymbol:
    """Return 1 for an argument that has a value, else 0; a symbol if it is a variable."""
    if isinstance(node, VariableNode):
        return Presence(node.name.value)
    return int(node is not None and not isinstance(node, NullValueNode))


@dataclass(frozen=True)
class EntryCount:
    """The number of conditions in a variable that is the value of a filter's field."""

    variable: str

    def compute_value(self, variables: Variables, _values: Sequence[int] = ()) -> int:
        """Return the number of entries of an object, at least 1, and 1 for other values."""
        return _count_entries(variables.get(self.variable))


def _count_entries(value: Any) -> int:
    return max(1, len(value)) if isinstance(value, dict) else 1


@dataclass(frozen=True)
class ConditionCount:
    """The number of conditions in a variable that is a filter, or the operands of one."""

    variable: str
    is_operand: bool
    max_conditions: int
    """The number beyond which no more are counted."""

    def compute_value(self, variables: Variables, _values: Sequence[int] = ()) -> int:
        """Return the number of conditions."""
        count = 0
        for conditions in _iterate_conditions(variables.get(self.variable), self.is_operand):
            count += conditions
            if count > self.max_conditions:
                break
        return count


def _iterate_conditions(value: Any, is_operand: bool) -> Iterator[int]:  # noqa: FBT001 - an item of a stack
    """Yield the numbers of conditions in a raw filter, one level after another."""
    stack = [(value, is_operand)]
    while stack:
        filter_value, counts_itself = stack.pop()
        operands = filter_value if isinstance(filter_value, list) else [filter_value]
        yield len(operands) if counts_itself and filter_value is not None else 0
        for operand in operands:
            if isinstance(operand, dict):
                own_conditions = [name for name, each in operand.items() if each is not None]
                nested = [name for name in own_conditions if name in (*OPERAND_LISTS, NEGATION)]
                stack += [(operand[name], True) for name in nested]
                yield sum(
                    [_count_entries(operand[name]) for name in own_conditions if name not in nested]
                )


def measure_filter(
    node: ValueNode | None, symbols: SymbolTable, max_conditions: int, *, is_operand: bool = False
) -> LinearExpression:
    """Return the number of conditions of a filter, or of the operands of one."""
    if node is None or isinstance(node, NullValueNode):
        return ZERO
    if isinstance(node, VariableNode):
        count = ConditionCount(node.name.value, is_operand, max_conditions)
        return LinearExpression(0, {symbols.add_input(count): 1})
    operands = node.values if isinstance(node, ListValueNode) else (node,)
    total = ZERO
    for operand in operands:
        is_nested_variable = is_operand and isinstance(operand, VariableNode)
        if is_nested_variable:
            total += measure_filter(operand, symbols, max_conditions, is_operand=True)
        else:
            total = total.add_constant(int(is_operand)) + _measure_filter_fields(
                operand, symbols, max_conditions
            )
    return total


def _measure_filter_fields(
    node: ValueNode, symbols: SymbolTable, max_conditions: int
) -> LinearExpression:
    total = ZERO
    for field in node.fields if isinstance(node, ObjectValueNode) else ():
        if field.name.value in (*OPERAND_LISTS, NEGATION):
            total += measure_filter(field.value, symbols, max_conditions, is_operand=True)
        elif isinstance(field.value, VariableNode):
            symbol = symbols.add_input(EntryCount(field.value.name.value))
            total += LinearExpression(0, {symbol: 1})
        elif isinstance(field.value, ObjectValueNode):
            total = total.add_constant(max(1, len(field.value.fields)))
        elif not isinstance(field.value, NullValueNode):
            total = total.add_constant(1)
    return total
