"""What Waldur's plugins say of the offerings of a type; it stands in no table (domain.md §3.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True)
class Plugin:
    """The facts of one type of offerings."""

    can_update_limits: bool = False
    """Whether the limits of a resource can be changed."""
    backend_factors: Mapping[str, int] = field(default_factory=dict)
    """The components that the plugin brings, and how many backend units make one of theirs."""
    can_pull: bool = False
    """Whether the backend can be asked how a resource is."""
    can_cancel_orders: bool = False
    """Whether an order can be called off."""
    secret_attributes: frozenset[str] = frozenset()
    """What nobody is shown of a resource's attributes."""


UNKNOWN_PLUGIN = Plugin()
PLUGINS: Mapping[str, Plugin] = {
    "OpenStack.Tenant": Plugin(
        can_pull=True,
        can_update_limits=True,
        backend_factors={"cores": 1, "ram": 1024, "storage": 1024},
        secret_attributes=frozenset({"user_username", "user_password"}),
    ),
    "OpenStack.Instance": Plugin(can_pull=True),
    "OpenStack.Volume": Plugin(can_pull=True),
    "VMware.VirtualMachine": Plugin(
        can_pull=True, can_update_limits=True, backend_factors={"cpu": 1, "ram": 1024, "disk": 1024}
    ),
    "SlurmInvoices.SlurmPackage": Plugin(
        can_pull=True, backend_factors={"cpu": 1, "gpu": 1, "ram": 1}
    ),
    "Marketplace.Slurm": Plugin(can_pull=True, can_update_limits=True),
    "Marketplace.Rancher": Plugin(can_pull=True, backend_factors={"node": 1}),
    "Marketplace.Basic": Plugin(can_update_limits=True, can_cancel_orders=True),
    "Support.OfferingTemplate": Plugin(can_update_limits=True, can_cancel_orders=True),
    "Marketplace.Script": Plugin(can_pull=True, can_update_limits=True),
    "Waldur.RemoteOffering": Plugin(can_pull=True, can_update_limits=True),
}

SECRET_ATTRIBUTES = frozenset().union(*(each.secret_attributes for each in PLUGINS.values()))
"""What any plugin keeps secret."""


def get_plugin(offering_type: str) -> Plugin:
    """Give the facts of offerings of that type."""
    return PLUGINS.get(offering_type, UNKNOWN_PLUGIN)


def strip_secret_attributes(attributes: str, offering_type: str) -> str:
    """Give the attributes without what the plugin keeps secret (domain.md §3.2)."""
    secret_names = get_plugin(offering_type).secret_attributes
    if not secret_names:
        return attributes
    values = msgspec.json.decode(attributes)
    if not isinstance(values, dict):
        return attributes
    public_values = {name: each for name, each in values.items() if name not in secret_names}
    return msgspec.json.encode(public_values).decode()
