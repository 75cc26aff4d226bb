"""Capabilities of Waldur's plugins, by offering type; no table stores them (domain.md §3.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.exact_json import decode_members, encode_json


@dataclass(frozen=True)
class Plugin:
    """Capabilities of the plugin behind one offering type."""

    can_update_limits: bool = False
    """Whether the plugin supports changing a resource's limits."""
    backend_factors: Mapping[str, int] = field(default_factory=dict)
    """Backend units for each unit of a built-in component, by component type."""
    can_pull: bool = False
    """Whether the plugin supports pulling a resource's state from the backend."""
    can_cancel_orders: bool = False
    """Whether the plugin supports cancelling orders."""
    secret_attributes: frozenset[str] = frozenset()
    """Names of resource attributes that are never published."""


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
    "Marketplace.Booking": Plugin(),
    "Waldur.RemoteOffering": Plugin(can_pull=True, can_update_limits=True),
}

SECRET_ATTRIBUTES = frozenset[str]().union(*(each.secret_attributes for each in PLUGINS.values()))
"""Secret attributes of all plugins: a filter by them would let clients guess their values."""


def get_plugin(offering_type: str | None) -> Plugin:
    """Return the plugin of an offering type; `UNKNOWN_PLUGIN` for an unknown one, or none."""
    return PLUGINS.get(offering_type or "", UNKNOWN_PLUGIN)


def strip_secret_attributes(attributes: str, offering_type: str | None) -> str:
    """Return attributes, as JSON, without the plugin's secret ones (domain.md §3.2).

    If the offering is missing, those of all plugins are left out.
    """
    secret_names = (
        SECRET_ATTRIBUTES if offering_type is None else get_plugin(offering_type).secret_attributes
    )
    if not secret_names:
        return attributes
    members = decode_members(attributes)
    if members is None:
        return attributes
    public_members = {name: each for name, each in members.items() if name not in secret_names}
    return encode_json(public_members).decode()
