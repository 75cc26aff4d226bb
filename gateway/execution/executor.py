"""Answering requests: by a plan where there is one, by the reference for all else."""

import logging
from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import Any

import msgspec
import strawberry
from graphql import ExecutionResult, GraphQLError, GraphQLSchema

from gateway.db.driver.database import TimedOutError, UnavailableError
from gateway.execution.document_cache import DocumentCache, ParsedDocument
from gateway.execution.errors import ErrorCode, format_errors, make_request_error
from gateway.execution.graphql_core import execute_with_graphql_core, with_unavailable_database
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.plan.serializers import by_response_key
from gateway.execution.plan_cache import PlanCache
from gateway.execution.runtime.run import run_plan
from gateway.execution.subscription import (
    PreparedSubscription,
    SubscriptionEvent,
    is_subscription,
    prepare_subscription,
)
from gateway.schema.framework.context import AnswerTooLargeError, RequestContext

log = logging.getLogger(__name__)
encode_json = msgspec.json.Encoder().encode
SUBSCRIPTION_TRANSPORT_HINT = (
    "Subscribe over a WebSocket, or accept text/event-stream or multipart/mixed."
)
MAX_PLAN_FAILURES, PLAN_DISABLED_SECONDS = 5, 60
"""A plan that met so many surprises in a row is not used for so many seconds."""


@dataclass(frozen=True)
class GraphQLResult:
    """A GraphQL response."""

    response: dict[str, Any]
    """`errors` and `data`; that may be of any kind that can be written as JSON."""
    is_rejected: bool = False
    """Whether the request was refused as a whole: there is no data."""

    def encode(self) -> bytes:
        """Give the response as JSON."""
        return encode_json(self.response)


class SubscriptionError(Exception):
    """The operation is a subscription, which has not one answer but many."""

    def __init__(self) -> None:
        super().__init__(SUBSCRIPTION_TRANSPORT_HINT)


