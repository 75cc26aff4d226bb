"""The parts of graphql-core that are not documented, all imported here.

A new version of graphql-core may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import Executor
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.pyutils.suggestion_list import suggestion_list
from graphql.type import definition as type_definition
from graphql.validation import validation_context
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

__all__ = [
    "CollectedFields",
    "Executor",
    "FieldDetailsList",
    "ValidationAbortedError",
    "VariableValueSource",
    "VariableValues",
    "collect_fields",
    "collect_subfields",
    "get_variable_signature",
    "limit_validation_work",
    "suggest_enum_values",
]


def _suggest_nothing(input_: str, options: Collection[str]) -> list[str]:  # noqa: ARG001 - its signature
    """Replace graphql-core's search for similar names."""
    return []


type_definition.suggestion_list = _suggest_nothing  # type: ignore[attr-defined]
"""Coercing an invalid enum value compares it with all values, also where no error is shown."""


@contextmanager
def suggest_enum_values() -> Iterator[None]:
    """Suggest similar enum values in the messages of errors; the body must not await."""
    type_definition.suggestion_list = suggestion_list  # type: ignore[attr-defined]
    try:
        yield
    finally:
        type_definition.suggestion_list = _suggest_nothing  # type: ignore[attr-defined]


def limit_validation_work(overlap_work: int, fragment_work: int) -> None:
    """Set how much validation may compare before it gives up, in graphql-core's units."""
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = overlap_work
    validation_context.MAX_FRAGMENT_WORK = fragment_work
