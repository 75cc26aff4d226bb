"""The plugins' objects behind resources: tenants, machines, volumes, allocations."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.placement import Place
from gateway.demo.marketplace.rows import Rows

Backend: TypeAlias = tuple[int | None, int | None]
"""A content type and a key; nulls where there is no object."""

NONE: Backend = (None, None)
STATES = {1: 6, 2: 3, 3: 4, 4: 2, 5: 8}
"""The state of an object by that of its resource; a terminated one has none (domain.md §2.8)."""


def add(rows: Rows, place: Place, name: str, state: int, made: datetime) -> Backend:
    """Add the object behind a resource, if its plugin has any and it is not gone."""
    make = _MAKERS.get(place.offering.offer.kind.type)
    if make is None or state not in STATES:
        return NONE
    shared = {
        "name": name,
        "state": STATES[state],
        "service_settings_id": place.offering.settings,
        "project_id": place.project.key,
        "backend_id": rows.uuid(),
        "created": made,
    }
    return make(rows, shared, place)


def _tenant(rows: Rows, shared: dict[str, Any], place: Place) -> Backend:
    key = rows.add(
        tables.tenant,
        **shared,
        runtime_state="online",
        availability_zone="nova",
        internal_network_id=rows.uuid(),
        external_network_id=rows.uuid(),
        user_username=f"secret-user-{place.project.key}",
        user_password="secret-tenant-password",  # noqa: S106 - made up, to see that it stays hidden
    )
    return kinds.TENANT, key


def _instance(rows: Rows, shared: dict[str, Any], place: Place) -> Backend:
    assert place.parent
    cores = rows.random.choice((1, 2, 4, 8, 16))
    key = rows.add(
        tables.instance,
        **shared,
        tenant_id=place.parent.object,
        runtime_state=rows.random.choice(("ACTIVE", "ACTIVE", "SHUTOFF")),
        cores=cores,
        ram=cores * 4096,
        disk=20480,
        flavor_name=f"m{cores}.standard",
        flavor_disk=20480,
        image_name=rows.random.choice(("Debian 12", "Rocky Linux 9", "Ubuntu 24.04")),
        hypervisor_hostname=f"node-{rows.random.randrange(40):02}.example.org",
        user_data="secret-user-data",
        start_time=shared["created"],
    )
    return kinds.INSTANCE, key


def _volume(rows: Rows, shared: dict[str, Any], place: Place) -> Backend:
    assert place.parent
    machine = place.parent.machines[-1] if place.parent.machines else None
    key = rows.add(
        tables.volume,
        **shared,
        tenant_id=place.parent.object,
        instance_id=machine,
        device="/dev/vdb" if machine else "",
        runtime_state="in-use" if machine else "available",
        size=1024 * rows.random.choice((10, 50, 100, 500)),
        bootable=rows.chance(0.2),
        metadata="{}",
        image_metadata="{}",
    )
    return kinds.VOLUME, key


def _allocation(rows: Rows, shared: dict[str, Any], _: Place) -> Backend:
    key = rows.add(
        tables.allocation,
        **shared,
        is_active=shared["state"] == STATES[2],
        cpu_limit=100_000,
        cpu_usage=rows.random.randrange(90_000),
        gpu_limit=2_000,
        gpu_usage=rows.random.randrange(1_500),
        ram_limit=500_000,
        ram_usage=rows.random.randrange(400_000),
    )
    return kinds.ALLOCATION, key


_MAKERS: Mapping[str, Callable[[Rows, dict[str, Any], Place], Backend]] = {
    "OpenStack.Tenant": _tenant,
    "OpenStack.Instance": _instance,
    "OpenStack.Volume": _volume,
    "SlurmInvoices.SlurmPackage": _allocation,
}
