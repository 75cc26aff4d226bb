"""What a request's head says, as far as it matters here: read once, and not for each question."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from starlette.requests import Request

HEARD = frozenset(
    {b"accept", b"authorization", b"content-type", b"x-forwarded-for", b"x-request-id"}
)
"""The headers that are listened to."""


class Headed(Request):
    """A request with its head at hand."""

    @cached_property
    def heard(self) -> Mapping[bytes, Sequence[str]]:
        """The values of each header that is listened to, in their order."""
        found: dict[bytes, list[str]] = {}
        for name, value in self.scope["headers"]:
            if name in HEARD:
                found.setdefault(name, []).append(value.decode("latin-1"))
        return found

    def says(self, name: bytes) -> str:
        """Give the first value of a header; empty without one."""
        values = self.heard.get(name)
        return values[0] if values else ""
