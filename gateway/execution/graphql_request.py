"""What a client asks for."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GraphQLRequest:
    """A GraphQL request."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    request_id: str = ""
    """What the request is called in the log."""
