"""The cache of compiled plans; the least recently used are evicted."""

import logging
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from gateway.db.installation.installation import Installation
from gateway.execution.document_cache import MAX_CACHED_DOCUMENT_CHARS, ParsedDocument
from gateway.execution.plan.errors import NeverPlannedError, NotPlannedError
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.planner.compile import compile_plan

log = logging.getLogger(__name__)
MAX_CACHED_PLANS = 500
MAX_CACHED_STEPS = 5_000
"""The steps of all cached plans together, which bounds the memory that plans take."""
MISSING_VARIABLE = object()
"""The cache key's value for a variable that the request does not contain."""


class PlanCache:
    """The plans of one schema, by document, operation and directive values.

    A plan holds for all values of the variables but those of @skip and @include,
    which decide what is selected; so these are part of the key. That a document
    can't be compiled is cached, too, as None.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._cached_plans: OrderedDict[Hashable, ExecutionPlan | None] = OrderedDict()
        self._cached_steps = 0

    def get_plan(
        self,
        text: str,
        document: ParsedDocument,
        installation: Installation,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> ExecutionPlan | None:
        """Return the plan of an operation, compiled on first use.

        None if the document can't be compiled, for a reason that is logged, or if
        the client made a mistake, such as a directive's variable that is not a Boolean.
        """
        if len(text) > MAX_CACHED_DOCUMENT_CHARS:
            log.info(
                "Not compiled: more than %d characters: %.200r", MAX_CACHED_DOCUMENT_CHARS, text
            )
            return None
        directive_values = _get_directive_values(document, variables or {})
        if directive_values is None:
            return None
        cache_key = text, operation_name, directive_values
        if cache_key in self._cached_plans:
            self._cached_plans.move_to_end(cache_key)
            return self._cached_plans[cache_key]
        assert document.ast is not None
        plan = None
        try:
            plan = compile_plan(self._schema, document.ast, installation, variables, operation_name)
        except GraphQLError:
            return None
        except NotPlannedError as error:
            level = logging.DEBUG if isinstance(error, NeverPlannedError) else logging.WARNING
            log.log(level, "Not compiled: %s: %.200r", error, text)
        self._store_plan(cache_key, plan)
        return plan

    def _store_plan(self, cache_key: Hashable, plan: ExecutionPlan | None) -> None:
        self._cached_plans[cache_key] = plan
        self._cached_steps += _count_steps(plan)
        while len(self._cached_plans) > MAX_CACHED_PLANS or self._cached_steps > MAX_CACHED_STEPS:
            _, evicted_plan = self._cached_plans.popitem(last=False)
            self._cached_steps -= _count_steps(evicted_plan)


def _get_directive_values(
    document: ParsedDocument, variables: dict[str, Any]
) -> tuple[object, ...] | None:
    """Return the values of the directives' variables; None if one of them is not a Boolean."""
    values = tuple([variables.get(each, MISSING_VARIABLE) for each in document.directive_variables])
    is_valid = all(each is True or each is False or each is MISSING_VARIABLE for each in values)
    return values if is_valid else None


def _count_steps(plan: ExecutionPlan | None) -> int:
    return 0 if plan is None else len(plan.steps)
