"""The parts of httpcore that are not documented, all used here: the state of a connection.

A new version of httpcore may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

import httpcore


def has_unread_bytes(connection: httpcore.AsyncHTTPConnection) -> bool:
    """Return whether an idle connection of HTTP/1.1 has received more than its answers."""
    protocol = connection._connection  # noqa: SLF001 - see the docstring of the module
    if not isinstance(protocol, httpcore.AsyncHTTP11Connection):
        return False
    unread_bytes, _is_closed = protocol._h11_state.trailing_data  # noqa: SLF001
    return unread_bytes != b""
