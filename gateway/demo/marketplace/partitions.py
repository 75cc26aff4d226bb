"""The parts of clusters, and the software on them."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.rows import Rows

_PARTITIONS: Mapping[str, dict[str, Any]] = {
    "small": {"max_nodes": 4, "min_nodes": 1, "default_time": 60, "max_time": 4320},
    "large": {"max_nodes": 256, "min_nodes": 20, "max_time": 2160, "exclusive_topo": True},
    "gpu": {"gpu_arch": "nvidia/hopper", "def_cpu_per_gpu": 16, "def_mem_per_gpu": 120_000},
    "debug": {"max_nodes": 2, "max_time": 30, "qos": "debug", "grace_time": 120},
    "capability": {"exclusive_user": True, "req_resv": True, "min_nodes": 100},
}
_CATALOGS = {
    "Nordic software stack": ("2025.06", "binary_runtime", ("GROMACS", "CP2K", "OpenFOAM", "R")),
    "Spack mirror": ("0.23", "source_package", ("hdf5", "netcdf-c", "openmpi")),
}


def add(rows: Rows, offerings: Iterable[Offering]) -> None:
    """Add the partitions of each offering, and software to the first of them."""
    catalogs = [_catalog(rows, name, *rest) for name, rest in _CATALOGS.items()]
    for offering in offerings:
        parts = [_partition(rows, offering.key, name) for name in offering.offer.partitions]
        for catalog, part in zip(catalogs, parts[:1] + [None] * (len(parts) > 1), strict=False):
            rows.add(
                tables.offering_software_catalog,
                offering_id=offering.key,
                catalog_id=catalog,
                partition_id=part,
                enabled_cpu_family=["x86_64"],
                enabled_cpu_microarchitectures=["generic", "zen3"],
                created=rows.ago(700),
            )


def _partition(rows: Rows, offering: int, name: str) -> int:
    return rows.add(
        tables.partition,
        offering_id=offering,
        partition_name=name,
        cpu_arch="x86_64/amd/zen3",
        cpu_bind=1,
        max_cpus_per_node=128,
        max_cpus_per_socket=64,
        def_mem_per_cpu=1875,
        max_mem_per_cpu=3750,
        def_mem_per_node=240_000,
        max_mem_per_node=3_000_000_000,
        priority_tier=1,
        created=rows.ago(800),
        **_PARTITIONS.get(name, {}),
    )


def _catalog(rows: Rows, name: str, version: str, kind: str, packages: Iterable[str]) -> int:
    key = rows.add(
        tables.software_catalog,
        name=name,
        version=version,
        catalog_type=kind,
        source_url="https://software.example.org/",
        description=f"{name}, release {version}",
        auto_update_enabled=True,
        last_update_attempt=rows.ago(2),
        last_successful_update=rows.ago(9),
        created=rows.ago(790),
    )
    for package in packages:
        rows.add(tables.software_package, catalog_id=key, name=package, created=rows.ago(780))
    return key
