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
from gateway.http.request_head import RequestHead
from gateway.marketplace.attachments import ATTACHMENT_PATH_PREFIX
from gateway.server.background import BackgroundWorker
from gateway.server.endpoint import GatewayService
from gateway.server.graphql_methods import GraphQLMethods

GRAPHQL_PATH = "/graphql"
GRAPHQL_PATHS = frozenset({GRAPHQL_PATH, f"{GRAPHQL_PATH}/"})
"""The paths of the GraphQL endpoint: a redirect would lose the body of some clients."""


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

    def __init__(
        self, service: GatewayService, methods: GraphQLMethods, routes: Sequence[BaseRoute]
    ) -> None:
        """Dispatch GraphQL requests by `methods`, and all other requests by `routes`."""
        super().__init__(routes=routes, lifespan=service.lifespan)
        # Such a redirect would have an absolute URL with the host that the client names.
        self.router.redirect_slashes = False
        self._service, self._methods = service, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request, serve a WebSocket, or run the lifespan."""
        if scope["type"] == "http" and scope["path"] in GRAPHQL_PATHS:
            handle_request = self._methods.get_handler(scope["method"])
            response = await handle_request(RequestHead(scope, receive))
            await response(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] in GRAPHQL_PATHS:
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
        GraphQLMethods(service, settings, token),
        [
            Route("/livez", report_liveness),
            Route("/readyz", service.report_readiness),
            *([Route("/metrics", service.serve_metrics)] if settings.metrics else ()),
            Route("/", redirect_to_graphql),
            Route(f"{ATTACHMENT_PATH_PREFIX}{{name:path}}", service.serve_attachment),
            *(page.build_static_routes() if settings.graphiql else ()),
        ],
    )
