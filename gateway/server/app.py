"""The HTTP application: routes, and where they lead."""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gateway.config.settings import Settings
from gateway.db.installation.installation import Installation
from gateway.execution.errors import ErrorCode
from gateway.graphiql import page
from gateway.graphiql.examples import EXAMPLE_QUERIES
from gateway.http.request_head import RequestHead
from gateway.http.responses import client_error
from gateway.marketplace.attachments import ATTACHMENT_PATH_PREFIX
from gateway.server.background import BackgroundWorker
from gateway.server.endpoint import GatewayService, choose_request_id

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
GRAPHQL_PATH = "/graphql"
REJECTED_METHODS = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
"""What is answered by the page or by a refusal; queries come by POST."""


async def report_liveness(_request: Request) -> Response:
    """Say that the process lives."""
    return PlainTextResponse("live\n")


async def redirect_to_graphql(_request: Request) -> Response:
    """Lead to where the gateway answers."""
    return RedirectResponse(GRAPHQL_PATH)


class GatewayApplication(Starlette):
    """The service as an ASGI application; queries go the shortest way, by no middleware."""

    def __init__(self, service: GatewayService, routes: Sequence[BaseRoute]) -> None:
        """Route what is not a query by `routes`."""
        super().__init__(routes=routes, lifespan=service.lifespan)
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a WebSocket."""
        if scope["type"] == "http" and scope["path"] == GRAPHQL_PATH and scope["method"] == "POST":
            response = await self._service.handle_graphql(RequestHead(scope, receive))
            await response(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == GRAPHQL_PATH:
            await self._service.serve_socket(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def build_application(
    settings: Settings,
    installation: Installation,
    token: str | None = None,
    background_worker: BackgroundWorker | None = None,
) -> GatewayApplication:
    """Make the service; `token` is what GraphiQL starts with, if anything."""
    service = GatewayService(settings, installation, background_worker)
    return GatewayApplication(
        service,
        [
            Route("/livez", report_liveness),
            Route("/readyz", service.report_readiness),
            *([Route("/metrics", service.serve_metrics)] if settings.metrics else ()),
            Route("/", redirect_to_graphql),
            Route(f"{ATTACHMENT_PATH_PREFIX}{{name:path}}", service.serve_attachment),
            *_graphql_routes(settings, token),
        ],
    )


def _graphql_routes(settings: Settings, token: str | None) -> Sequence[BaseRoute]:
    headers = {"Authorization": f"Token {token}"} if token else None

    async def serve_page_or_reject(request: Request) -> Response:
        if settings.graphiql and "text/html" in request.headers.get("accept", ""):
            # A name that leads here from elsewhere must not get the demo's token with the page.
            is_loopback = request.url.hostname in LOOPBACK_HOSTS
            return page.render_page(
                headers=headers if is_loopback else None, examples=EXAMPLE_QUERIES
            )
        status, code, extra_headers = (
            HTTPStatus.METHOD_NOT_ALLOWED,
            ErrorCode.BAD_USER_INPUT,
            {"Allow": "POST"},
        )
        return client_error(
            status,
            "Send queries by POST.",
            code,
            choose_request_id(request.headers.get("x-request-id", "")),
            **extra_headers,
        )

    route = Route(GRAPHQL_PATH, serve_page_or_reject, methods=REJECTED_METHODS)
    return [*(page.build_static_routes() if settings.graphiql else ()), route]
