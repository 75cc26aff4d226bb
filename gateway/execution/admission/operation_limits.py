"""The limits of an operation, and the error for operations that exceed them."""

from dataclasses import dataclass
from typing import Protocol

from gateway.config.request_settings import RequestSettings
from gateway.error_table import ErrorKind

COST_FORMULA_VERSION = 2
"""The version of the cost formula (docs/cost.md); another formula has another version."""
MAX_PRINTED_NUMBER = 10**12
"""A larger number is not printed in full: fragments can multiply to hundreds of digits."""


@dataclass(frozen=True)
class OperationLimits:
    """The limits of each operation of a document, fragments counted where they are spread."""

    tokens: int = 2000
    """Tokens of the document."""
    depth: int = 25
    """Fields nested in each other."""
    aliases: int = 200
    directives: int = 50
    root_fields: int = 50
    selections: int = 10_000
    """Fields, fragment spreads and inline fragments."""
    filter_conditions: int = 200
    """Conditions and operands of all filters together, those in variables included."""
    cost: int = 250_000
    """Values that the response can have at most, by the cost formula."""


DEFAULT_LIMITS = OperationLimits()


def make_operation_limits(settings: RequestSettings) -> OperationLimits:
    """Return the limits of operations that the settings say."""
    return OperationLimits(
        tokens=settings.document_tokens,
        depth=settings.operation_depth,
        aliases=settings.operation_aliases,
        directives=settings.operation_directives,
        root_fields=settings.operation_root_fields,
        selections=settings.operation_selections,
        filter_conditions=settings.operation_conditions,
        cost=settings.operation_cost,
    )


class OperationTooComplexError(Exception):
    """An operation exceeds one of its limits."""

    error_kind = ErrorKind.QUERY_TOO_COMPLEX

    def __init__(self, message: str, cost: int | None = None) -> None:
        """Set the message, which names the limit and the value; `cost` if that is too high."""
        super().__init__(message)
        self.cost = cost


def format_number(number: int) -> str:
    """Return a number as it is printed in messages."""
    return str(number) if number <= MAX_PRINTED_NUMBER else f"more than {MAX_PRINTED_NUMBER}"


class StructuralSize(Protocol):
    """The sizes of an operation that its document decides."""

    fields: int
    depth: int
    aliases: int
    directives: int
    selections: int


def check_structure(size: StructuralSize, limits: OperationLimits) -> None:
    """Raise OperationTooComplexError if an operation exceeds a limit that needs no variables."""
    for value, limit, description in (
        (size.depth, limits.depth, "levels of nested fields"),
        (size.aliases, limits.aliases, "aliases"),
        (size.directives, limits.directives, "directives"),
        (size.fields, limits.root_fields, "root fields"),
        (size.selections, limits.selections, "selections, with fragments where they are spread"),
    ):
        if value > limit:
            raise OperationTooComplexError(
                f"The operation must have at most {limit} {description},"
                f" got {format_number(value)}."
            )


def check_sizes(cost: int, conditions: int, limits: OperationLimits) -> None:
    """Raise OperationTooComplexError if a request exceeds a limit that variables decide."""
    if conditions > limits.filter_conditions:
        raise OperationTooComplexError(
            f"The filters of the operation must have at most {limits.filter_conditions} conditions"
            f" together, got {format_number(conditions)}."
        )
    if cost > limits.cost:
        raise OperationTooComplexError(
            f"The cost of the operation must be at most {limits.cost}, got {format_number(cost)}:"
            " the values that its response can have. Select less, or use smaller pages.",
            cost,
        )


def build_cost_report(cost: int, limits: OperationLimits) -> dict[str, int]:
    """Return the cost of an operation as `extensions.cost` reports it."""
    return {"requested": cost, "maximum": limits.cost, "formulaVersion": COST_FORMULA_VERSION}
