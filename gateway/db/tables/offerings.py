"""Tables that belong to offerings: partitions, software, endpoints, terms (domain.md §1.5-1.10)."""

from sqlalchemy import BigInteger, Index, SmallInteger, Table, UniqueConstraint, text as sql

from gateway.db.tables.columns import (
    boolean_column,
    datetime_column,
    foreign_key_column,
    identity_columns,
    json_column,
    metadata,
    name_column,
    non_negative_column,
    string_column,
    text_column,
    timestamp_columns,
    url_column,
)

partition = Table(
    "marketplace_offeringpartition",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("offering_id", "marketplace_offering"),
    string_column("partition_name"),
    string_column("cpu_arch", 100),
    string_column("gpu_arch", 100),
    non_negative_column("cpu_bind", null=True),
    non_negative_column("def_cpu_per_gpu", null=True),
    non_negative_column("max_cpus_per_node", null=True),
    non_negative_column("max_cpus_per_socket", null=True),
    non_negative_column("def_mem_per_cpu", BigInteger(), null=True),
    non_negative_column("def_mem_per_gpu", BigInteger(), null=True),
    non_negative_column("def_mem_per_node", BigInteger(), null=True),
    non_negative_column("max_mem_per_cpu", BigInteger(), null=True),
    non_negative_column("max_mem_per_node", BigInteger(), null=True),
    non_negative_column("default_time", null=True),
    non_negative_column("max_time", null=True),
    non_negative_column("grace_time", null=True),
    non_negative_column("max_nodes", null=True),
    non_negative_column("min_nodes", null=True),
    boolean_column("exclusive_topo"),
    boolean_column("exclusive_user"),
    non_negative_column("priority_tier", SmallInteger(), null=True),
    string_column("qos"),
    boolean_column("req_resv"),
    UniqueConstraint("offering_id", "partition_name"),
    info={"since": 2025},
)

software_catalog = Table(
    "marketplace_softwarecatalog",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    name_column(100),
    string_column("version", 50),
    string_column("catalog_type", 50),
    url_column("source_url"),
    text_column("description"),
    json_column("metadata"),
    boolean_column("auto_update_enabled"),
    datetime_column("last_update_attempt", null=True),
    datetime_column("last_successful_update", null=True),
    text_column("update_errors"),
    info={"since": 2025},
)

offering_software_catalog = Table(
    "marketplace_offeringsoftwarecatalog",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("offering_id", "marketplace_offering"),
    foreign_key_column("catalog_id", "marketplace_softwarecatalog"),
    foreign_key_column("partition_id", "marketplace_offeringpartition", null=True),
    json_column("enabled_cpu_family"),
    json_column("enabled_cpu_microarchitectures"),
    UniqueConstraint("offering_id", "catalog_id"),
    info={"since": 2025},
)

software_package = Table(
    "marketplace_softwarepackage",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("catalog_id", "marketplace_softwarecatalog"),
    name_column(200),
    info={"since": 2025},
)

offering_endpoint = Table(
    "marketplace_offeringaccessendpoint",
    metadata,
    *identity_columns(),
    name_column(),
    url_column("url"),
    foreign_key_column("offering_id", "marketplace_offering"),
)

offering_user_role = Table(
    "marketplace_offeringuserrole",
    metadata,
    *identity_columns(),
    name_column(),
    foreign_key_column("offering_id", "marketplace_offering"),
    string_column("scope_type", 100, since=2025),
    string_column("scope_type_label", 100, since=2025),
)

terms_of_service = Table(
    "marketplace_offeringtermsofservice",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("offering_id", "marketplace_offering"),
    text_column("terms_of_service"),
    url_column("terms_of_service_link"),
    string_column("version", 50),
    boolean_column("is_active"),
    boolean_column("requires_reconsent"),
    non_negative_column("grace_period_days"),
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
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("user_id", "core_user"),
    foreign_key_column("offering_id", "marketplace_offering"),
    datetime_column("agreement_date"),
    string_column("version", 50),
    datetime_column("revocation_date", null=True),
    UniqueConstraint("user_id", "offering_id"),
    info={"since": 2025},
)
