"""Sizes of an operation as formulas of its variables: compiled once, evaluated for each request.

A size is a sum of products. Sizes that no variable decides are plain numbers. The others are
linear expressions of symbols, and a symbol is the size of an input, such as a page, or the product
of such a size and another expression. For

    query($n: Int) { resources(first: $n) { nodes { name offering { plans { name } } } } }

the cost is 1 + s0 * 14: the symbol s0 is the page size that `$n` asks for, or 20 without a value.
Each symbol is defined once, by symbols before it, so that a formula is never longer than the
document, however often its fragments are spread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Variables = Mapping[str, Any]
"""The raw values of a request's variables, and the operation's defaults for missing ones."""


class FormulaSymbol(Protocol):
    """A symbol of a formula."""

    def compute_value(self, variables: Variables, values: Sequence[int]) -> int:
        """Return the symbol's value; `values` has those of all symbols before it."""


@dataclass(frozen=True)
class LinearExpression:
    """A sum of a constant and of symbols with coefficients."""

    constant: int = 0
    coefficients: Mapping[int, int] = field(default_factory=dict)
    """The coefficients by the index of their symbol."""

    def __add__(self, other: "LinearExpression") -> "LinearExpression":
        if not other.coefficients:
            return LinearExpression(self.constant + other.constant, self.coefficients)
        coefficients = dict(self.coefficients)
        for symbol, coefficient in other.coefficients.items():
            coefficients[symbol] = coefficients.get(symbol, 0) + coefficient
        return LinearExpression(self.constant + other.constant, coefficients)

    def add_constant(self, constant: int) -> "LinearExpression":
        """Return the sum of the expression and a constant."""
        return LinearExpression(self.constant + constant, self.coefficients)

    def multiply_by(self, factor: int) -> "LinearExpression":
        """Return the product of the expression and a number."""
        coefficients = {symbol: each * factor for symbol, each in self.coefficients.items()}
        return LinearExpression(self.constant * factor, coefficients)

    def compute_value(self, _variables: Variables, values: Sequence[int]) -> int:
        """Return the expression's value for the `values` of the symbols."""
        return self.constant + sum(
            [coefficient * values[symbol] for symbol, coefficient in self.coefficients.items()]
        )


ZERO = LinearExpression()


@dataclass(frozen=True)
class SymbolProduct:
    """The product of an input's size and an expression."""

    symbol: int
    expression: LinearExpression

    def compute_value(self, variables: Variables, values: Sequence[int]) -> int:
        """Return the product."""
        return values[self.symbol] * self.expression.compute_value(variables, values)


class SymbolTable:
    """The symbols of all formulas of one document, each after those that it depends on."""

    def __init__(self) -> None:
        self._symbols: list[FormulaSymbol] = []
        self._input_indexes: dict[FormulaSymbol, int] = {}

    def add_input(self, input_size: FormulaSymbol) -> int:
        """Return the index of the symbol for the size of an input; equal inputs share one."""
        if input_size not in self._input_indexes:
            self._input_indexes[input_size] = self._add_symbol(input_size)
        return self._input_indexes[input_size]

    def multiply_by_size(
        self, expression: LinearExpression, factor: int | FormulaSymbol
    ) -> LinearExpression:
        """Return the product of an expression and a number, or the size of an input."""
        if isinstance(factor, int):
            return expression.multiply_by(factor)
        symbol = self.add_input(factor)
        if not expression.coefficients:
            return LinearExpression(0, {symbol: expression.constant})
        return LinearExpression(0, {self._add_symbol(SymbolProduct(symbol, expression)): 1})

    def shorten_expression(self, expression: LinearExpression) -> LinearExpression:
        """Return an equal expression with at most one symbol."""
        if len(expression.coefficients) <= 1:
            return expression
        return LinearExpression(0, {self._add_symbol(expression): 1})

    def compute_values(self, variables: Variables) -> list[int]:
        """Return the values of all symbols for a request's variables."""
        values: list[int] = []
        for symbol in self._symbols:
            values.append(symbol.compute_value(variables, values))
        return values

    def _add_symbol(self, symbol: FormulaSymbol) -> int:
        self._symbols.append(symbol)
        return len(self._symbols) - 1
