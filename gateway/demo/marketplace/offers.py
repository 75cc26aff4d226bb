"""Specifications of the offerings: the class, and the initial two dozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.demo.marketplace import catalogue
from gateway.demo.marketplace.catalogue import OfferingKind

FAIL_ORDERS_OPTION = "demo_order_fails"
"""Plugin option of offerings whose orders the demo's provider fails."""
DRAFT, ACTIVE, PAUSED, ARCHIVED, UNAVAILABLE = range(1, 6)


@dataclass(frozen=True)
class OfferingSpec:
    """Specification of an offering."""

    name: str
    kind: OfferingKind
    provider: str
    resource_weight: int = 0
    """Share of the resources that are of this offering, in thousandths."""
    state: int = ACTIVE
    parent: str | None = None
    shared: bool = True
    billable: bool = True
    groups: Sequence[str] = ()
    project: str | None = None
    plugin_options: Mapping[str, Any] = field(default_factory=dict)
    options: Sequence[str] = ("purpose",)
    """Names of the questions in the order form."""
    resource_options: Sequence[str] = ()
    """Names of the questions about a resource of it."""
    partitions: Sequence[str] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    age_spread_days: int = 150
    """Maximum difference in days between its age and that of the newest offering."""
    extra_columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether only the provider's own projects may order it."""
        return not self.shared

    @property
    def has_failing_orders(self) -> bool:
        """Whether the demo's provider fails its orders."""
        return FAIL_ORDERS_OPTION in self.plugin_options


OFFERING_SPECS = (
    OfferingSpec(
        "Boreas Cloud",
        catalogue.TENANT,
        "aurora",
        70,
        plugin_options={"storage_mode": "dynamic", "max_instances": 30, "max_volumes": 100},
    ),
    OfferingSpec(
        "Boreas machines of Vesterlund",
        catalogue.INSTANCE,
        "vesterlund",
        90,
        parent="Boreas Cloud",
        shared=False,
        billable=False,
    ),
    OfferingSpec(
        "Boreas volumes of Vesterlund",
        catalogue.VOLUME,
        "vesterlund",
        70,
        parent="Boreas Cloud",
        shared=False,
        billable=False,
    ),
    OfferingSpec(
        "Fjord Cloud East",
        catalogue.TENANT,
        "fjord",
        60,
        plugin_options={"storage_mode": "fixed", "snapshot_size_limit_gb": 500},
    ),
    OfferingSpec(
        "Fjord machines of Kirkwood",
        catalogue.INSTANCE,
        "kirkwood",
        60,
        parent="Fjord Cloud East",
        shared=False,
        billable=False,
    ),
    OfferingSpec(
        "Fjord volumes of Kirkwood",
        catalogue.VOLUME,
        "kirkwood",
        30,
        parent="Fjord Cloud East",
        shared=False,
        billable=False,
    ),
    OfferingSpec(
        "Aurora Supercomputer",
        catalogue.CLUSTER,
        "aurora",
        140,
        plugin_options={
            "service_provider_can_create_offering_user": True,
            "supports_pausing": True,
            "supports_downscaling": True,
            "username_generation_policy": "waldur_username",
            "resource_name_pattern": "{project_slug}-hpc-{counter}",
        },
        resource_options=("notify_at", "contact"),
        partitions=("small", "large", "gpu", "debug"),
    ),
    OfferingSpec(
        "Boreas CPU partition",
        catalogue.PACKAGE,
        "aurora",
        70,
        plugin_options={"homedir_prefix": "/home/"},
        partitions=("cpu",),
    ),
    OfferingSpec(
        "Boreas GPU partition",
        catalogue.PACKAGE,
        "aurora",
        30,
        PAUSED,
        partitions=("gpu",),
        extra_columns={"paused_reason": "Cooling is being replaced."},
    ),
    OfferingSpec(
        "Aurora Grand Challenge",
        catalogue.GRANT,
        "aurora",
        60,
        groups=("Universities", "Institutes"),
        partitions=("capability",),
        plugin_options={"require_purchase_order_upload": True},
    ),
    OfferingSpec(
        "Fjord HPC Express", catalogue.CLUSTER, "fjord", 30, UNAVAILABLE, partitions=("express",)
    ),
    OfferingSpec(
        "Selene (retired)", catalogue.CLUSTER, "aurora", 20, ARCHIVED, partitions=("old",)
    ),
    OfferingSpec(
        "Research object storage",
        catalogue.STORAGE,
        "granite",
        90,
        plugin_options={
            "create_orders_on_resource_option_change": True,
            "can_restore_resource": True,
            "max_resource_termination_offset_in_days": 730,
            "resource_name_pattern": "{customer_slug}.{attributes[purpose]}-{counter:0>3}",
        },
        resource_options=("tier", "retention_days", "versioning"),
    ),
    OfferingSpec(
        "Project file shares",
        catalogue.STORAGE,
        "granite",
        40,
        plugin_options={"conceal_billing_data": True},
        resource_options=("tier", "contact"),
    ),
    OfferingSpec("Tape vault", catalogue.PREPAID, "granite", 30),
    OfferingSpec(
        "Sensitive data enclave",
        catalogue.STORAGE,
        "granite",
        10,
        shared=False,
        project="Clinical pilot",
    ),
    OfferingSpec("Data management consultancy", catalogue.SERVICE, "meridian", 20),
    OfferingSpec(
        "Managed databases",
        catalogue.SEATS,
        "meridian",
        30,
        plugin_options={
            "auto_approve_marketplace_script": False,
            "resource_name_pattern": "db {project_name} {plan_name} {counter}",
            "service_provider_can_create_offering_user": True,
        },
        resource_options=("backup", "retention_days"),
    ),
    OfferingSpec(
        "Beamline time",
        catalogue.SLOT,
        "meridian",
        10,
        plugin_options={
            "is_resource_termination_date_required": True,
            "default_resource_termination_offset_in_days": 30,
        },
    ),
    OfferingSpec(
        "Kubernetes clusters",
        catalogue.CLUSTERS,
        "meridian",
        20,
        groups=("Industry",),
        plugin_options={"deployment_mode": "managed"},
    ),
    OfferingSpec(
        "Software licences",
        catalogue.SEATS,
        "meridian",
        10,
        PAUSED,
        extra_columns={"paused_reason": "The contract is being renewed."},
    ),
    OfferingSpec("Code review clinic", catalogue.SERVICE, "meridian", 0, DRAFT),
    OfferingSpec("Fjord virtual machines", catalogue.MACHINE, "fjord", 30),
    OfferingSpec(
        "Internal test bed", catalogue.STORAGE, "aurora", 2, DRAFT, shared=False, billable=False
    ),
)
