"""Requester: on whose behalf an operation runs, and by which request."""

from dataclasses import dataclass

from gateway.db.access.credentials import NO_CREDENTIALS, Credentials
from gateway.db.access.viewer import Viewer


@dataclass(frozen=True)
class Requester:
    """The viewer of a request, with what is passed on to Waldur's REST API."""

    viewer: Viewer
    credentials: Credentials = NO_CREDENTIALS
    request_id: str = ""
    """The id under which the request is logged; empty for events of a subscription."""
