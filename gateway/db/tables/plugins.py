"""The plugins' own objects, which resources refer to as their scope (domain.md §2.9b)."""

from typing import Any

from sqlalchemy import BigInteger, Column, SmallInteger, Table, UniqueConstraint

from gateway.db.tables.columns import (
    column,
    coordinates,
    description,
    errors,
    flag,
    identity,
    metadata,
    moment,
    name,
    natural,
    number,
    reference,
    string,
    text,
    timestamps,
)


def _backend_object() -> tuple[Column[Any], ...]:
    """Declare what the objects of every plugin have."""
    return (
        *identity(),
        *timestamps(),
        name(),
        description(),
        number("state"),
        *errors(),
        reference("service_settings_id", "structure_servicesettings"),
        reference("project_id", "structure_project"),
    )


def _openstack_object() -> tuple[Column[Any] | UniqueConstraint, ...]:
    """Declare what the objects of OpenStack have besides."""
    return (
        *_backend_object(),
        string("backend_id", null=True),
        string("runtime_state", 150),
        string("action", 50),
        text("action_details"),
        string("task_id", 155, null=True),
        UniqueConstraint("service_settings_id", "backend_id"),
    )


tenant = Table(
    "openstack_tenant",
    metadata,
    *_openstack_object(),
    string("internal_network_id", 64),
    string("external_network_id", 64),
    string("availability_zone", 100),
    string("default_volume_type_name", 100),
    string("user_username", 50),
    string("user_password", 50),
)

instance = Table(
    "openstack_instance",
    metadata,
    *_openstack_object(),
    reference("tenant_id", "openstack_tenant"),
    reference("availability_zone_id", None, null=True),
    reference("server_group_id", None, null=True),
    natural("cores", SmallInteger()),
    natural("ram"),
    natural("disk"),
    natural("min_ram"),
    natural("min_disk"),
    string("flavor_name"),
    natural("flavor_disk"),
    string("image_name", 150),
    string("key_name", 50),
    string("key_fingerprint", 47),
    text("user_data"),
    moment("start_time", null=True),
    string("hypervisor_hostname"),
    flag("connect_directly_to_external_network"),
    string("directly_connected_ips"),
    *coordinates(),
)

volume = Table(
    "openstack_volume",
    metadata,
    *_openstack_object(),
    reference("tenant_id", "openstack_tenant"),
    reference("instance_id", "openstack_instance", null=True),
    reference("availability_zone_id", None, null=True),
    reference("type_id", None, null=True),
    reference("image_id", None, null=True),
    reference("source_snapshot_id", None, null=True),
    natural("size"),
    flag("bootable"),
    string("device", 50),
    string("image_name", 150),
    text("image_metadata"),
    text("metadata"),
)

allocation = Table(
    "waldur_slurm_allocation",
    metadata,
    *_backend_object(),
    string("backend_id"),
    flag("is_active"),
    *(
        column(f"{what}_{kind}", BigInteger())
        for what in ("cpu", "gpu", "ram")
        for kind in ("limit", "usage")
    ),
)
