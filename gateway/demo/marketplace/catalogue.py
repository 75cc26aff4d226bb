"""Kinds of offerings: their types, categories, components and plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gateway.db.tables.codes import BillingType, LimitPeriod, PlanUnit

FIXED, USAGE, LIMIT, ONE, FEW = BillingType
MONTH, QUARTERLY, ANNUAL, TOTAL = LimitPeriod


@dataclass(frozen=True)
class ComponentSpec:
    """Component of an offering: a metered or billed item."""

    component_type: str
    name: str
    unit: str
    billing_type: BillingType
    price: str = "0"
    limit_period: LimitPeriod | None = None
    factor: int = 1
    """Number of backend units in one measured unit; prices are per measured unit."""
    bounds: tuple[int | None, int | None] = (None, None)
    extra_columns: Mapping[str, Any] = field(default_factory=dict)
    overage_type: str | None = None

    @property
    def has_limit(self) -> bool:
        """Whether consumers set a limit for it."""
        return self.billing_type is LIMIT


@dataclass(frozen=True)
class PlanSpec:
    """Plan of an offering: the prices of its components, times a factor."""

    name: str
    unit: PlanUnit = PlanUnit.MONTH
    factor: Decimal = Decimal(1)
    is_archived: bool = False
    max_amount: int | None = None
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class OfferingKind:
    """Type, category, components and plans that offerings have in common."""

    offering_type: str
    category: str
    components: Sequence[ComponentSpec] = ()
    plans: Sequence[PlanSpec] = ()


_MONTHLY_PLANS = (
    PlanSpec("Standard"),
    PlanSpec("Premium", factor=Decimal("1.6")),
    PlanSpec("2023", is_archived=True),
)
_SMALL_PLANS = (PlanSpec("Per month"), PlanSpec("Pilot", factor=Decimal("0.5"), max_amount=5))
_PREPAID_COLUMNS = {
    "is_prepaid": True,
    "min_prepaid_duration": 3,
    "max_prepaid_duration": 36,
    "prepaid_duration_step": 3,
    "min_renewal_duration": 3,
    "max_renewal_duration": 24,
    "renewal_duration_step": 3,
}

TENANT = OfferingKind(
    "OpenStack.Tenant",
    "Private clouds",
    (
        ComponentSpec("cores", "Cores", "cores", LIMIT, "4.5", MONTH, bounds=(1, 500)),
        ComponentSpec("ram", "RAM", "GB", LIMIT, "1.2", MONTH, 1024, (1024, 4096 * 1024)),
        ComponentSpec(
            "storage", "Storage", "GB", LIMIT, "0.04", MONTH, 1024, (1024, 102400 * 1024)
        ),
        ComponentSpec("gigabytes_ssd", "Fast storage", "GB", LIMIT, "0.09", MONTH),
    ),
    _MONTHLY_PLANS,
)
INSTANCE = OfferingKind("OpenStack.Instance", "Virtual machines")
VOLUME = OfferingKind("OpenStack.Volume", "Volumes")
PACKAGE = OfferingKind(
    "SlurmInvoices.SlurmPackage",
    "High-performance computing",
    (
        ComponentSpec("cpu", "CPU", "hours", USAGE, "0.012"),
        ComponentSpec("gpu", "GPU", "hours", USAGE, "0.85"),
        ComponentSpec("ram", "RAM", "GB-hours", USAGE, "0.002"),
    ),
    (
        PlanSpec("Pay per use", PlanUnit.HOUR),
        PlanSpec("Academic", PlanUnit.HOUR, Decimal("0.6"), groups=("Universities",)),
    ),
)
CLUSTER = OfferingKind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        ComponentSpec(
            "node_hours",
            "Node hours",
            "node-hours",
            LIMIT,
            "0.75",
            MONTH,
            bounds=(10, 100000),
            overage_type="node_overage",
        ),
        ComponentSpec(
            "gpu_hours", "GPU hours", "GPU-hours", LIMIT, "1.9", QUARTERLY, bounds=(0, 50000)
        ),
        ComponentSpec(
            "scratch",
            "Scratch space",
            "TB",
            LIMIT,
            "12",
            TOTAL,
            extra_columns={"limit_amount": 4000, "max_available_limit": 500},
        ),
        ComponentSpec("node_overage", "Node hours above the limit", "node-hours", USAGE, "1.1"),
        ComponentSpec("support", "User support", "contract", FIXED, "50"),
        ComponentSpec("onboarding", "Onboarding", "course", ONE, "200"),
    ),
    _MONTHLY_PLANS,
)
GRANT = OfferingKind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        ComponentSpec(
            "cpu_hours", "CPU hours", "hours", LIMIT, "0.01", ANNUAL, bounds=(1000, None)
        ),
        ComponentSpec("gpu_hours", "GPU hours", "hours", LIMIT, "0.7", ANNUAL),
        ComponentSpec("review", "Scientific review", "review", FEW, "150"),
    ),
    (
        PlanSpec("Grand challenge", PlanUnit.QUARTER, groups=("Universities", "Institutes")),
        PlanSpec("Open call"),
    ),
)
STORAGE = OfferingKind(
    "Marketplace.Basic",
    "Storage",
    (
        ComponentSpec(
            "capacity",
            "Capacity",
            "TB",
            LIMIT,
            "8",
            MONTH,
            bounds=(1, 2000),
            extra_columns={"default_limit": 10},
        ),
        ComponentSpec(
            "snapshots",
            "Snapshots",
            "",
            LIMIT,
            "5",
            MONTH,
            bounds=(0, 1),
            extra_columns={"is_boolean": True},
        ),
        ComponentSpec("egress", "Outgoing traffic", "TB", USAGE, "2.5"),
    ),
    _MONTHLY_PLANS,
)
PREPAID = OfferingKind(
    "Marketplace.Basic",
    "Storage",
    (
        ComponentSpec(
            "slots",
            "Tape slots",
            "slots",
            LIMIT,
            "3",
            bounds=(1, 500),
            extra_columns=_PREPAID_COLUMNS,
            overage_type="extra",
        ),
        ComponentSpec("extra", "Slots above the limit", "slots", USAGE, "4"),
    ),
    (PlanSpec("Prepaid"), PlanSpec("Prepaid, two sites", factor=Decimal("1.9"))),
)
SERVICE = OfferingKind(
    "Support.OfferingTemplate",
    "Expert services",
    (
        ComponentSpec("hours", "Consulting", "hours", USAGE, "95"),
        ComponentSpec("retainer", "Retainer", "contract", FIXED, "250"),
        ComponentSpec("setup", "Preparation", "once", ONE, "400"),
    ),
    _SMALL_PLANS,
)
SEATS = OfferingKind(
    "Marketplace.Script",
    "Managed platforms",
    (
        ComponentSpec("seats", "Seats", "users", LIMIT, "6", MONTH, bounds=(1, 300)),
        ComponentSpec("migration", "Migration", "once", FEW, "75"),
    ),
    _SMALL_PLANS,
)
SLOT = OfferingKind(
    "Marketplace.Booking",
    "Expert services",
    (ComponentSpec("shift", "Shift", "shifts", FIXED, "320"),),
    (PlanSpec("Per day", PlanUnit.DAY), PlanSpec("Half month", PlanUnit.HALF_MONTH, Decimal(6))),
)
CLUSTERS = OfferingKind(
    "Marketplace.Rancher",
    "Managed platforms",
    (ComponentSpec("node", "Nodes", "nodes", USAGE, "18"),),
    (PlanSpec("Per node"), PlanSpec("Per node, 2022", is_archived=True)),
)
MACHINE = OfferingKind(
    "VMware.VirtualMachine",
    "Virtual machines",
    (
        ComponentSpec("cpu", "vCPU", "vCPU", LIMIT, "5", MONTH, bounds=(1, 64)),
        ComponentSpec("ram", "RAM", "GB", LIMIT, "1.5", MONTH, 1024),
        ComponentSpec("disk", "Disk", "GB", LIMIT, "0.05", MONTH, 1024),
    ),
    _SMALL_PLANS,
)
