"""Tables of plugins' backend objects, which are the scopes of resources (domain.md §2.9b)."""

from typing import Any

from sqlalchemy import BigInteger, Column, SmallInteger, Table, UniqueConstraint

from gateway.db.tables.columns import (
    boolean_column,
    coordinate_columns,
    datetime_column,
    declare_column,
    description_column,
    error_columns,
    foreign_key_column,
    identity_columns,
    integer_column,
    metadata,
    name_column,
    non_negative_column,
    string_column,
    text_column,
    timestamp_columns,
)


def _backend_object_columns() -> tuple[Column[Any], ...]:
    """Declare the columns of all plugins' backend objects."""
    return (
        *identity_columns(),
        *timestamp_columns(),
        name_column(),
        description_column(),
        integer_column("state"),
        *error_columns(),
        foreign_key_column("service_settings_id", "structure_servicesettings"),
        foreign_key_column("project_id", "structure_project"),
    )


def _openstack_object_columns() -> tuple[Column[Any] | UniqueConstraint, ...]:
    """Declare the columns of OpenStack's backend objects."""
    return (
        *_backend_object_columns(),
        string_column("backend_id", null=True),
        string_column("runtime_state", 150),
        string_column("action", 50),
        text_column("action_details"),
        string_column("task_id", 155, null=True),
        UniqueConstraint("service_settings_id", "backend_id"),
    )


tenant = Table(
    "openstack_tenant",
    metadata,
    *_openstack_object_columns(),
    string_column("internal_network_id", 64),
    string_column("external_network_id", 64),
    string_column("availability_zone", 100),
    string_column("default_volume_type_name", 100),
    string_column("user_username", 50, secret=True),
    string_column("user_password", 50, secret=True),
)

instance = Table(
    "openstack_instance",
    metadata,
    *_openstack_object_columns(),
    foreign_key_column("tenant_id", "openstack_tenant"),
    foreign_key_column("availability_zone_id", None, null=True),
    foreign_key_column("server_group_id", None, null=True),
    non_negative_column("cores", SmallInteger()),
    non_negative_column("ram"),
    non_negative_column("disk"),
    non_negative_column("min_ram"),
    non_negative_column("min_disk"),
    string_column("flavor_name"),
    non_negative_column("flavor_disk"),
    string_column("image_name", 150),
    string_column("key_name", 50),
    string_column("key_fingerprint", 47),
    text_column("user_data"),
    datetime_column("start_time", null=True),
    string_column("hypervisor_hostname"),
    boolean_column("connect_directly_to_external_network"),
    string_column("directly_connected_ips"),
    *coordinate_columns(),
)

volume = Table(
    "openstack_volume",
    metadata,
    *_openstack_object_columns(),
    foreign_key_column("tenant_id", "openstack_tenant"),
    foreign_key_column("instance_id", "openstack_instance", null=True),
    foreign_key_column("availability_zone_id", None, null=True),
    foreign_key_column("type_id", None, null=True),
    foreign_key_column("image_id", None, null=True),
    foreign_key_column("source_snapshot_id", None, null=True),
    non_negative_column("size"),
    boolean_column("bootable"),
    string_column("device", 50),
    string_column("image_name", 150),
    text_column("image_metadata"),
    text_column("metadata"),
)

allocation = Table(
    "waldur_slurm_allocation",
    metadata,
    *_backend_object_columns(),
    string_column("backend_id"),
    boolean_column("is_active"),
    *(
        declare_column(f"{component}_{kind}", BigInteger())
        for component in ("cpu", "gpu", "ram")
        for kind in ("limit", "usage")
    ),
)
