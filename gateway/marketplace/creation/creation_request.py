"""The client's request to order a new resource."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class CreationRequest:
    """What the client asks for, by `createOrder` or by `orderPreview`."""

    offering: str
    """UUID of the offering."""
    project: str
    """UUID of the project that the resource will belong to."""
    name: str
    plan: str | None = None
    """UUID of the plan; None without one."""
    attributes: Any = None
    """Answers to the offering's order form, as JSON; None without any."""
    limits: Any = None
    """Limits as JSON; None without any."""
    accept_terms_of_service: bool = False
    """Whether the viewer accepts the offering's terms of service."""
    start_date: str | None = None
    request_comment: str | None = None
    attachment: bytes | None = None
    """Purchase order as a PDF file."""
