"""Problems as clients read them: members of the unions that fields and mutations give."""

import inspect

import strawberry

from gateway.marketplace import problems
from gateway.schema.published import describe, published

describe(
    problems.Problem,
    strawberry.interface(problems.Problem, description=inspect.getdoc(problems.Problem)),
)
for each in (
    problems.NotPermitted,
    problems.InvalidField,
    problems.InvalidInput,
    problems.RenewalRule,
    problems.InvalidMonths,
):
    published(each)
