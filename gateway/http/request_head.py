"""Parsed head of an HTTP request: the headers that the gateway uses, and the peer's address."""

from starlette.types import Receive, Scope

PREFLIGHT_HEADERS = (b"graphql-preflight", b"apollo-require-preflight", b"x-requested-with")
"""Headers that an HTML form can't send: each of them proves that CORS rules were applied."""
IMPERSONATOR_HEADER = b"x-impersonator-uuid"
"""Header of a response: the uuid of the member of staff who impersonates the viewer."""
COST_HEADER = b"graphql-cost"
"""Header of a request that asks for the operation's cost, and of its response."""
PARSED_HEADERS = frozenset(
    {
        b"accept",
        b"authorization",
        b"content-encoding",
        b"content-type",
        b"last-event-id",
        b"origin",
        b"x-forwarded-for",
        b"x-request-id",
        COST_HEADER,
        *PREFLIGHT_HEADERS,
    }
)
"""The headers that are parsed; all others are skipped."""


class RequestHead:
    """Head of a request, parsed once, with the channel that its body is received by."""

    __slots__ = ("headers", "method", "peer_address", "receive", "response_headers", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Parse the headers in `scope`; `receive` is ASGI's channel for the body."""
        self.scope, self.receive = scope, receive
        self.method: str = scope.get("method", "GET")
        """The method; the handshake of a WebSocket is a GET."""
        client = scope.get("client")
        self.peer_address: str | None = client[0] if client else None
        """Address of the TCP peer; None if the server does not know it."""
        self.headers: dict[bytes, tuple[str, ...]] = {}
        """Values of each parsed header, in the order of the request."""
        for name, value in scope["headers"]:
            if name in PARSED_HEADERS:
                self.headers[name] = (*self.headers.get(name, ()), value.decode("latin-1"))

        self.response_headers: list[tuple[bytes, bytes]] = []
        """Headers of each response to the request, errors included."""

    def list_values(self, name: bytes) -> tuple[str, ...]:
        """Return the values of any header, by its name in lower case."""
        return tuple(
            [value.decode("latin-1") for each, value in self.scope["headers"] if each == name]
        )

    def first(self, name: bytes) -> str:
        """Return the first value of a header; an empty string if the header is absent."""
        return self.headers[name][0] if name in self.headers else ""
