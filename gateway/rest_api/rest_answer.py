"""Answers of Waldur's REST API, and what they say about what was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.db.driver.encoding import UUID_PATTERN


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
        """Return a uuid in the body as 32 hexadecimal digits; None without one."""
        return _parse_uuid(self.body.get(name)) if isinstance(self.body, Mapping) else None

    def list_uuids(self, name: str) -> Sequence[str]:
        """Return uuids in the body, like `get_uuid`; none if there is no list of them."""
        values = self.body.get(name) if isinstance(self.body, Mapping) else None
        uuids = map(_parse_uuid, values if isinstance(values, list) else [])
        return [each for each in uuids if each is not None]


def _parse_uuid(value: object) -> str | None:
    if not isinstance(value, str) or not UUID_PATTERN.fullmatch(value):
        return None
    return UUID(value).hex