class Executor:
    """Answers requests to `schema`.

    `counts` has how many were answered by their plans ("compiled"), by the
    reference because there was no plan or the client made a mistake
    ("reference") or because a plan met what it did not know of ("surprised"),
    and how many were "refused".
    """

    def __init__(
        self, schema: strawberry.Schema, *, max_tokens: int = 2000, execution: str = "compiled"
    ) -> None:
        """Answer documents of at most so many `tokens`; by plans if they are to be "compiled"."""
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001 - strawberry has no other way
        self._document_cache = DocumentCache(self._schema, max_tokens=max_tokens)
        self._plan_cache = PlanCache(self._schema) if execution == "compiled" else None
        self.execution_counts: Counter[str] = Counter()

    async def execute(
        self, graphql_request: GraphQLRequest, context: RequestContext
    ) -> GraphQLResult:
        """Give the response to a request; SubscriptionError if it subscribes."""
        document = self._document_cache.get_document(graphql_request.query)
        if document.ast is None or document.errors:
            return self._reject_document(document, graphql_request)
        return await self.execute_document(document, graphql_request, context)

    def _reject_document(
        self, document: ParsedDocument, graphql_request: GraphQLRequest
    ) -> GraphQLResult:
        self.execution_counts["refused"] += 1
        errors = format_errors(document.errors, graphql_request.request_id, document.code)
        return GraphQLResult({"errors": errors}, is_rejected=True)

    async def execute_document(
        self, document: ParsedDocument, graphql_request: GraphQLRequest, context: RequestContext
    ) -> GraphQLResult:
        """Give the response to a request whose document was read; its text is the plan's name."""
        plan = self._find_usable_plan(document, graphql_request, context)
        result = (
            None
            if plan is None
            else await self._execute_plan(plan, document, graphql_request, context)
        )
        if result is None:
            self.execution_counts["reference"] += 1
            result = await self._execute_reference(document, graphql_request, context)
        return result

    def _find_usable_plan(
        self, document: ParsedDocument, graphql_request: GraphQLRequest, context: RequestContext
    ) -> ExecutionPlan | None:
        """Give a plan that is of use."""
        if self._plan_cache is None:
            return None
        plan = self._plan_cache.get_plan(
            graphql_request.query,
            document,
            context.statement_compiler.installation,
            graphql_request.variables,
            graphql_request.operation_name,
        )
        return plan if plan is None or plan.disabled_until <= monotonic() else None

    async def _execute_plan(
        self,
        plan: ExecutionPlan,
        document: ParsedDocument,
        graphql_request: GraphQLRequest,
        context: RequestContext,
    ) -> GraphQLResult | None:
        """Answer by a plan; None if the client made a mistake, which the reference tells best."""
        try:
            variables = plan.variable_coercer.coerce_values(graphql_request.variables or {})
            if variables is None:
                return None
            result = GraphQLResult({"data": await run_plan(plan, variables, context)})
        except AnswerTooLargeError:
            result = _make_size_limit_result(context.row_budget.max_rows)
        except GraphQLError:
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the reference tells it
            return await self._fall_back_to_reference(
                plan, error, document, graphql_request, context
            )
        plan.failures = 0
        self.execution_counts["compiled"] += 1
        return result

    async def _fall_back_to_reference(
        self,
        plan: ExecutionPlan,
        error: Exception,
        document: ParsedDocument,
        graphql_request: GraphQLRequest,
        context: RequestContext,
    ) -> GraphQLResult:
        """Have the reference say what became of a request."""
        self.execution_counts["surprised"] += 1
        log.warning(
            "%s: a plan was surprised: %r: %.200r",
            graphql_request.request_id,
            error,
            graphql_request.query,
        )
        if isinstance(error, UnavailableError):
            context = with_unavailable_database(context, error)
        elif not isinstance(error, TimedOutError):
            _record_plan_failure(plan)
        return await self._execute_reference(document, graphql_request, context)

    async def _execute_reference(
        self,
        document: ParsedDocument,
        graphql_request: GraphQLRequest,
        context: RequestContext,
        root: object = None,
    ) -> GraphQLResult:
        """Answer by the reference."""
        assert document.ast is not None
        if root is None and is_subscription(document, graphql_request.operation_name):
            raise SubscriptionError
        operation = graphql_request.variables, graphql_request.operation_name
        try:
            result = await execute_with_graphql_core(
                self._schema, document.ast, context, *operation, root
            )
        except AnswerTooLargeError:
            return _make_size_limit_result(context.row_budget.max_rows)
        return _make_graphql_result(result, graphql_request)

    def prepare_subscription(
        self, graphql_request: GraphQLRequest
    ) -> "PreparedSubscription | GraphQLResult | None":
        """Read a subscription; None if it is another operation, an answer if it is refused."""
        document = self._document_cache.get_document(graphql_request.query)
        if document.ast is None or document.errors:
            return self._reject_document(document, graphql_request)
        if not is_subscription(document, graphql_request.operation_name):
            return None
        try:
            return prepare_subscription(self._schema, document, graphql_request)
        except GraphQLError as error:
            return GraphQLResult(
                {"errors": format_errors([error], graphql_request.request_id)}, is_rejected=True
            )

    async def execute_event(
        self, subscription: PreparedSubscription, event: SubscriptionEvent, context: RequestContext
    ) -> GraphQLResult:
        """Give the response that tells a subscriber of an event.

        What would show too much of the resource tells of the event alone.
        """
        if self._plan_cache is None:
            self.execution_counts["reference"] += 1
            operation = subscription.document, subscription.graphql_request
            result = await self._execute_reference(*operation, context, event)
            if not result.is_rejected:
                return result
        else:
            resource_request = subscription.build_resource_request(event)
            result = (
                GraphQLResult({})
                if resource_request is None
                else await self.execute_document(*resource_request, context)
            )
        errors = [
            {**error, "path": [subscription.response_key, *error["path"]]}
            if "path" in error
            else error
            for error in result.response.get("errors", ())
        ]
        body = {
            "data": subscription.build_event_data(
                event, by_response_key(result.response.get("data"))
            )
        }
        return GraphQLResult({"errors": errors, **body} if errors else body)


def _record_plan_failure(plan: ExecutionPlan) -> None:
    """Take note of a surprise; a plan that has nothing else rests."""
    plan.failures += 1
    if plan.failures >= MAX_PLAN_FAILURES:
        plan.failures, plan.disabled_until = 0, monotonic() + PLAN_DISABLED_SECONDS


def _make_size_limit_result(max_rows: int) -> GraphQLResult:
    message = f"The answer would show more than {max_rows} objects. Ask for less, or page by page."
    return GraphQLResult(
        {"errors": [make_request_error(message, ErrorCode.QUERY_TOO_COMPLEX)]}, is_rejected=True
    )


def _make_graphql_result(result: ExecutionResult, graphql_request: GraphQLRequest) -> GraphQLResult:
    errors = format_errors(result.errors or (), graphql_request.request_id)
    if result.data is None and all(error.path is None for error in result.errors or ()):
        return GraphQLResult({"errors": errors}, is_rejected=True)
    body = {"errors": errors} if errors else {}
    return GraphQLResult({**body, "data": result.data})
