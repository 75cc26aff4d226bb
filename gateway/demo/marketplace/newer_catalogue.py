"""Of what the offerings that joined later are made; some are paid in advance."""

from decimal import Decimal

from gateway.demo.marketplace.catalogue import Component, Kind, Plan

SCHOLARLY = ("Universities", "Institutes")
COMMON = (*SCHOLARLY, "Industry", "Research")

ACCELERATORS = Kind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        Component(
            "gpu_hours",
            "GPU hours",
            "GPU-hours",
            "limit",
            "1.35",
            "month",
            bounds=(10, 20000),
            traits={"default_limit": 100},
            overage="gpu_overage",
        ),
        Component("cpu_hours", "CPU hours", "hours", "limit", "0.008", "quarterly"),
        Component(
            "home",
            "Home folders",
            "TB",
            "limit",
            "9.5",
            "annual",
            bounds=(1, 50),
            traits={"limit_amount": 900},
        ),
        Component("gpu_overage", "GPU hours above the limit", "GPU-hours", "usage", "2.1"),
    ),
    (
        Plan("Training", groups=SCHOLARLY),
        Plan("Inference", factor=Decimal("1.3")),
        Plan("Early access", "day", Decimal("0.1"), archived=True),
    ),
)
_BY_THE_YEAR = {
    "is_prepaid": True,
    "min_prepaid_duration": 12,
    "max_prepaid_duration": 60,
    "prepaid_duration_step": 12,
    "min_renewal_duration": 12,
    "max_renewal_duration": 36,
    "renewal_duration_step": 12,
}
RESERVED = Kind(
    "Marketplace.Slurm",
    "High-performance computing",
    (
        Component(
            "nodes",
            "Reserved nodes",
            "nodes",
            "limit",
            "780",
            bounds=(1, 32),
            traits=_BY_THE_YEAR,
            overage="shared_hours",
        ),
        Component("shared_hours", "Hours on shared nodes", "node-hours", "usage", "4.2"),
        Component("racking", "Installation", "once", "one", "1200"),
    ),
    (
        Plan("Reserved"),
        Plan("Reserved, with engineer", factor=Decimal("1.25"), groups=("Industry",)),
    ),
)
VAULT = Kind(
    "Marketplace.Basic",
    "Storage",
    (
        Component(
            "cold",
            "Cold storage",
            "TB",
            "limit",
            "0.9",
            bounds=(1, 5000),
            traits={"is_prepaid": True, "min_prepaid_duration": 12},
            overage="retrieval",
        ),
        Component(
            "copies",
            "Second copy",
            "",
            "limit",
            "0.7",
            bounds=(0, 1),
            traits={
                "is_prepaid": True,
                "is_boolean": True,
                "min_renewal_duration": 1,
                "max_renewal_duration": 120,
            },
        ),
        Component("retrieval", "Retrieval", "TB", "usage", "6.5"),
    ),
    (Plan("Prepaid term", "quarter"), Plan("Prepaid term, 2022", archived=True, max_amount=1)),
)
TRIAL = Kind(
    "Marketplace.Script",
    "Managed platforms",
    (
        Component(
            "licences",
            "Licences",
            "users",
            "limit",
            "4",
            bounds=(1, 100),
            traits=_BY_THE_YEAR,
        ),
    ),
    (Plan("Prepaid trial"),),
)
SHARE = Kind("Marketplace.Slurm", "High-performance computing")
SEQUENCING = Kind(
    "Support.OfferingTemplate",
    "Expert services",
    (
        Component("samples", "Samples", "samples", "usage", "62.5"),
        Component("project", "Project fee", "once", "one", "310"),
        Component("change", "Change of protocol", "once", "few", "95"),
    ),
    (Plan("By the sample", "quantity"), Plan("By the month", factor=Decimal("0.9"))),
)
REMOTE = Kind(
    "Waldur.RemoteOffering",
    "Private clouds",
    (
        Component("cores", "Cores", "cores", "limit", "3.9", "month", bounds=(1, 128)),
        Component("ram", "RAM", "GB", "limit", "1.05", "month", bounds=(1, 2048)),
        Component("traffic", "Outgoing traffic", "GB", "usage", "0.02"),
    ),
    (Plan("Federation"), Plan("Federation, by the hour", "hour", Decimal("0.002"))),
)
