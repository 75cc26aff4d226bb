"""The service: handlers of GraphQL requests, WebSockets, attachments, metrics and readiness."""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.api import schema
from gateway.auth.errors import UnauthenticatedError
from gateway.config.settings import Settings
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import UnavailableError
from gateway.db.installation.installation import Installation
from gateway.execution.errors import format_errors
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.operation_admission import AdmittedOperation, make_admission_policy
from gateway.execution.persisted_documents import load_persisted_documents
from gateway.execution.subscription import PreparedSubscription
from gateway.http.content_negotiation import AcceptedFormats, negotiate_formats
from gateway.http.cors import CORSPolicy, HeaderedResponse
from gateway.http.deadline import ClientDisconnectedError, RequestDeadline
from gateway.http.errors import MethodNotAllowedError, error_response
from gateway.http.request_credentials import parse_request_credentials
from gateway.http.request_head import COST_HEADER, IMPERSONATOR_HEADER, RequestHead
from gateway.http.request_parser import parse_request
from gateway.http.responses import GraphQLResponse, file_not_found, pdf_response
from gateway.http.statuses import StatusMode
from gateway.marketplace.attachments import load_attachment, parse_attachment_path
from gateway.marketplace.problems import Problem
from gateway.marketplace.requester import Requester
from gateway.rate_limits.viewer_budgets import OPERATION_PRICE
from gateway.schema.framework.context import RequestContext
from gateway.schema.framework.errors import BadInputError
from gateway.server.background import BackgroundWorker
from gateway.server.draining_server import BEGIN_DRAIN_KEY
from gateway.server.lifespan import ServerComponents, open_components
from gateway.server.metrics import MetricsCollector, create_registry, render_metrics
from gateway.transports.connection_registry import REGISTRY_STATE_KEY
from gateway.transports.http_stream import SubscriptionStream, create_single_event_stream
from gateway.transports.rate_charging import admit_and_charge
from gateway.transports.stream_framing import FRAMINGS
from gateway.transports.websocket_handshake import serve_websocket

