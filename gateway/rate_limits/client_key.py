"""Keys by which clients are told apart in limits: users by id, others by their network."""

from functools import lru_cache
from ipaddress import ip_network

from gateway.db.access.viewer import Viewer

IPV6_PREFIX_LENGTH = 64
"""One client, such as a home or a virtual machine, usually has a whole network of this size."""


def identify_client(viewer: Viewer, address: str | None) -> int | str:
    """Return the id of the user who sends the requests, or the network of an anonymous client.

    It does not depend on the token, and of IPv6 addresses only on the network: clients can
    vary both.
    """
    return get_client_network(address) if viewer.sender_id is None else viewer.sender_id


@lru_cache(10_000)
def get_client_network(address: str | None) -> str:
    """Return the IPv4 address, the IPv6 network, or "unknown" for all unknown addresses."""
    if address is None:
        return "unknown"
    if ":" not in address:
        return address
    return str(ip_network(f"{address}/{IPV6_PREFIX_LENGTH}", strict=False))
