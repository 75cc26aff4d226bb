"""The executor: runs operations by compiled plans, and by graphql-core where no plan fits."""

import logging
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Any

import msgspec
import strawberry
from graphql import ExecutionResult, GraphQLError, GraphQLSchema

from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import TimedOutError, UnavailableError, UnreadableTableError
from gateway.error_table import ErrorKind
from gateway.exact_json import encode_json, encode_sorted_json
from gateway.execution.admission.operation_limits import build_cost_report
from gateway.execution.errors import format_errors, format_exception
from gateway.execution.graphql_core import execute_with_graphql_core, with_failed_database
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.operation_admission import (
    DEFAULT_POLICY,
    AdmissionPolicy,
    AdmittedOperation,
    OperationAdmission,
)
from gateway.execution.persisted_documents import REJECTIONS, PersistedDocuments
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.plan.serializers import by_response_key
from gateway.execution.plan_cache import DEFAULT_PLAN_BYTES, NOT_BUILT, PlanCache
from gateway.execution.reference_thread import MAX_LOOP_COST, ReferenceThread
from gateway.execution.runtime.run import run_plan
from gateway.execution.subscription import (
    PreparedSubscription,
    SubscriptionEvent,
    is_subscription,
    prepare_subscription,
)
from gateway.fairness.bounded_cache import BoundedCache
from gateway.fairness.build_worker import BuildWorker
from gateway.schema.framework.context import RequestContext, ResponseTooLargeError
from gateway.schema.framework.strawberry_internals import get_graphql_schema

log = logging.getLogger(__name__)
SUBSCRIPTION_TRANSPORT_HINT = (
    "Subscribe over a WebSocket, or accept text/event-stream or multipart/mixed."
)
MAX_INTROSPECTION_BYTES = 8_000_000
"""The memory that kept responses of introspection queries may take."""


@dataclass(frozen=True)
class GraphQLResult:
    """A GraphQL response."""

    response: dict[str, Any]
    """`errors` and `data`; `data` may hold any values that msgspec encodes."""
    is_rejected: bool = False
    """Whether the request was rejected before execution: there is no `data`."""
    reported_cost: int | None = None
    """The operation's cost if the request asks for it."""

    def encode(self) -> bytes:
        """Return the response as JSON."""
        return encode_json(self.response)


class SubscriptionError(Exception):
    """The operation is a subscription, which has many responses instead of one."""

    error_kind = ErrorKind.NOT_ACCEPTABLE

    def __init__(self) -> None:
        super().__init__(SUBSCRIPTION_TRANSPORT_HINT)


