"""What a request's head says, as far as it matters here: read once, and not for each question."""

from starlette.types import Receive, Scope

PREFLIGHT_HEADERS = (b"graphql-preflight", b"apollo-require-preflight", b"x-requested-with")
"""Headers that no form can send."""
PARSED_HEADERS = frozenset(
    {
        b"accept",
        b"authorization",
        b"content-type",
        b"last-event-id",
        b"x-forwarded-for",
        b"x-request-id",
        *PREFLIGHT_HEADERS,
    }
)
"""The headers that are listened to."""


class RequestHead:
    """A request with its head at hand."""

    __slots__ = ("headers", "peer_address", "receive")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Read the head that `scope` has; `receive` gives the body."""
        self.receive = receive
        client = scope.get("client")
        self.peer_address: str | None = client[0] if client else None
        """The address that the request comes from."""
        self.headers: dict[bytes, tuple[str, ...]] = {}
        """The values of each header that is listened to, in their order."""
        for name, value in scope["headers"]:
            if name in PARSED_HEADERS:
                self.headers[name] = (*self.headers.get(name, ()), value.decode("latin-1"))

    def first(self, name: bytes) -> str:
        """Give the first value of a header; empty without one."""
        return self.headers[name][0] if name in self.headers else ""
