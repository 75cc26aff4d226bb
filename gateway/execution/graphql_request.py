"""The GraphQL request that the executor takes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GraphQLRequest:
    """A GraphQL request: a document, its variables and the operation to execute."""

    query: str
    """The text of the document; empty if the request names a persisted document."""
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    """The operation to execute; None if the document has only one."""
    request_id: str = ""
    """The id under which the request is logged."""
    document_id: str | None = None
    """The id of a trusted document to execute."""
    extensions: dict[str, Any] | None = None
    reports_cost: bool = False
    """Whether the response reports the operation's cost."""
