"""Problems as GraphQL types: members of the result unions of fields and mutations."""

import inspect
from typing import TypeAlias

import strawberry

from gateway.marketplace import problems
from gateway.schema.framework.publish import apply_docstrings, enum, object_type

apply_docstrings(
    problems.Problem,
    strawberry.interface(problems.Problem, description=inspect.getdoc(problems.Problem)),
)
enum(problems.Reason)
for problem_type in (
    problems.NotPermitted,
    problems.InvalidField,
    problems.InvalidInput,
    problems.RenewalRule,
    problems.InvalidMonths,
    problems.NotFound,
    problems.WrongState,
    problems.NotPossible,
    problems.Conflict,
    problems.Unavailable,
):
    object_type(problem_type)

CommonProblem: TypeAlias = (
    problems.NotFound
    | problems.NotPermitted
    | problems.WrongState
    | problems.NotPossible
    | problems.InvalidInput
    | problems.Conflict
    | problems.Unavailable
)
"""Problems that every mutation may return."""
