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
from gateway.server.endpoint import GatewayService, choose_request_id
from gateway.server.graphql_methods import GraphQLMethods

GRAPHQL_PATH = "/graphql"
GRAPHQL_PATHS = frozenset({GRAPHQL_PATH, f"{GRAPHQL_PATH}/"})
"""The paths of the GraphQL endpoint: a redirect would lose the body of some clients."""


async def report_liveness(_request: Request) -> Response:
    """Return 200 while the event loop of the process runs."""
    return PlainTextResponse("live\n")


async def redirect_to_graphql(request: Request) -> Response:
    """Redirect to the GraphQL endpoint, by a URL without host.

    Without a root path it is relative, so that it leads below the path that a proxy strips.
    """
    root_path = request.scope["root_path"]
    return RedirectResponse(f"{root_path}{GRAPHQL_PATH}" if root_path else GRAPHQL_PATH[1:])


class GatewayApplication(Starlette):
    """The ASGI application.

    GraphQL requests and WebSockets are dispatched here, past Starlette's middleware and
    router, to save their time.

    Below a root path all paths exist twice: proxies may forward the root path or strip it.
    """

    def __init__(
        self,
        service: GatewayService,
        methods: GraphQLMethods,
        routes: Sequence[BaseRoute],
        root_path: str = "",
    ) -> None:
        """Dispatch GraphQL requests by `methods`, and all other requests by `routes`."""
        super().__init__(routes=routes, lifespan=service.lifespan)
        # Such a redirect would have an absolute URL with the host that the client names.
        self.router.redirect_slashes = False
        self._service, self._methods, self._root_path = service, methods, root_path
        self._graphql_paths = GRAPHQL_PATHS | {f"{root_path}{path}" for path in GRAPHQL_PATHS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request, serve a WebSocket, or run the lifespan."""
        request_type = scope["type"]
        is_graphql = request_type != "lifespan" and scope["path"] in self._graphql_paths
        if is_graphql and request_type == "http":
            handle_request = self._methods.get_handler(scope["method"])
            response = await handle_request(RequestHead(scope, receive))
            await response(scope, receive, send)
        elif is_graphql:
            await self._service.serve_socket(scope, receive, send)
        elif request_type == "http":
            self._add_root_path(scope)
            await (self._answer_preflight(scope) or super().__call__)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _add_root_path(self, scope: Scope) -> None:
        """Complete the scope of a request as ASGI says: its path includes the root path."""
        root_path, path = self._root_path, scope["path"]
        if root_path and not f"{path}/".startswith(f"{root_path}/"):
            path = root_path + path
        scope["root_path"] = root_path
        scope["path"] = f"{path}/" if path == root_path else path

    def _answer_preflight(self, scope: Scope) -> Response | None:
        """Return the response to a CORS preflight request for an attachment."""
        path = scope["path"].removeprefix(scope["root_path"])
        if scope["method"] != "OPTIONS" or not path.startswith(ATTACHMENT_PATH_PREFIX):
            return None
        return self._service.cors_policy.answer_preflight(scope, choose_request_id(""))


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
            *(page.build_static_routes() if settings.serves_graphiql else ()),
        ],
        settings.root_path,
    )
