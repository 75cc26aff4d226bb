"""Kinds of the offerings that joined later; some are prepaid."""

from decimal import Decimal

from gateway.demo.marketplace.catalogue import ComponentSpec, OfferingKind, PlanSpec

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
            "limit",
            "1.35",
            "month",
            bounds=(10, 20000),
            extra_columns={"default_limit": 100},
            overage_type="gpu_overage",
        ),
        ComponentSpec("cpu_hours", "CPU hours", "hours", "limit", "0.008", "quarterly"),
        ComponentSpec(
            "home",
            "Home folders",
            "TB",
            "limit",
            "9.5",
            "annual",
            bounds=(1, 50),
            extra_columns={"limit_amount": 900},
        ),
        ComponentSpec("gpu_overage", "GPU hours above the limit", "GPU-hours", "usage", "2.1"),
    ),
    (
        PlanSpec("Training", groups=SCHOLARLY_GROUPS),
        PlanSpec("Inference", factor=Decimal("1.3")),
        PlanSpec("Early access", "day", Decimal("0.1"), is_archived=True),
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
            "limit",
            "780",
            bounds=(1, 32),
            extra_columns=_YEARLY_PREPAID_COLUMNS,
            overage_type="shared_hours",
        ),
        ComponentSpec("shared_hours", "Hours on shared nodes", "node-hours", "usage", "4.2"),
        ComponentSpec("racking", "Installation", "once", "one", "1200"),
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
            "limit",
            "0.9",
            bounds=(1, 5000),
            extra_columns={"is_prepaid": True, "min_prepaid_duration": 12},
            overage_type="retrieval",
        ),
        ComponentSpec(
            "copies",
            "Second copy",
            "",
            "limit",
            "0.7",
            bounds=(0, 1),
            extra_columns={
                "is_prepaid": True,
                "is_boolean": True,
                "min_renewal_duration": 1,
                "max_renewal_duration": 120,
            },
        ),
        ComponentSpec("retrieval", "Retrieval", "TB", "usage", "6.5"),
    ),
    (
        PlanSpec("Prepaid term", "quarter"),
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
            "limit",
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
        ComponentSpec("samples", "Samples", "samples", "usage", "62.5"),
        ComponentSpec("project", "Project fee", "once", "one", "310"),
        ComponentSpec("change", "Change of protocol", "once", "few", "95"),
    ),
    (PlanSpec("By the sample", "quantity"), PlanSpec("By the month", factor=Decimal("0.9"))),
)
REMOTE = OfferingKind(
    "Waldur.RemoteOffering",
    "Private clouds",
    (
        ComponentSpec("cores", "Cores", "cores", "limit", "3.9", "month", bounds=(1, 128)),
        ComponentSpec("ram", "RAM", "GB", "limit", "1.05", "month", bounds=(1, 2048)),
        ComponentSpec("traffic", "Outgoing traffic", "GB", "usage", "0.02"),
    ),
    (PlanSpec("Federation"), PlanSpec("Federation, by the hour", "hour", Decimal("0.002"))),
)
