"""The ASGI application: routes of the gateway and their handlers."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gateway.config.settings import Settings
from gateway.db.installation.installation import Installation
from gateway.graphiql import page
from gateway.graphiql.examples import EXAMPLE_QUERIES
from gateway.http.errors import MethodNotAllowedError, error_response
from gateway.http.request_head import RequestHead
from gateway.marketplace.attachments import ATTACHMENT_PATH_PREFIX
from gateway.server.background import BackgroundWorker
from gateway.server.endpoint import GatewayService, choose_request_id

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
GRAPHQL_PATH = "/graphql"
REJECTED_METHODS = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
"""Methods answered by the GraphiQL page or by status 405; GraphQL requests use POST."""


async def report_liveness(_request: Request) -> Response:
    """Return 200 while the event loop of the process runs."""
    return PlainTextResponse("live\n")


async def redirect_to_graphql(_request: Request) -> Response:
    """Redirect from the root to the GraphQL endpoint."""
    return RedirectResponse(GRAPHQL_PATH)


class GatewayApplication(Starlette):
    """The ASGI application.

    GraphQL requests and WebSockets are dispatched here, past Starlette's middleware and
    router, to save their time.
    """

    def __init__(self, service: GatewayService, routes: Sequence[BaseRoute]) -> None:
        """Dispatch GraphQL requests to `service`, and all other requests by `routes`."""
        super().__init__(routes=routes, lifespan=service.lifespan)
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request, serve a WebSocket, or run the lifespan."""
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
    """Create the application; GraphiQL opened on a loopback address starts with `token`, if any."""
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
            # Another host name may point to this machine: its pages must not get the token.
            is_loopback = request.url.hostname in LOOPBACK_HOSTS
            return page.render_page(
                headers=headers if is_loopback else None, examples=EXAMPLE_QUERIES
            )
        request_id = choose_request_id(request.headers.get("x-request-id", ""))
        return error_response(MethodNotAllowedError(), request_id)

    route = Route(GRAPHQL_PATH, serve_page_or_reject, methods=REJECTED_METHODS)
    return [*(page.build_static_routes() if settings.graphiql else ()), route]