log = logging.getLogger(__name__)
HTTP_CLIENT_CLOSED_REQUEST = 499
"""Status in the access log of a request whose client disconnected (nginx's convention)."""
RequestHandler = Callable[[RequestHead, str], Awaitable[HeaderedResponse]]
"""Answers a request; the second argument is the request's id."""
_PROCESS_ID, _request_numbers = uuid4().hex[:16], count()
_REQUEST_ID_PATTERN = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class GatewayService:
    """The endpoints of one marketplace: GraphQL, WebSockets, attachments, metrics, readiness.

    A GraphQL request passes these stages; each may end it with an HTTP error response
    (`http/errors.py`), and each runs inside the request's deadline (`http/deadline.py`):

        Accept  --negotiate_formats-->  AcceptedFormats
        head (of an upload: token) and
        body           --parse_request-->  GraphQLRequest  --authenticate-->  Viewer
                                                |                               |
                                                v                               |
                          AdmittedOperation  <--+--   admit_and_charge  <-------+
                                  |           (parse, validate, charge the rate budget)
                                  |
            Accept names a stream?
              no  --------------------> execute_operation --> GraphQLResponse
              yes, and a subscription > SubscriptionStream (no deadline)
    """

    def __init__(
        self,
        settings: Settings,
        installation: Installation,
        background_worker: BackgroundWorker | None = None,
    ) -> None:
        """Serve the marketplace at `settings.database_url`.

        `background_worker` runs in the same process where the gateway may write to the
        marketplace: the demo's provider.
        """
        self._settings, self._installation = settings, installation
        self._background_worker = background_worker
        self.cors_policy = CORSPolicy(
            settings.origins,
            settings.preflight_seconds,
            settings.impersonation_header.lower().encode(),
        )
        self._status_mode = StatusMode(settings.http_status)
        self._executor = Executor(
            schema,
            policy=make_admission_policy(settings),
            execution=settings.execution,
            persisted_documents=load_persisted_documents(
                settings.documents, settings.document_manifest, settings.persisted_query_bytes
            ),
            plan_bytes=settings.plan_bytes,
        )
        self._components: ServerComponents
        self._metrics_registry: CollectorRegistry
        self._event_lag_seconds = 0.0
        self._is_draining = False

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[dict[str, Any]]:
        """Open the components at startup and close them at shutdown.

        Yields the lifespan state: by it the server begins to drain, and limits its connections.
        """
        async with open_components(
            self._settings, self._installation, self._executor, self._background_worker
        ) as self._components:
            collector = MetricsCollector(
                self._executor,
                self._components.transport_services,
                lambda: self._event_lag_seconds,
            )
            self._metrics_registry = create_registry(collector)
            yield {
                BEGIN_DRAIN_KEY: self._begin_drain,
                REGISTRY_STATE_KEY: self._components.transport_services.connection_registry,
            }

    def _begin_drain(self) -> None:
        self._is_draining = True
        self._components.transport_services.begin_drain()

    async def handle_graphql(self, request: RequestHead) -> HeaderedResponse:
        """Answer a request to the GraphQL endpoint."""
        return await self._catch_errors(request, self._respond)

    async def reject_request(self, request: RequestHead, error: Exception) -> HeaderedResponse:
        """Return the response to a request to the GraphQL endpoint that fails with `error`."""

        async def raise_error(_request: RequestHead, _request_id: str) -> HeaderedResponse:
            raise error

        return await self._catch_errors(request, raise_error)

    async def serve_attachment(self, request: Request) -> HeaderedResponse:
        """Serve the attachment of an order to viewers who may see the order."""
        path = request.scope["path"].removeprefix(request.scope["root_path"])
        uuid, is_head = parse_attachment_path(path), request.method == "HEAD"
        handler = partial(self._load_attachment, uuid=uuid, is_head=is_head)
        return await self._catch_errors(RequestHead(request.scope, request.receive), handler)

    async def _catch_errors(
        self, request: RequestHead, handler: RequestHandler
    ) -> HeaderedResponse:
        """Return the handler's response, or an error response if it raises an exception.

        Pages of allowed origins may read both. GraphiQL's page, which may contain a token, must
        not be returned by a handler.
        """
        request_id = choose_request_id(request.first(b"x-request-id"))
        response: HeaderedResponse
        try:
            response = await handler(request, request_id)
        except ClientDisconnectedError:
            response = Response(status_code=HTTP_CLIENT_CLOSED_REQUEST)
        except Exception as error:  # noqa: BLE001 - the error boundary: a response in any case
            response = error_response(error, request_id, self._status_mode)
        response.raw_headers += request.response_headers
        if b"origin" in request.headers:
            self.cors_policy.add_headers(response, request.headers[b"origin"])
        return response

    async def _respond(self, request: RequestHead, request_id: str) -> HeaderedResponse:
        formats = negotiate_formats(request.headers.get(b"accept", ()))
        with RequestDeadline(request, self._components.deadlines) as deadline:
            graphql_request = await parse_request(
                request, self._settings.body_bytes, request_id, self._check_uploader
            )
            deadline.mark_body_read()
            if request.first(COST_HEADER):
                graphql_request = replace(graphql_request, reports_cost=True)
            credentials, viewer = await self._authenticate_client(request)
            operation = await admit_and_charge(
                self._components.transport_services, graphql_request, viewer, credentials.address
            )
            if request.method != "POST":
                _forbid_mutation(operation)
            subscription = self._prepare_subscription(operation, request, formats)
            if not isinstance(subscription, PreparedSubscription):
                requester = Requester(viewer, credentials, request_id)
                context = self._components.create_context(requester)
                result = await self._execute(subscription or operation, context)
                return self._create_result_response(result, formats, request_id)
        return await self._open_stream(subscription, formats, request, request_id)

    def _prepare_subscription(
        self,
        operation: AdmittedOperation | GraphQLResult,
        request: RequestHead,
        formats: AcceptedFormats,
    ) -> PreparedSubscription | GraphQLResult | None:
        """Return the subscription to stream, the response that rejects it, or None without one."""
        if (
            formats.stream_protocol is None
            or isinstance(operation, GraphQLResult)
            or request.method == "HEAD"
        ):
            return None
        return self._executor.prepare_subscription(operation)

    def _create_result_response(
        self, result: GraphQLResult, formats: AcceptedFormats, request_id: str
    ) -> HeaderedResponse:
        """Return the response with a single result: a stream only if the client accepts no JSON.

        Many clients send one Accept header for all operations.
        """
        if formats.result_media_type is not None:
            return GraphQLResponse(result, formats.result_media_type, request_id, self._status_mode)
        assert formats.stream_protocol is not None
        return create_single_event_stream(result, FRAMINGS[formats.stream_protocol], request_id)

    async def _load_attachment(
        self, request: RequestHead, request_id: str, *, uuid: str | None, is_head: bool
    ) -> Response:
        if uuid is None:
            return file_not_found(request_id)
        with RequestDeadline(request, self._components.deadlines) as deadline:
            deadline.mark_body_read()
            credentials, viewer = await self._authenticate_client(request)
            budgets = self._components.transport_services.viewer_budgets
            await budgets.charge_viewer(viewer, credentials.address, OPERATION_PRICE)
            content = await self._components.change_service.run_check(
                Requester(viewer), lambda unit_of_work: load_attachment(unit_of_work, uuid)
            )
        if isinstance(content, Problem):
            return file_not_found(request_id)
        return pdf_response(content, f"purchase-order-{uuid}.pdf", request_id, is_head=is_head)

    async def _execute(
        self, operation: AdmittedOperation | GraphQLResult, context: RequestContext
    ) -> GraphQLResult:
        if isinstance(operation, GraphQLResult):
            return operation
        return await self._executor.execute_operation(operation, context)

    async def _check_uploader(self, request: RequestHead) -> None:
        """Check the token of an upload before its body is received.

        Raises RefusedCredentialsError if the token is invalid or absent.
        """
        _, viewer = await self._authenticate_client(request)
        if viewer.user_id is None:
            raise UnauthenticatedError("A multipart request needs the token of a user.")

    async def _open_stream(
        self,
        subscription: PreparedSubscription,
        formats: AcceptedFormats,
        request: RequestHead,
        request_id: str,
    ) -> HeaderedResponse:
        assert formats.stream_protocol is not None
        framing = FRAMINGS[formats.stream_protocol]
        stream = SubscriptionStream(self._components.transport_services, framing, request_id)
        after_cursor = request.first(b"last-event-id") or None
        try:
            return await stream.start_subscription(
                subscription, self._parse_credentials(request), after_cursor
            )
        except BadInputError as error:
            result = GraphQLResult({"errors": format_errors([error], request_id)}, is_rejected=True)
            return self._create_result_response(result, formats, request_id)

    async def serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket connection until it is closed."""
        services = self._components.transport_services
        await serve_websocket(services, scope, receive, send, choose_request_id(""))

    async def _authenticate_client(self, request: RequestHead) -> tuple[Credentials, Viewer]:
        """Return the credentials of a request and their viewer."""
        credentials = self._parse_credentials(request)
        viewer = await self._components.viewer_cache.authenticate(credentials)
        if viewer.impersonator is not None:
            uuid = viewer.impersonator.uuid.encode()
            request.response_headers = [(IMPERSONATOR_HEADER, uuid)]
        return credentials, viewer

    def _parse_credentials(self, request: RequestHead) -> Credentials:
        return parse_request_credentials(request, self._settings)

    async def serve_metrics(self, _request: Request) -> Response:
        """Serve the metrics of this process in Prometheus' text format."""
        try:
            self._event_lag_seconds = await self._components.change_feed.load_event_lag_seconds()
        except UnavailableError as error:
            log.warning("The event lag could not be read: %s", error)
        return PlainTextResponse(
            render_metrics(self._metrics_registry), media_type=CONTENT_TYPE_LATEST
        )

    async def report_readiness(self, _request: Request) -> Response:
        """Return 200 if requests can be served, else 503; 503 while the server drains, too."""
        if self._is_draining:
            return PlainTextResponse("The server is about to stop.\n", 503)
        problem = await self._components.installation_monitor.find_problem()
        if problem is not None:
            return PlainTextResponse(f"{problem}\n", 503)
        event_problem = self._components.change_feed.problem
        return PlainTextResponse(f"ready\n{event_problem}\n" if event_problem else "ready\n")


def choose_request_id(client_id: str) -> str:
    """Return the request id sent by the client if it is valid, else a new id of 32 characters."""
    return (
        client_id
        if _REQUEST_ID_PATTERN.fullmatch(client_id)
        else f"{_PROCESS_ID}{next(_request_numbers):016x}"
    )


def _forbid_mutation(operation: AdmittedOperation | GraphQLResult) -> None:
    """Raise MethodNotAllowedError if the operation is a mutation."""
    if isinstance(operation, AdmittedOperation) and operation.is_mutation:
        raise MethodNotAllowedError("Mutations must use the method POST.", ["POST"])
