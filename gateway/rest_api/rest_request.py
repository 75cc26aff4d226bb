"""Requests to Waldur's REST API, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FieldPath = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RestRequest:
    """One request to the REST API."""

    method: str = "POST"
    path: str
    """Path below the URL of the API, such as `/api/marketplace-resources/<uuid>/pull/`."""
    route: str
    """Name of the route, for logs and messages, such as `marketplace-resources/pull`."""
    body: Mapping[str, Any] | None = None
    """JSON object; None sends no body."""
    attachment: bytes | None = None
    """PDF file; with it the body travels as a multipart form."""
    input_paths: Mapping[str, FieldPath] = field(default_factory=dict)
    """Paths in the mutation's input by name in the body; others are the name in camelCase."""
    is_repeatable: bool = False
    """Whether sending it twice leaves the same as sending it once."""
    fallback: "RestRequest | None" = None
    """The request that older versions take, which lack the route of this one."""
    fallback_note: str = ""
    """What a refusal of the fallback adds to its message, such as rules of the older route."""
    since: str | None = None
    """The first version of Waldur that has the route; None if all supported versions have it."""
