"""The HTTP methods of the GraphQL endpoint: POST, GET and HEAD, OPTIONS; status 405 for others."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gateway.config.settings import Settings
from gateway.graphiql.examples import EXAMPLE_QUERIES
from gateway.graphiql.page import render_page
from gateway.http.content_negotiation import NotAcceptableError, parse_accepted_formats
from gateway.http.errors import MethodNotAllowedError
from gateway.http.request_head import RequestHead
from gateway.server.endpoint import GatewayService, choose_request_id

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that a proxy adds."""
MethodHandler = Callable[[RequestHead], Awaitable[ASGIApp]]


def is_local_request(request: Request) -> bool:
    """Return whether a request comes from this machine, to a loopback address, without a proxy.

    Only then may the page contain the demo's token: another host name may point to this machine,
    and a proxy on it may pass on requests of others.
    """
    if request.url.hostname not in LOOPBACK_HOSTS or request.client is None:
        return False
    if any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class GraphQLMethods:
    """Handlers of the methods of the GraphQL endpoint.

    | method      | response                                                          |
    |-------------|-------------------------------------------------------------------|
    | POST        | that of the operation                                             |
    | GET, HEAD   | GraphiQL, if it is served and `Accept` names HTML; that of the    |
    |             | query with `GATEWAY_GET_QUERIES=on`; else 405                     |
    | OPTIONS     | 204 with `Allow`; a CORS preflight request: see `CORSPolicy`      |
    | others      | 405 with `Allow`                                                  |
    """

    def __init__(self, service: GatewayService, settings: Settings, token: str | None) -> None:
        """Handle requests by `service`; GraphiQL on a loopback address starts with `token`."""
        self._service, self._settings = service, settings
        self._page_headers = {"Authorization": f"Token {token}"} if token else None
        self._handlers: dict[str, MethodHandler] = {
            "POST": service.handle_graphql,
            "OPTIONS": self._describe_methods,
            "GET": self._handle_get,
            "HEAD": self._handle_head,
        }
        safe_methods = ("GET", "HEAD") if settings.serves_graphiql or settings.get_queries else ()
        self._post_message = "GraphQL requests must use the method POST."
        if settings.serves_graphiql:
            self._post_message += " To use GraphiQL, open this address in a browser."
        self._allowed_methods = (*safe_methods, "POST", "OPTIONS")

    def get_handler(self, method: str) -> MethodHandler:
        """Return the handler of a method."""
        return self._handlers.get(method, self._reject_method)

    async def _handle_get(self, request: RequestHead) -> ASGIApp:
        if self._settings.serves_graphiql and self._wants_page(request):
            return self._render_page(request)
        if not self._settings.get_queries:
            error = MethodNotAllowedError(self._post_message, ("POST", "OPTIONS"))
            return await self._service.reject_request(request, error)
        return await self._service.handle_graphql(request)

    async def _handle_head(self, request: RequestHead) -> ASGIApp:
        """Return the response to GET without its body."""
        response = await self._handle_get(request)
        if isinstance(response, Response):
            response.body = b""
        return response

    def _wants_page(self, request: RequestHead) -> bool:
        try:
            formats = parse_accepted_formats(request.headers.get(b"accept", ()))
        except NotAcceptableError:
            return False
        return formats.prefers_html if self._settings.get_queries else formats.accepts_html

    def _render_page(self, request: RequestHead) -> Response:
        is_local = is_local_request(Request(request.scope))
        return render_page(
            endpoint="../graphql" if request.scope["path"].endswith("/") else "graphql",
            headers=self._page_headers if is_local else None,
            examples=EXAMPLE_QUERIES,
        )

    async def _describe_methods(self, request: RequestHead) -> ASGIApp:
        preflight_response = self._service.cors_policy.answer_preflight(
            request.scope, choose_request_id("")
        )
        allowed_methods = ", ".join(self._allowed_methods)
        return preflight_response or Response(status_code=204, headers={"Allow": allowed_methods})

    async def _reject_method(self, request: RequestHead) -> ASGIApp:
        error = MethodNotAllowedError(
            f"The method {request.method} is not supported.", self._allowed_methods
        )
        return await self._service.reject_request(request, error)
