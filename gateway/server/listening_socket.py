"""The address that the server listens on. Like the supervisor, this imports little."""

import socket


class UnusableAddressError(Exception):
    """The server can't listen on an address; the message names it and the reason."""


def bind_address(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address, but does not listen yet.

    Raises UnusableAddressError if the address can't be bound.
    """
    bound_socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound_socket.bind((host, port))
    except (OSError, UnicodeError) as error:
        bound_socket.close()
        reason = getattr(error, "strerror", None) or "no such host"
        raise UnusableAddressError(
            f"The gateway can't listen on {host} at port {port} ({reason}):"
            " choose another --host or --port (with make: GATEWAY_HOST, GATEWAY_PORT)."
        ) from None
    return bound_socket


def find_free_port(host: str, port: int) -> int:
    """Return the port to listen on; port 0 is replaced by a free port.

    Raises UnusableAddressError if the address can't be bound.
    """
    with bind_address(host, port) as probe:
        free_port: int = probe.getsockname()[1]
    return free_port


def format_address(host: str, port: int) -> str:
    """Return the URL of an address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
