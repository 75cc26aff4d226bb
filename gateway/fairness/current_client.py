"""The client that the current task works for, so that clients share what they wait for."""

from contextvars import ContextVar

ClientKey = int | str
"""The id of a user, or the network of anonymous clients."""
_current_client: ContextVar[ClientKey | None] = ContextVar("current_client", default=None)


def set_current_client(client: ClientKey) -> None:
    """Set the client that the current task, and the tasks that it starts, work for."""
    _current_client.set(client)


def get_current_client() -> ClientKey | None:
    """Return the client that the current task works for; None for the gateway's own work."""
    return _current_client.get()
