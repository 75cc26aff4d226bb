"""Kinds of the offerings that joined later; some are prepaid."""

from decimal import Decimal

from gateway.db.tables.codes import PlanUnit
from gateway.demo.marketplace.catalogue import (
    ANNUAL,
    FEW,
    LIMIT,
    MONTH,
    ONE,
    QUARTERLY,
    USAGE,
    ComponentSpec,
    OfferingKind,
    PlanSpec,
)

SCHOLARLY_GROUPS = ("Universities", "Institutes")
COMMON_GROUPS = (*SCHOLARLY_GROUPS, "Industry", "Research")

ACCELERATORS = OfferingKind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        ComponentSpec(
            "gpu_hours",
            "GPU hours",
            "GPU-hours",
            LIMIT,
            "1.35",
            MONTH,
            bounds=(10, 20000),
            extra_columns={"default_limit": 100},
            overage_type="gpu_overage",
        ),
        ComponentSpec("cpu_hours", "CPU hours", "hours", LIMIT, "0.008", QUARTERLY),
        ComponentSpec(
            "home",
            "Home folders",
            "TB",
            LIMIT,
            "9.5",
            ANNUAL,
            bounds=(1, 50),
            extra_columns={"limit_amount": 900},
        ),
        ComponentSpec("gpu_overage", "GPU hours above the limit", "GPU-hours", USAGE, "2.1"),
    ),
    (
        PlanSpec("Training", groups=SCHOLARLY_GROUPS),
        PlanSpec("Inference", factor=Decimal("1.3")),
        PlanSpec("Early access", PlanUnit.DAY, Decimal("0.1"), is_archived=True),
    ),
)
_YEARLY_PREPAID_COLUMNS = {
    "is_prepaid": True,
    "min_prepaid_duration": 12,
    "max_prepaid_duration": 60,
    "prepaid_duration_step": 12,
    "min_renewal_duration": 12,
    "max_renewal_duration": 36,
    "renewal_duration_step": 12,
}
RESERVED = OfferingKind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        ComponentSpec(
            "nodes",
            "Reserved nodes",
            "nodes",
            LIMIT,
            "780",
            bounds=(1, 32),
            extra_columns=_YEARLY_PREPAID_COLUMNS,
            overage_type="shared_hours",
        ),
        ComponentSpec("shared_hours", "Hours on shared nodes", "node-hours", USAGE, "4.2"),
        ComponentSpec("racking", "Installation", "once", ONE, "1200"),
    ),
    (
        PlanSpec("Reserved"),
        PlanSpec("Reserved, with engineer", factor=Decimal("1.25"), groups=("Industry",)),
    ),
)
VAULT = OfferingKind(
    "Marketplace.Basic",
    "Storage",
    (
        ComponentSpec(
            "cold",
            "Cold storage",
            "TB",
            LIMIT,
            "0.9",
            bounds=(1, 5000),
            extra_columns={"is_prepaid": True, "min_prepaid_duration": 12},
            overage_type="retrieval",
        ),
        ComponentSpec(
            "copies",
            "Second copy",
            "",
            LIMIT,
            "0.7",
            bounds=(0, 1),
            extra_columns={
                "is_prepaid": True,
                "is_boolean": True,
                "min_renewal_duration": 1,
                "max_renewal_duration": 120,
            },
        ),
        ComponentSpec("retrieval", "Retrieval", "TB", USAGE, "6.5"),
    ),
    (
        PlanSpec("Prepaid term", PlanUnit.QUARTER),
        PlanSpec("Prepaid term, 2022", is_archived=True, max_amount=1),
    ),
)
TRIAL = OfferingKind(
    "Marketplace.Script",
    "Managed platforms",
    (
        ComponentSpec(
            "licences",
            "Licences",
            "users",
            LIMIT,
            "4",
            bounds=(1, 100),
            extra_columns=_YEARLY_PREPAID_COLUMNS,
        ),
    ),
    (PlanSpec("Prepaid trial"),),
)
SHARE = OfferingKind("Marketplace.Slurm", "High-performance computing")
SEQUENCING = OfferingKind(
    "Support.OfferingTemplate",
    "Expert services",
    (
        ComponentSpec("samples", "Samples", "samples", USAGE, "62.5"),
        ComponentSpec("project", "Project fee", "once", ONE, "310"),
        ComponentSpec("change", "Change of protocol", "once", FEW, "95"),
    ),
    (PlanSpec("By the sample", PlanUnit.QUANTITY), PlanSpec("By the month", factor=Decimal("0.9"))),
)
REMOTE = OfferingKind(
    "Waldur.RemoteOffering",
    "Private clouds",
    (
        ComponentSpec("cores", "Cores", "cores", LIMIT, "3.9", MONTH, bounds=(1, 128)),
        ComponentSpec("ram", "RAM", "GB", LIMIT, "1.05", MONTH, bounds=(1, 2048)),
        ComponentSpec("traffic", "Outgoing traffic", "GB", USAGE, "0.02"),
    ),
    (PlanSpec("Federation"), PlanSpec("Federation, by the hour", PlanUnit.HOUR, Decimal("0.002"))),
)
