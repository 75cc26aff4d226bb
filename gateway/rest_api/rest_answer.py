"""Answers of Waldur's REST API, and what they say about what was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JSON_MEDIA_TYPE = "application/json"


@dataclass(frozen=True)
class RestAnswer:
    """An answer of the REST API."""

    status: int
    media_type: str
    """Media type without parameters, in lower case; empty without one."""
    body: Any
    """Decoded JSON; None without a body, and for all that is not JSON."""
    retry_after: str = ""
    """The header Retry-After; empty without one."""
    is_readable: bool = True
    """Whether the body is JSON or empty."""

    def get_uuid(self, name: str) -> str | None:
        """Return a uuid in the body; None without it."""
        value = self.body.get(name) if isinstance(self.body, Mapping) else None
        return value if isinstance(value, str) else None

    def list_uuids(self, name: str) -> Sequence[str] | None:
        """Return uuids in the body; None without them."""
        values = self.body.get(name) if isinstance(self.body, Mapping) else None
        if not isinstance(values, list):
            return None
        return [each for each in values if isinstance(each, str)]
