"""Of what an offering of the demo is made: its components, plans and ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Component:
    """What of an offering is counted or paid."""

    type: str
    name: str
    unit: str
    billing: str
    price: str = "0"
    period: str | None = None
    factor: int = 1
    """How many of the backend's units are one measured unit, by which the price is."""
    bounds: tuple[int | None, int | None] = (None, None)
    traits: Mapping[str, Any] = field(default_factory=dict)
    overage: str | None = None

    @property
    def limited(self) -> bool:
        """Whether consumers say how much they want."""
        return self.billing == "limit"


@dataclass(frozen=True)
class Plan:
    """A way to pay: prices are those of the components, times a factor."""

    name: str
    unit: str = "month"
    factor: Decimal = Decimal(1)
    archived: bool = False
    max_amount: int | None = None
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class Kind:
    """What offerings of one sort have in common."""

    type: str
    category: str
    components: Sequence[Component] = ()
    plans: Sequence[Plan] = ()


_MONTHLY = (Plan("Standard"), Plan("Premium", factor=Decimal("1.6")), Plan("2023", archived=True))
_SMALL = (Plan("Per month"), Plan("Pilot", factor=Decimal("0.5"), max_amount=5))
_PREPAID = {
    "is_prepaid": True,
    "min_prepaid_duration": 3,
    "max_prepaid_duration": 36,
    "prepaid_duration_step": 3,
    "min_renewal_duration": 3,
    "max_renewal_duration": 24,
    "renewal_duration_step": 3,
}

TENANT = Kind(
    "OpenStack.Tenant",
    "Private clouds",
    (
        Component("cores", "Cores", "cores", "limit", "4.5", "month", bounds=(1, 500)),
        Component("ram", "RAM", "GB", "limit", "1.2", "month", 1024, (1024, 4096 * 1024)),
        Component(
            "storage", "Storage", "GB", "limit", "0.04", "month", 1024, (1024, 102400 * 1024)
        ),
        Component("gigabytes_ssd", "Fast storage", "GB", "limit", "0.09", "month"),
    ),
    _MONTHLY,
)
INSTANCE = Kind("OpenStack.Instance", "Virtual machines")
VOLUME = Kind("OpenStack.Volume", "Volumes")
PACKAGE = Kind(
    "SlurmInvoices.SlurmPackage",
    "High-performance computing",
    (
        Component("cpu", "CPU", "hours", "usage", "0.012"),
        Component("gpu", "GPU", "hours", "usage", "0.85"),
        Component("ram", "RAM", "GB-hours", "usage", "0.002"),
    ),
    (
        Plan("Pay per use", "hour"),
        Plan("Academic", "hour", Decimal("0.6"), groups=("Universities",)),
    ),
)
CLUSTER = Kind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        Component(
            "node_hours",
            "Node hours",
            "node-hours",
            "limit",
            "0.75",
            "month",
            bounds=(10, 100000),
            overage="node_overage",
        ),
        Component(
            "gpu_hours", "GPU hours", "GPU-hours", "limit", "1.9", "quarterly", bounds=(0, 50000)
        ),
        Component(
            "scratch",
            "Scratch space",
            "TB",
            "limit",
            "12",
            "total",
            traits={"limit_amount": 4000, "max_available_limit": 500},
        ),
        Component("node_overage", "Node hours above the limit", "node-hours", "usage", "1.1"),
        Component("support", "User support", "contract", "fixed", "50"),
        Component("onboarding", "Onboarding", "course", "one", "200"),
    ),
    _MONTHLY,
)
GRANT = Kind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        Component(
            "cpu_hours", "CPU hours", "hours", "limit", "0.01", "annual", bounds=(1000, None)
        ),
        Component("gpu_hours", "GPU hours", "hours", "limit", "0.7", "annual"),
        Component("review", "Scientific review", "review", "few", "150"),
    ),
    (Plan("Grand challenge", "quarter", groups=("Universities", "Institutes")), Plan("Open call")),
)
STORAGE = Kind(
    "Marketplace.Basic",
    "Storage",
    (
        Component(
            "capacity",
            "Capacity",
            "TB",
            "limit",
            "8",
            "month",
            bounds=(1, 2000),
            traits={"default_limit": 10},
        ),
        Component(
            "snapshots",
            "Snapshots",
            "",
            "limit",
            "5",
            "month",
            bounds=(0, 1),
            traits={"is_boolean": True},
        ),
        Component("egress", "Outgoing traffic", "TB", "usage", "2.5"),
    ),
    _MONTHLY,
)
PREPAID = Kind(
    "Marketplace.Basic",
    "Storage",
    (
        Component(
            "slots",
            "Tape slots",
            "slots",
            "limit",
            "3",
            bounds=(1, 500),
            traits=_PREPAID,
            overage="extra",
        ),
        Component("extra", "Slots above the limit", "slots", "usage", "4"),
    ),
    (Plan("Prepaid"), Plan("Prepaid, two sites", factor=Decimal("1.9"))),
)
SERVICE = Kind(
    "Support.OfferingTemplate",
    "Expert services",
    (
        Component("hours", "Consulting", "hours", "usage", "95"),
        Component("retainer", "Retainer", "contract", "fixed", "250"),
        Component("setup", "Preparation", "once", "one", "400"),
    ),
    _SMALL,
)
SEATS = Kind(
    "Marketplace.Script",
    "Managed platforms",
    (
        Component("seats", "Seats", "users", "limit", "6", "month", bounds=(1, 300)),
        Component("migration", "Migration", "once", "few", "75"),
    ),
    _SMALL,
)
SLOT = Kind(
    "Marketplace.Booking",
    "Expert services",
    (Component("shift", "Shift", "shifts", "fixed", "320"),),
    (Plan("Per day", "day"), Plan("Half month", "half_month", Decimal(6))),
)
CLUSTERS = Kind(
    "Marketplace.Rancher",
    "Managed platforms",
    (Component("node", "Nodes", "nodes", "usage", "18"),),
    (Plan("Per node"), Plan("Per node, 2022", archived=True)),
)
MACHINE = Kind(
    "VMware.VirtualMachine",
    "Virtual machines",
    (
        Component("cpu", "vCPU", "vCPU", "limit", "5", "month", bounds=(1, 64)),
        Component("ram", "RAM", "GB", "limit", "1.5", "month", 1024),
        Component("disk", "Disk", "GB", "limit", "0.05", "month", 1024),
    ),
    _SMALL,
)