class Executor:
    """Executor of the operations of one schema.

    There are two executions. The compiled one runs a plan: one SQL statement and one
    generated function for each list, made once for a document. The reference one is
    graphql-core, with a resolver call for each field of each row. Queries only read,
    so a plan may fail at any point and the reference execution starts over; errors,
    their paths and the fields that they null are therefore always the reference's.

    `execution_counts` counts how operations ended; /metrics publishes it:

        OperationAdmission ──invalid, or over a limit───────────► "refused"
             │
        find_plan ─no plan, or the plan is disabled──► reference ► "reference"
             │
        coerce variables, run_plan
             ├─ data, or a row count over the limit ────────────► "compiled"
             ├─ GraphQLError: the client's mistake ──► reference ► "reference"
             └─ other exception: the plan failed ────► reference ► "fallback"

    A plan that keeps failing is not used for a while (`ExecutionPlan`); failures of the
    database (UnavailableError, TimedOutError) don't count. After UnavailableError the
    reference execution sends nothing: all fields that read fail at once. After
    TimedOutError those fail at once whose statement had timed out (`FailedDatabase`).
    After UnreadableTableError it reads again, so that only the fields of the missing
    table fail.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        policy: AdmissionPolicy = DEFAULT_POLICY,
        execution: str = "compiled",
        plan_bytes: int = DEFAULT_PLAN_BYTES,
        persisted_documents: PersistedDocuments | None = None,
    ) -> None:
        """Admit operations by `policy`; compile plans if `execution` says so.

        `execution` is "compiled" or "reference" (the setting GATEWAY_EXECUTION). The cached
        plans take about `plan_bytes` bytes. Raises ManifestError if a trusted document is not
        valid.
        """
        self._schema: GraphQLSchema = get_graphql_schema(schema)
        self._limits = policy.limits
        self._admission = OperationAdmission(self._schema, policy)
        self.persisted_documents = persisted_documents or PersistedDocuments()
        self.persisted_documents.pin_documents(self._admission.document_cache)
        self._introspection_answers: BoundedCache[Hashable, bytes] = BoundedCache(
            MAX_INTROSPECTION_BYTES
        )
        self.build_worker = BuildWorker()
        """The thread that builds plans; statements are compiled in it as well."""
        self._reference_thread = ReferenceThread()
        self._plan_cache = (
            PlanCache(self._schema, self.build_worker, max_bytes=plan_bytes)
            if execution == "compiled"
            else None
        )
        self.execution_counts: Counter[str] = Counter()

    def forget_plans(self) -> None:
        """Free the memory of all plans: the tables of the installation have changed."""
        if self._plan_cache is not None:
            self._plan_cache.forget_plans()

    def find_unparsed_text(self, graphql_request: GraphQLRequest) -> str | None:
        """Return the text that has to be parsed to admit a request; None if that is not so."""
        text = graphql_request.query or self.persisted_documents.peek_text(graphql_request)
        return None if not text or self._admission.document_cache.has_document(text) else text

    async def parse_document(self, text: str, viewer: Viewer) -> None:
        """Parse and validate a document in the build worker's thread, in a turn of the viewer.

        `admit_operation` finds it in the cache then.
        """
        document_cache = self._admission.document_cache
        document = await self.build_worker.run_job(
            viewer.user_id, (document_cache, text), partial(document_cache.parse_document, text)
        )
        document_cache.store_document(text, document)

    def admit_operation(
        self,
        graphql_request: GraphQLRequest,
        viewer: Viewer,
    ) -> AdmittedOperation | GraphQLResult:
        """Return the operation of a viewer if it is valid and within limits.

        Otherwise return the response that rejects it. Raises InvalidPersistedQueryError if the
        request names its document by a wrong hash.
        """
        try:
            graphql_request, sha256_hash = self.persisted_documents.resolve_request(graphql_request)
        except REJECTIONS as error:
            errors = [format_exception(error, graphql_request.request_id)]
            return GraphQLResult({"errors": errors}, is_rejected=True)
        operation = self._admit_document(graphql_request, viewer)
        if sha256_hash is not None and isinstance(operation, AdmittedOperation):
            self.persisted_documents.store_document(sha256_hash, graphql_request.query)
        return operation

    def _admit_document(
        self, graphql_request: GraphQLRequest, viewer: Viewer
    ) -> AdmittedOperation | GraphQLResult:
        operation = self._admission.admit_operation(graphql_request, viewer)
        if isinstance(operation, AdmittedOperation):
            return operation
        self.execution_counts["refused"] += 1
        result = GraphQLResult({"errors": operation.errors}, is_rejected=True)
        reports_cost = graphql_request.reports_cost and operation.cost is not None
        return self._report_cost(result, operation.cost or 0) if reports_cost else result

    async def execute(
        self, graphql_request: GraphQLRequest, context: RequestContext
    ) -> GraphQLResult:
        """Admit and execute a query or mutation. Raises as `execute_operation` does."""
        operation = self.admit_operation(graphql_request, context.viewer)
        if isinstance(operation, GraphQLResult):
            return operation
        return await self.execute_operation(operation, context)

    async def execute_operation(
        self, operation: AdmittedOperation, context: RequestContext
    ) -> GraphQLResult:
        """Execute a query or mutation. Raises SubscriptionError if it is a subscription."""
        graphql_request = operation.graphql_request
        if operation.is_introspection:
            result = await self._execute_introspection(operation, context)
        else:
            result = await self._execute_document(operation, context)
        return self._report_cost(result, operation.cost) if graphql_request.reports_cost else result

    async def _execute_introspection(
        self, operation: AdmittedOperation, context: RequestContext
    ) -> GraphQLResult:
        """Return the response of an introspection query, executed once for all requests."""
        graphql_request = operation.graphql_request
        used_names = operation.document.variable_use_counts
        used_variables = {
            name: value
            for name, value in (graphql_request.variables or {}).items()
            if name in used_names
        }
        cache_key = (
            graphql_request.query,
            graphql_request.operation_name,
            encode_sorted_json(used_variables),
        )
        data = self._introspection_answers.find_value(cache_key)
        if data is None:
            result = await self._execute_document(operation, context)
            if "errors" in result.response:
                return result
            data = encode_json(result.response["data"])
            size = len(data) + len(graphql_request.query) + len(cache_key[2])
            self._introspection_answers.store_value(cache_key, data, size)
        else:
            self.execution_counts["introspection"] += 1
        return GraphQLResult({"data": msgspec.Raw(data)})

    def _report_cost(self, result: GraphQLResult, cost: int) -> GraphQLResult:
        extensions = {"cost": build_cost_report(cost, self._limits)}
        return replace(
            result, response={**result.response, "extensions": extensions}, reported_cost=cost
        )

    async def _execute_document(
        self, operation: AdmittedOperation, context: RequestContext
    ) -> GraphQLResult:
        """Execute an operation; its plan is cached under the text of its document."""
        document, graphql_request = operation.document, operation.graphql_request
        result = plan = None
        if self._plan_cache is not None:
            installation = context.statement_compiler.installation
            plan = self._plan_cache.find_plan(document, graphql_request, installation)
            if plan is NOT_BUILT:
                plan = await self._plan_cache.build_plan(document, graphql_request, context)
        if plan is not None and plan.disabled_until <= monotonic():
            result = await self._execute_plan(plan, operation, context)
        if result is None:
            self.execution_counts["reference"] += 1
            result = await self._execute_reference(operation, context)
        return result

    async def _execute_plan(
        self, plan: ExecutionPlan, operation: AdmittedOperation, context: RequestContext
    ) -> GraphQLResult | None:
        """Execute by a plan; None if the client made a mistake, which the reference reports."""
        graphql_request = operation.graphql_request
        try:
            variables = plan.variable_coercer.coerce_values(graphql_request.variables or {})
            if variables is None:
                return None
            result = GraphQLResult({"data": await run_plan(plan, variables, context)})
        except ResponseTooLargeError as error:
            result = _make_size_limit_result(error, graphql_request)
        except GraphQLError:
            return None
        except Exception as error:  # noqa: BLE001 - the reference execution reports any of them
            return await self._fall_back_to_reference(plan, error, operation, context)
        plan.failures = 0
        self.execution_counts["compiled"] += 1
        return result

    async def _fall_back_to_reference(
        self,
        plan: ExecutionPlan,
        error: Exception,
        operation: AdmittedOperation,
        context: RequestContext,
    ) -> GraphQLResult:
        """Execute by the reference after the plan failed with `error`, and count the failure."""
        self.execution_counts["fallback"] += 1
        log.warning(
            "%s: plan failed, falling back to graphql-core: %r: %.200r",
            operation.graphql_request.request_id,
            error,
            operation.graphql_request.query,
        )
        if not isinstance(error, (UnavailableError, TimedOutError)):
            plan.record_failure()
        elif not isinstance(error, UnreadableTableError):
            context = with_failed_database(context, error)
        return await self._execute_reference(operation, context)

    async def _execute_reference(
        self, operation: AdmittedOperation, context: RequestContext, root: object = None
    ) -> GraphQLResult:
        """Execute by graphql-core; `root` is the event of a subscription."""
        document, graphql_request = operation.document, operation.graphql_request
        assert document.ast is not None
        if root is None and is_subscription(document, graphql_request.operation_name):
            raise SubscriptionError
        execution = partial(
            execute_with_graphql_core,
            self._schema,
            document.ast,
            variables=graphql_request.variables,
            operation_name=graphql_request.operation_name,
            root=root,
        )
        try:
            if operation.cost > MAX_LOOP_COST and not operation.is_mutation:
                result = await self._reference_thread.run_execution(execution, context)
            else:
                result = await execution(context)
        except ResponseTooLargeError as error:
            return _make_size_limit_result(error, graphql_request)
        return _make_graphql_result(result, graphql_request)

    def prepare_subscription(
        self, operation: AdmittedOperation
    ) -> "PreparedSubscription | GraphQLResult | None":
        """Return the subscription, a response that rejects it, or None for other operations."""
        document, graphql_request = operation.document, operation.graphql_request
        if not is_subscription(document, graphql_request.operation_name):
            return None
        try:
            subscription = prepare_subscription(self._schema, document, graphql_request)
        except GraphQLError as error:
            return GraphQLResult(
                {"errors": format_errors([error], graphql_request.request_id)}, is_rejected=True
            )
        return replace(subscription, cost=operation.cost)

    async def execute_event(
        self, subscription: PreparedSubscription, event: SubscriptionEvent, context: RequestContext
    ) -> GraphQLResult:
        """Return the response of a subscription to one event.

        If the object's selection exceeds the row limit, the response has the
        event's own fields, null for the object, and the error.
        """
        if self._plan_cache is None:
            self.execution_counts["reference"] += 1
            operation = AdmittedOperation(
                subscription.graphql_request, subscription.document, subscription.cost
            )
            result = await self._execute_reference(operation, context, event)
            if not result.is_rejected:
                return result
        else:
            object_operation = subscription.build_object_operation(event)
            result = (
                GraphQLResult({})
                if object_operation is None
                else await self._execute_document(object_operation, context)
            )
        errors = [
            {**error, "path": [subscription.response_key, *error["path"]]}
            if "path" in error
            else error
            for error in result.response.get("errors", ())
        ]
        object_data = by_response_key(result.response.get("data"))
        body = {"data": subscription.build_event_data(event, object_data)}
        return GraphQLResult({"errors": errors, **body} if errors else body)


def _make_size_limit_result(
    error: ResponseTooLargeError, graphql_request: GraphQLRequest
) -> GraphQLResult:
    errors = [format_exception(error, graphql_request.request_id)]
    return GraphQLResult({"errors": errors}, is_rejected=True)


def _make_graphql_result(result: ExecutionResult, graphql_request: GraphQLRequest) -> GraphQLResult:
    errors = format_errors(result.errors or (), graphql_request.request_id)
    if result.data is None and all(error.path is None for error in result.errors or ()):
        return GraphQLResult({"errors": errors}, is_rejected=True)
    body = {"errors": errors} if errors else {}
    return GraphQLResult({**body, "data": result.data})
