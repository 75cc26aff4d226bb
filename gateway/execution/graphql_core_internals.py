"""The parts of graphql-core that are not documented, all imported here: parts of its execution.

A new version of graphql-core may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import Executor
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

__all__ = [
    "CollectedFields",
    "Executor",
    "FieldDetailsList",
    "VariableValueSource",
    "VariableValues",
    "collect_fields",
    "collect_subfields",
    "get_variable_signature",
]
