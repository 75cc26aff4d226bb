"""What Waldur's plugins say of the offerings of a type; it stands in no table (domain.md §3.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True)
class Plugin:
    """The facts of one type of offerings."""

    limits_updatable: bool = False
    """Whether the limits of a resource can be changed."""
    factors: Mapping[str, int] = field(default_factory=dict)
    """The components that the plugin brings, and how many backend units make one of theirs."""
    pulls: bool = False
    """Whether the backend can be asked how a resource is."""
    orders_cancellable: bool = False
    """Whether an order can be called off."""
    secret_attributes: frozenset[str] = frozenset()
    """What nobody is shown of a resource's attributes."""


UNKNOWN = Plugin()
PLUGINS: Mapping[str, Plugin] = {
    "OpenStack.Tenant": Plugin(
        pulls=True,
        limits_updatable=True,
        factors={"cores": 1, "ram": 1024, "storage": 1024},
        secret_attributes=frozenset({"user_username", "user_password"}),
    ),
    "OpenStack.Instance": Plugin(pulls=True),
    "OpenStack.Volume": Plugin(pulls=True),
    "VMware.VirtualMachine": Plugin(
        pulls=True, limits_updatable=True, factors={"cpu": 1, "ram": 1024, "disk": 1024}
    ),
    "SlurmInvoices.SlurmPackage": Plugin(pulls=True, factors={"cpu": 1, "gpu": 1, "ram": 1}),
    "Marketplace.Slurm": Plugin(pulls=True, limits_updatable=True),
    "Marketplace.Rancher": Plugin(pulls=True, factors={"node": 1}),
    "Marketplace.Basic": Plugin(limits_updatable=True, orders_cancellable=True),
    "Support.OfferingTemplate": Plugin(limits_updatable=True, orders_cancellable=True),
    "Marketplace.Script": Plugin(pulls=True, limits_updatable=True),
    "Waldur.RemoteOffering": Plugin(pulls=True, limits_updatable=True),
}

SECRET_ATTRIBUTES = frozenset().union(*(each.secret_attributes for each in PLUGINS.values()))
"""What any plugin keeps secret."""


def plugin(offering_type: str) -> Plugin:
    """Give the facts of offerings of that type."""
    return PLUGINS.get(offering_type, UNKNOWN)


def safe_attributes(attributes: str, offering_type: str) -> str:
    """Give the attributes without what the plugin keeps secret (domain.md §3.2)."""
    secret = plugin(offering_type).secret_attributes
    if not secret:
        return attributes
    given = msgspec.json.decode(attributes)
    if not isinstance(given, dict):
        return attributes
    safe = {name: each for name, each in given.items() if name not in secret}
    return msgspec.json.encode(safe).decode()
