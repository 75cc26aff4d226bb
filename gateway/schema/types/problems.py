"""Problems as clients read them: members of the unions that fields and mutations give."""

import inspect
from typing import TypeAlias

import strawberry

from gateway.marketplace import problems
from gateway.schema.framework.publish import describe, named, published

describe(
    problems.Problem,
    strawberry.interface(problems.Problem, description=inspect.getdoc(problems.Problem)),
)
named(problems.Reason)
for each in (
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
    published(each)

Usual: TypeAlias = (
    problems.NotFound
    | problems.NotPermitted
    | problems.WrongState
    | problems.NotPossible
    | problems.InvalidInput
    | problems.Conflict
    | problems.Unavailable
)
"""What every change can meet."""
