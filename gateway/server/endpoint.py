"""The service: its life, its health, and what becomes of a request."""

import gc
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from uuid import uuid4

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api import schema
from gateway.auth.authenticator import ViewerCache, parse_credentials
from gateway.config.settings import Settings
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerLoader
from gateway.db.driver.database import Database, TimedOutError, UnavailableError
from gateway.db.events.change_feed import ChangeFeed
from gateway.db.installation.installation import Installation
from gateway.db.sql.compiler import StatementCompiler
from gateway.execution.errors import format_errors
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription
from gateway.http.deadline import ClientDisconnectedError, RequestDeadline, RequestDeadlines
from gateway.http.errors import error_response
from gateway.http.request_body import parse_request
from gateway.http.request_head import RequestHead
from gateway.http.responses import GraphQLResponse, file_not_found, pdf_response
from gateway.marketplace.attachments import load_attachment, parse_attachment_path
from gateway.marketplace.problems import Problem
from gateway.marketplace.unit_of_work import ChangeService
from gateway.schema.framework.context import RequestContext, RowBudget
from gateway.schema.framework.errors import BadInputError
from gateway.server.background import BackgroundWorker, open_change_service, open_token_refresh
from gateway.server.metrics import MetricsCollector, create_registry, render_metrics
from gateway.subscriptions.quota import Quota
from gateway.subscriptions.service import SubscriptionService, create_change_feed
from gateway.subscriptions.session_monitor import Credentials
from gateway.transports.http_stream import SubscriptionStream, create_result_response
from gateway.transports.services import TransportServices
from gateway.transports.stream_framing import StreamFraming, select_framing
from gateway.transports.websocket_handshake import serve_websocket

