"""What hangs on an offering: partitions, software, endpoints, terms (domain.md §1.5 to §1.10)."""

from sqlalchemy import BigInteger, Index, SmallInteger, Table, UniqueConstraint
from sqlalchemy import text as sql

from gateway.db.tables.columns import (
    flag,
    identity,
    json,
    metadata,
    moment,
    name,
    natural,
    reference,
    string,
    text,
    timestamps,
    url,
)

partition = Table(
    "marketplace_offeringpartition",
    metadata,
    *identity(),
    *timestamps(),
    reference("offering_id", "marketplace_offering"),
    string("partition_name"),
    string("cpu_arch", 100),
    string("gpu_arch", 100),
    natural("cpu_bind", null=True),
    natural("def_cpu_per_gpu", null=True),
    natural("max_cpus_per_node", null=True),
    natural("max_cpus_per_socket", null=True),
    natural("def_mem_per_cpu", BigInteger(), null=True),
    natural("def_mem_per_gpu", BigInteger(), null=True),
    natural("def_mem_per_node", BigInteger(), null=True),
    natural("max_mem_per_cpu", BigInteger(), null=True),
    natural("max_mem_per_node", BigInteger(), null=True),
    natural("default_time", null=True),
    natural("max_time", null=True),
    natural("grace_time", null=True),
    natural("max_nodes", null=True),
    natural("min_nodes", null=True),
    flag("exclusive_topo"),
    flag("exclusive_user"),
    natural("priority_tier", SmallInteger(), null=True),
    string("qos"),
    flag("req_resv"),
    UniqueConstraint("offering_id", "partition_name"),
    info={"since": 2025},
)

software_catalog = Table(
    "marketplace_softwarecatalog",
    metadata,
    *identity(),
    *timestamps(),
    name(100),
    string("version", 50),
    string("catalog_type", 50),
    url("source_url"),
    text("description"),
    json("metadata"),
    flag("auto_update_enabled"),
    moment("last_update_attempt", null=True),
    moment("last_successful_update", null=True),
    text("update_errors"),
    info={"since": 2025},
)

offering_software_catalog = Table(
    "marketplace_offeringsoftwarecatalog",
    metadata,
    *identity(),
    *timestamps(),
    reference("offering_id", "marketplace_offering"),
    reference("catalog_id", "marketplace_softwarecatalog"),
    reference("partition_id", "marketplace_offeringpartition", null=True),
    json("enabled_cpu_family"),
    json("enabled_cpu_microarchitectures"),
    UniqueConstraint("offering_id", "catalog_id"),
    info={"since": 2025},
)

software_package = Table(
    "marketplace_softwarepackage",
    metadata,
    *identity(),
    *timestamps(),
    reference("catalog_id", "marketplace_softwarecatalog"),
    name(200),
    info={"since": 2025},
)

offering_endpoint = Table(
    "marketplace_offeringaccessendpoint",
    metadata,
    *identity(),
    name(),
    url("url"),
    reference("offering_id", "marketplace_offering"),
)

offering_user_role = Table(
    "marketplace_offeringuserrole",
    metadata,
    *identity(),
    name(),
    reference("offering_id", "marketplace_offering"),
    string("scope_type", 100, since=2025),
    string("scope_type_label", 100, since=2025),
)

terms_of_service = Table(
    "marketplace_offeringtermsofservice",
    metadata,
    *identity(),
    *timestamps(),
    reference("offering_id", "marketplace_offering"),
    text("terms_of_service"),
    url("terms_of_service_link"),
    string("version", 50),
    flag("is_active"),
    flag("requires_reconsent"),
    natural("grace_period_days"),
    Index(
        "marketplace_offeringtermsofservice_one_active",
        "offering_id",
        unique=True,
        postgresql_where=sql("is_active"),
    ),
    info={"since": 2025},
)

consent = Table(
    "marketplace_userofferingconsent",
    metadata,
    *identity(),
    *timestamps(),
    reference("user_id", "core_user"),
    reference("offering_id", "marketplace_offering"),
    moment("agreement_date"),
    string("version", 50),
    moment("revocation_date", null=True),
    UniqueConstraint("user_id", "offering_id"),
    info={"since": 2025},
)
