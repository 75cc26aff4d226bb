"""Backend objects of resources: tenants, instances, volumes, allocations."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from gateway.db import tables
from gateway.db.tables.codes import BackendState, ResourceState
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.placement import ResourcePlacement
from gateway.demo.marketplace.rows import RowWriter

BackendReference: TypeAlias = tuple[int | None, int | None]
"""Content type and key of a backend object; (None, None) without one."""

NO_BACKEND: BackendReference = (None, None)
BACKEND_STATES: Mapping[ResourceState, BackendState] = {
    ResourceState.CREATING: BackendState.CREATING,
    ResourceState.OK: BackendState.OK,
    ResourceState.ERRED: BackendState.ERRED,
    ResourceState.UPDATING: BackendState.UPDATING,
    ResourceState.TERMINATING: BackendState.DELETING,
}
"""States of backend objects by the state of the resource (domain.md §2.8).

A terminated resource has no backend object.
"""


def add_backend_object(
    writer: RowWriter,
    placement: ResourcePlacement,
    name: str,
    state: ResourceState,
    created: datetime,
) -> BackendReference:
    """Add the backend object of a resource; return NO_BACKEND if its type or state has none."""
    add_object = _BACKEND_ADDERS.get(placement.offering.spec.kind.offering_type)
    if add_object is None or state not in BACKEND_STATES:
        return NO_BACKEND
    common_columns = {
        "name": name,
        "state": BACKEND_STATES[state],
        "service_settings_id": placement.offering.service_settings_id,
        "project_id": placement.project.key,
        "backend_id": writer.generate_uuid(),
        "created": created,
    }
    return add_object(writer, common_columns, placement)


def _add_tenant(
    writer: RowWriter, common_columns: dict[str, Any], placement: ResourcePlacement
) -> BackendReference:
    tenant_id = writer.add_row(
        tables.tenant,
        **common_columns,
        runtime_state="online",
        availability_zone="nova",
        internal_network_id=writer.generate_uuid(),
        external_network_id=writer.generate_uuid(),
        user_username=f"secret-user-{placement.project.key}",
        user_password="secret-tenant-password",  # noqa: S106 - not a password, but data that must stay hidden
    )
    return kinds.TENANT, tenant_id


def _add_instance(
    writer: RowWriter, common_columns: dict[str, Any], placement: ResourcePlacement
) -> BackendReference:
    assert placement.parent
    cores = writer.random.choice((1, 2, 4, 8, 16))
    instance_id = writer.add_row(
        tables.instance,
        **common_columns,
        tenant_id=placement.parent.object_id,
        runtime_state=writer.random.choice(("ACTIVE", "ACTIVE", "SHUTOFF")),
        cores=cores,
        ram=cores * 4096,
        disk=20480,
        flavor_name=f"m{cores}.standard",
        flavor_disk=20480,
        image_name=writer.random.choice(("Debian 12", "Rocky Linux 9", "Ubuntu 24.04")),
        hypervisor_hostname=f"node-{writer.random.randrange(40):02}.example.org",
        user_data="secret-user-data",
        start_time=common_columns["created"],
    )
    return kinds.INSTANCE, instance_id


def _add_volume(
    writer: RowWriter, common_columns: dict[str, Any], placement: ResourcePlacement
) -> BackendReference:
    assert placement.parent
    instance_id = placement.parent.machine_ids[-1] if placement.parent.machine_ids else None
    volume_id = writer.add_row(
        tables.volume,
        **common_columns,
        tenant_id=placement.parent.object_id,
        instance_id=instance_id,
        device="/dev/vdb" if instance_id else "",
        runtime_state="in-use" if instance_id else "available",
        size=1024 * writer.random.choice((10, 50, 100, 500)),
        bootable=writer.draw_chance(0.2),
        metadata="{}",
        image_metadata="{}",
    )
    return kinds.VOLUME, volume_id


def _add_allocation(
    writer: RowWriter, common_columns: dict[str, Any], _: ResourcePlacement
) -> BackendReference:
    allocation_id = writer.add_row(
        tables.allocation,
        **common_columns,
        is_active=common_columns["state"] == BackendState.OK,
        cpu_limit=100_000,
        cpu_usage=writer.random.randrange(90_000),
        gpu_limit=2_000,
        gpu_usage=writer.random.randrange(1_500),
        ram_limit=500_000,
        ram_usage=writer.random.randrange(400_000),
    )
    return kinds.ALLOCATION, allocation_id


_BACKEND_ADDERS: Mapping[
    str, Callable[[RowWriter, dict[str, Any], ResourcePlacement], BackendReference]
] = {
    "OpenStack.Tenant": _add_tenant,
    "OpenStack.Instance": _add_instance,
    "OpenStack.Volume": _add_volume,
    "SlurmInvoices.SlurmPackage": _add_allocation,
}
