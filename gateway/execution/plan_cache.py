"""The cache of compiled plans, bounded by bytes; the least recently used are evicted."""

import logging
from collections.abc import Hashable
from functools import partial
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from gateway.db.installation.installation import Installation
from gateway.execution.document_cache import ParsedDocument
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.plan.errors import NeverPlannedError, NotPlannedError
from gateway.execution.plan.nodes import PlanStep
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.planner.compile import compile_plan
from gateway.fairness.bounded_cache import BoundedCache
from gateway.fairness.build_worker import BuildWorker
from gateway.schema.framework.context import RequestContext

log = logging.getLogger(__name__)
DEFAULT_PLAN_BYTES = 24_000_000
"""Maximum size of the cached plans, with the statements that they remember, estimated."""
MISSING_VARIABLE = object()
"""The cache key's value for a variable that the request does not contain."""
NOT_BUILT: Any = object()
"""What the cache returns for a plan that has not been built."""
BYTES_PER_PLAN, BYTES_PER_STEP, BYTES_PER_CODE_CHAR = 3_000, 4_000, 8
"""What a plan takes, measured: at least, and for its steps and their code."""
BYTES_PER_TEXT_CHAR, BYTES_PER_TOKEN = 4, 550
"""What the document adds: its text is the key, and its tokens become nodes."""


class PlanCache:
    """The plans of one schema, by document, operation, directive values and installation.

    A plan holds for all values of the variables but those of @skip and @include,
    which decide what is selected; so these are part of the key. So is the installation,
    which is exchanged when the database's tables change (`InstallationMonitor`): requests
    that run then go on with plans for the earlier one. That a document can't be compiled
    is cached, too, as None.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        build_worker: BuildWorker,
        *,
        max_bytes: int = DEFAULT_PLAN_BYTES,
    ) -> None:
        """Keep plans of about `max_bytes` bytes; build them in the worker's thread."""
        self._schema, self._build_worker = schema, build_worker
        self.cached_plans: BoundedCache[Hashable, ExecutionPlan | None] = BoundedCache(max_bytes)
        """The plans, with sizes that are estimated."""

    def find_plan(
        self,
        document: ParsedDocument,
        graphql_request: GraphQLRequest,
        installation: Installation,
    ) -> ExecutionPlan | None:
        """Return the plan of an operation, NOT_BUILT if it is not cached.

        None if the document can't be compiled, for a reason that is logged, or if
        the client made a mistake, such as a directive's variable that is not a Boolean.
        """
        cache_key = _make_cache_key(document, graphql_request, installation)
        return None if cache_key is None else self.cached_plans.find_value(cache_key, NOT_BUILT)

    async def build_plan(
        self, document: ParsedDocument, graphql_request: GraphQLRequest, context: RequestContext
    ) -> ExecutionPlan | None:
        """Build the plan of an operation, in a turn of the viewer; None as by `find_plan`."""
        installation = context.statement_compiler.installation
        cache_key = _make_cache_key(document, graphql_request, installation)
        work = partial(self._compile_plan, document, graphql_request, installation)
        try:
            plan = await self._build_worker.run_job(context.viewer.user_id, cache_key, work)
        except GraphQLError:
            return None
        self._build_worker.count_builds(1 if plan is None else 1 + len(plan.steps))
        if self.cached_plans.find_value(cache_key, NOT_BUILT) is NOT_BUILT:
            size = _estimate_document_bytes(document, graphql_request.query)
            self._store_plan(cache_key, plan, size)
        return plan

    def forget_plans(self) -> None:
        """Remove all plans, because their installation is no longer that of new requests."""
        self.cached_plans.clear_values()

    def _compile_plan(
        self,
        document: ParsedDocument,
        graphql_request: GraphQLRequest,
        installation: Installation,
    ) -> ExecutionPlan | None:
        assert document.ast is not None
        variables, operation_name = graphql_request.variables, graphql_request.operation_name
        try:
            return compile_plan(self._schema, document.ast, installation, variables, operation_name)
        except NotPlannedError as error:
            level = logging.DEBUG if isinstance(error, NeverPlannedError) else logging.WARNING
            log.log(level, "Not compiled: %s: %.200r", error, graphql_request.query)
            return None

    def _store_plan(self, cache_key: Hashable, plan: ExecutionPlan | None, size: int) -> None:
        if plan is not None:
            size += sum(_estimate_step_bytes(step) for step in plan.steps)
            plan.on_growth = partial(self.cached_plans.grow_value, cache_key)
        self.cached_plans.store_value(cache_key, plan, size)


def _estimate_document_bytes(document: ParsedDocument, text: str) -> int:
    assert document.ast is not None
    tokens = document.ast.token_count or len(text)  # a rewritten document counts no tokens
    return BYTES_PER_PLAN + BYTES_PER_TEXT_CHAR * len(text) + BYTES_PER_TOKEN * tokens


def _estimate_step_bytes(step: PlanStep) -> int:
    return BYTES_PER_STEP + BYTES_PER_CODE_CHAR * len(step.source_code)


def _make_cache_key(
    document: ParsedDocument, graphql_request: GraphQLRequest, installation: Installation
) -> Hashable:
    """Return the key of an operation's plan; None if a directive's variable is not a Boolean."""
    directive_values = _get_directive_values(document, graphql_request.variables or {})
    if directive_values is None:
        return None
    return graphql_request.query, graphql_request.operation_name, directive_values, installation


def _get_directive_values(
    document: ParsedDocument, variables: dict[str, Any]
) -> tuple[object, ...] | None:
    """Return the values of the directives' variables; None if one of them is not a Boolean."""
    values = tuple([variables.get(each, MISSING_VARIABLE) for each in document.directive_variables])
    is_valid = all(each is True or each is False or each is MISSING_VARIABLE for each in values)
    return values if is_valid else None
