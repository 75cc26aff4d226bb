"""The plans of documents; those used last are kept."""

import logging
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from gateway.db.installation.installation import Installation
from gateway.execution.document_cache import MAX_CACHED_DOCUMENT_CHARS, ParsedDocument
from gateway.execution.plan.errors import NotPlannedError, NotQueryError
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.planner.compile import compile_plan

log = logging.getLogger(__name__)
MAX_CACHED_PLANS, MAX_CACHED_STEPS = 500, 5_000
"""So many plans are kept, and together so many steps."""
MISSING_VARIABLE = object()
"""Stands for a variable that is not given."""


class PlanCache:
    """Makes plans for one schema, once for each operation and what its variables select."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Make plans for `schema`."""
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
        """Give the plan of a document; None, for a reason that is logged, if there is none.

        None, too, if the client made a mistake.
        """
        if len(text) > MAX_CACHED_DOCUMENT_CHARS:
            log.info("There is no plan for a document as long as this: %.200r", text)
            return None
        raw_variables = variables or {}
        directive_values = tuple(
            [
                raw_variables.get(variable, MISSING_VARIABLE)
                for variable in document.directive_variables
            ]
        )
        if not all(
            variable is True or variable is False or variable is MISSING_VARIABLE
            for variable in directive_values
        ):
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
            level = logging.DEBUG if isinstance(error, NotQueryError) else logging.WARNING
            log.log(level, "There is no plan for %s: %.200r", error, text)
        self._store_plan(cache_key, plan)
        return plan

    def _store_plan(self, cache_key: Hashable, plan: ExecutionPlan | None) -> None:
        self._cached_plans[cache_key] = plan
        self._cached_steps += _count_steps(plan)
        while len(self._cached_plans) > MAX_CACHED_PLANS or self._cached_steps > MAX_CACHED_STEPS:
            _, evicted_plan = self._cached_plans.popitem(last=False)
            self._cached_steps -= _count_steps(evicted_plan)


def _count_steps(plan: ExecutionPlan | None) -> int:
    return 0 if plan is None else len(plan.steps)
