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
from gateway.execution.errors import Code
from gateway.graphiql import page
from gateway.graphiql.examples import EXAMPLES
from gateway.http.request_head import Headed
from gateway.http.responses import refused
from gateway.marketplace.attachments import PLACE
from gateway.server.background import Companion
from gateway.server.endpoint import Service, request_id

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PATH = "/graphql"
METHODS = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
"""What is answered by the page or by a refusal; queries come by POST."""


async def live(_request: Request) -> Response:
    """Say that the process lives."""
    return PlainTextResponse("live\n")


async def to_graphql(_request: Request) -> Response:
    """Lead to where the gateway answers."""
    return RedirectResponse(PATH)


class Application(Starlette):
    """The service as an ASGI application; queries go the shortest way, by no middleware."""

    def __init__(self, service: Service, routes: Sequence[BaseRoute]) -> None:
        """Route what is not a query by `routes`."""
        super().__init__(routes=routes, lifespan=service.life)
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a WebSocket."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            response = await self._service.graphql(Headed(scope, receive))
            await response(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == PATH:
            await self._service.socket(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def application(
    settings: Settings,
    installation: Installation,
    token: str | None = None,
    companion: Companion | None = None,
) -> Application:
    """Make the service; `token` is what GraphiQL starts with, if anything."""
    service = Service(settings, installation, companion)
    return Application(
        service,
        [
            Route("/livez", live),
            Route("/readyz", service.ready),
            *([Route("/metrics", service.metrics)] if settings.metrics else ()),
            Route("/", to_graphql),
            Route(f"{PLACE}{{name:path}}", service.attachment),
            *_graphql(settings, token),
        ],
    )


def _graphql(settings: Settings, token: str | None) -> Sequence[BaseRoute]:
    headers = {"Authorization": f"Token {token}"} if token else None

    async def answer(request: Request) -> Response:
        if settings.graphiql and "text/html" in request.headers.get("accept", ""):
            # A name that leads here from elsewhere must not get the demo's token with the page.
            own = request.url.hostname in LOOPBACK
            return page.page(headers=headers if own else None, examples=EXAMPLES)
        status, code, only = HTTPStatus.METHOD_NOT_ALLOWED, Code.BAD_USER_INPUT, {"Allow": "POST"}
        return refused(
            status,
            "Send queries by POST.",
            code,
            request_id(request.headers.get("x-request-id", "")),
            **only,
        )

    route = Route(PATH, answer, methods=METHODS)
    return [*(page.routes() if settings.graphiql else ()), route]
