"""Keys of clients: what a client can vary does not change them."""

import pytest

from gateway.db.access.viewer import Viewer
from gateway.rate_limits.client_key import get_client_network, identify_client


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::5", "2001:db8:0:2::/64"),
        ("::1", "::/64"),
        (None, "unknown"),
    ],
)
def test_network_of_an_address(address: str | None, network: str) -> None:
    assert get_client_network(address) == network


def test_user_is_identified_by_id_at_each_address() -> None:
    viewer = Viewer(user_id=7)
    assert identify_client(viewer, "192.0.2.1") == identify_client(viewer, "::1") == 7


def test_anonymous_client_is_identified_by_network() -> None:
    addresses = [f"2001:db8::{number:x}" for number in range(100)]
    assert len({identify_client(Viewer(), each) for each in addresses}) == 1
