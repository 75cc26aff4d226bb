"""What a request's head says, as far as it matters here: read once, and not for each question."""

from starlette.types import Receive, Scope

PREFLIGHT = (b"graphql-preflight", b"apollo-require-preflight", b"x-requested-with")
"""Headers that no form can send."""
HEARD = frozenset(
    {
        b"accept",
        b"authorization",
        b"content-type",
        b"last-event-id",
        b"x-forwarded-for",
        b"x-request-id",
        *PREFLIGHT,
    }
)
"""The headers that are listened to."""


class Headed:
    """A request with its head at hand."""

    __slots__ = ("heard", "peer", "receive")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Read the head that `scope` has; `receive` gives the body."""
        self.receive = receive
        client = scope.get("client")
        self.peer: str | None = client[0] if client else None
        """The address that the request comes from."""
        self.heard: dict[bytes, tuple[str, ...]] = {}
        """The values of each header that is listened to, in their order."""
        for name, value in scope["headers"]:
            if name in HEARD:
                self.heard[name] = (*self.heard.get(name, ()), value.decode("latin-1"))

    def says(self, name: bytes) -> str:
        """Give the first value of a header; empty without one."""
        return self.heard[name][0] if name in self.heard else ""