log = logging.getLogger(__name__)
HTTP_CLIENT_CLOSED_REQUEST = 499
"""What the log says of a request whose client hung up."""
RequestHandler = Callable[[RequestHead, str], Awaitable[ASGIApp]]
"""Answers a request, which has an id."""
_PROCESS_ID, _request_numbers = uuid4().hex[:16], count()
_REQUEST_ID_PATTERN = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class GatewayService:
    """Answers requests over one marketplace."""

    def __init__(
        self,
        settings: Settings,
        installation: Installation,
        background_worker: BackgroundWorker | None = None,
    ) -> None:
        """Serve the marketplace that was found at `settings.database_url`.

        Where changes are made by us, a `companion` works beside.
        """
        self._settings, self._installation = settings, installation
        self._background_worker = background_worker
        self._executor = Executor(
            schema, max_tokens=settings.document_tokens, execution=settings.execution
        )
        self._statement_compiler = StatementCompiler(installation)
        self._database: Database
        self._viewer_cache: ViewerCache
        self._change_service = ChangeService()
        self._deadlines: RequestDeadlines
        self._services: TransportServices
        self._change_feed: ChangeFeed
        self._metrics_registry: CollectorRegistry
        self._event_lag_seconds = 0.0

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Open what the service needs, and close it in the end."""
        settings = self._settings
        assert settings.database_url is not None
        self._deadlines = RequestDeadlines(settings.request_seconds)
        async with AsyncExitStack() as exit_stack:
            self._database = await Database.connect(
                settings.database_url,
                size=settings.pool_size,
                statement_seconds=settings.statement_seconds,
                pooler=settings.pooler,
            )
            exit_stack.push_async_callback(self._database.close)
            self._change_service = await open_change_service(
                settings, self._statement_compiler, self._background_worker, exit_stack
            )
            on_token_use = open_token_refresh(settings, self._installation, exit_stack)
            self._viewer_cache = ViewerCache(
                ViewerLoader(self._installation, self._database),
                seconds=settings.viewer_seconds,
                on_use=on_token_use,
                wait=self._database.wait_for_result,
            )
            await exit_stack.enter_async_context(self._open_subscriptions())
            _tune_garbage_collector()
            yield

    @asynccontextmanager
    async def _open_subscriptions(self) -> AsyncIterator[None]:
        """Tell subscribers of changes while the service lives."""
        settings = self._settings
        assert settings.database_url is not None
        change_feed = create_change_feed(settings, settings.database_url)
        subscription_service = SubscriptionService(
            settings,
            change_feed,
            self._executor,
            self._viewer_cache,
            self._create_context,
            self._database,
        )
        self._change_feed = change_feed
        socket_quota = Quota("connections", settings.sockets)
        self._services = TransportServices(
            settings,
            self._executor,
            subscription_service.subscription_registry,
            subscription_service.session_monitor,
            socket_quota,
            self._create_context,
        )
        self._metrics_registry = create_registry(
            MetricsCollector(self._executor, self._services, lambda: self._event_lag_seconds)
        )
        async with subscription_service.run_service():
            yield

    async def handle_graphql(self, request: RequestHead) -> ASGIApp:
        """Answer a request to the one endpoint there is."""
        return await self._catch_errors(request, self._respond)

    async def serve_attachment(self, request: Request) -> ASGIApp:
        """Give the file that came with an order to whoever sees the order."""
        uuid, is_head = parse_attachment_path(request.scope["path"]), request.method == "HEAD"
        handler = partial(self._load_attachment, uuid=uuid, is_head=is_head)
        return await self._catch_errors(RequestHead(request.scope, request.receive), handler)

    async def _catch_errors(self, request: RequestHead, handler: RequestHandler) -> ASGIApp:
        request_id = choose_request_id(request.first(b"x-request-id"))
        try:
            return await handler(request, request_id)
        except ClientDisconnectedError:
            return Response(status_code=HTTP_CLIENT_CLOSED_REQUEST)
        except Exception as error:  # noqa: BLE001 - the process lives, whatever happens
            return error_response(error, request_id)

    async def _respond(self, request: RequestHead, request_id: str) -> ASGIApp:
        with RequestDeadline(request, self._deadlines) as deadline:
            graphql_request = await parse_request(request, self._settings.body_bytes, request_id)
            deadline.mark_body_read()
            accept_header = request.first(b"accept")
            framing = select_framing(accept_header)
            if framing is None:
                return GraphQLResponse(
                    await self._execute(graphql_request, request), accept_header, request_id
                )
            subscription = self._executor.prepare_subscription(graphql_request)
            if not isinstance(subscription, PreparedSubscription):
                result = subscription or await self._execute(graphql_request, request)
                return create_result_response(result, framing, accept_header, request_id)
        return await self._open_stream(subscription, framing, request, request_id)

    async def _load_attachment(
        self, request: RequestHead, request_id: str, *, uuid: str | None, is_head: bool
    ) -> Response:
        if uuid is None:
            return file_not_found(request_id)
        with RequestDeadline(request, self._deadlines) as deadline:
            deadline.mark_body_read()
            viewer = await self._viewer_cache.authenticate(*self._parse_credentials(request))
            content = await self._change_service.run_change(
                viewer, lambda unit_of_work: load_attachment(unit_of_work, uuid)
            )
        if isinstance(content, Problem):
            return file_not_found(request_id)
        return pdf_response(content, f"purchase-order-{uuid}.pdf", request_id, is_head=is_head)

    async def _execute(
        self, graphql_request: GraphQLRequest, request: RequestHead
    ) -> GraphQLResult:
        viewer = await self._viewer_cache.authenticate(*self._parse_credentials(request))
        return await self._executor.execute(graphql_request, self._create_context(viewer))

    async def _open_stream(
        self,
        subscription: PreparedSubscription,
        framing: StreamFraming,
        request: RequestHead,
        request_id: str,
    ) -> ASGIApp:
        stream, after_cursor = (
            SubscriptionStream(self._services, framing, request_id),
            request.first(b"last-event-id"),
        )
        try:
            return await stream.start_subscription(
                subscription, self._parse_credentials(request), after_cursor or None
            )
        except BadInputError as error:
            result = GraphQLResult({"errors": format_errors([error], request_id)}, is_rejected=True)
            return create_result_response(result, framing, request.first(b"accept"), request_id)

    async def serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket."""
        await serve_websocket(self._services, scope, receive, send, choose_request_id(""))

    def _parse_credentials(self, request: RequestHead) -> Credentials:
        """Give the key and the address that a request comes with."""
        return parse_credentials(
            request.headers.get(b"authorization", ()),
            request.peer_address,
            request.headers.get(b"x-forwarded-for", ()),
            self._settings.trusted_proxies,
        )

    def _create_context(self, viewer: Viewer) -> RequestContext:
        budget = RowBudget(self._settings.answer_rows)
        media_base_url = self._settings.media_base_url
        return RequestContext(
            self._database,
            self._statement_compiler,
            viewer,
            media_base_url,
            budget,
            self._change_service,
        )

    async def serve_metrics(self, _request: Request) -> Response:
        """Tell what this process counts."""
        try:
            self._event_lag_seconds = await self._change_feed.load_lag_seconds()
        except UnavailableError as error:
            log.warning("What holds events back is not known: %s", error)
        return PlainTextResponse(
            render_metrics(self._metrics_registry), media_type=CONTENT_TYPE_LATEST
        )

    async def report_readiness(self, _request: Request) -> Response:
        """Say whether queries can be answered."""
        try:
            await self._database.check_readiness()
        except (UnavailableError, TimedOutError):
            return PlainTextResponse("The database can't be read.\n", 503)
        return PlainTextResponse("ready\n")


def _tune_garbage_collector() -> None:
    """Spare the garbage collector what stays for good, and have it run less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def choose_request_id(client_id: str) -> str:
    """Give the caller's name of the request, if it is one, or a new one."""
    return (
        client_id
        if _REQUEST_ID_PATTERN.fullmatch(client_id)
        else f"{_PROCESS_ID}{next(_request_numbers):016x}"
    )
