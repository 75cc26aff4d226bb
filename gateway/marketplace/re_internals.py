"""Parse trees of regular expressions, which the module `re` makes and does not document."""

import re
import warnings
from re._constants import LITERAL, NEGATE  # type: ignore[import-not-found]
from re._parser import parse  # type: ignore[import-not-found]
from typing import Any

__all__ = ["LITERAL", "NEGATE", "InvalidExpressionError", "parse_expression"]


class InvalidExpressionError(Exception):
    """A regular expression has an error, or is nested too deeply."""


def parse_expression(expression: str) -> tuple[Any, int]:
    """Return the parse tree of a regular expression, and its flags.

    Raises InvalidExpressionError if it can't be parsed.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = parse(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidExpressionError(str(error)) from error
    return tree, tree.state.flags
