"""The parts of clusters, and the software on them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.rows import Rows

_USUAL = {
    "cpu_arch": "x86_64/amd/zen3",
    "cpu_bind": 1,
    "max_cpus_per_node": 128,
    "max_cpus_per_socket": 64,
    "def_mem_per_cpu": 1875,
    "max_mem_per_cpu": 3750,
    "def_mem_per_node": 240_000,
    "max_mem_per_node": 3_000_000_000,
    "priority_tier": 1,
}
_INTEL = {"cpu_arch": "x86_64/intel/sapphirerapids", "max_cpus_per_node": 112}
_AMPERE = {"gpu_arch": "nvidia/ampere", "def_cpu_per_gpu": 8, "def_mem_per_gpu": 60_000}
_GRACE = {"cpu_arch": "aarch64/nvidia/grace", "max_cpus_per_node": 288, "cpu_bind": None}
_PARTITIONS: Mapping[str, dict[str, Any]] = {
    "small": {"max_nodes": 4, "min_nodes": 1, "default_time": 60, "max_time": 4320},
    "large": {"max_nodes": 256, "min_nodes": 20, "max_time": 2160, "exclusive_topo": True},
    "gpu": {"gpu_arch": "nvidia/hopper", "def_cpu_per_gpu": 16, "def_mem_per_gpu": 120_000},
    "debug": {"max_nodes": 2, "max_time": 30, "qos": "debug", "grace_time": 120},
    "capability": {"exclusive_user": True, "req_resv": True, "min_nodes": 100},
    "cpu": {**_INTEL, "max_nodes": 64, "default_time": 120, "max_time": 10080, "qos": "normal"},
    "express": {**_INTEL, "max_nodes": 1, "max_time": 240, "priority_tier": 10, "qos": "express"},
    "old": {"cpu_arch": "x86_64/intel/haswell", "max_cpus_per_node": 24, "priority_tier": 0},
    "a100": {**_AMPERE, "max_nodes": 24, "max_time": 2880, "qos": "gpu,gpu-long"},
    "gh200": {**_GRACE, "gpu_arch": "nvidia/hopper", "def_mem_per_gpu": 480_000, "qos": "gpu"},
    "mi250": {"cpu_arch": "x86_64/amd/zen4", "gpu_arch": "amd/gfx90a", "def_cpu_per_gpu": 8},
    "interactive": {**_AMPERE, "max_nodes": 1, "max_time": 480, "qos": "interactive"},
    "reserved": {**_AMPERE, "exclusive_user": True, "req_resv": True, "qos": "reserved"},
}
"""What is unusual about partitions: times in minutes, memory in MB."""
_CATALOGS = {
    "Nordic software stack": ("2025.06", "binary_runtime", ("GROMACS", "CP2K", "OpenFOAM", "R")),
    "Spack mirror": ("0.23", "source_package", ("hdf5", "netcdf-c", "openmpi")),
}
_NEWER = {
    "Conda channels": (
        "24.9",
        "package_manager",
        ("numpy", "pandas", "jax", "xarray", "snakemake"),
    ),
    "Accelerated stack": ("2026.1", "binary_runtime", ("PyTorch", "TensorFlow", "RAPIDS", "NCCL")),
}


def software(rows: Rows) -> list[int]:
    """Add the catalogues of software."""
    return [_catalog(rows, name, *rest) for name, rest in _CATALOGS.items()]


def newer_software(rows: Rows) -> list[int]:
    """Add the catalogues that joined later, one of which was not updated of late."""
    failed = {"update_errors": "The channel did not answer.", "last_successful_update": None}
    traits: Sequence[dict[str, Any]] = ({}, {**failed, "auto_update_enabled": False})
    return [
        _catalog(rows, name, *rest, **more)
        for (name, rest), more in zip(_NEWER.items(), traits, strict=True)
    ]


def add(rows: Rows, offerings: Iterable[Offering], catalogs: Sequence[int]) -> None:
    """Add the partitions of each offering, software to the first, and more to the whole of it."""
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
        created=rows.ago(800),
        **{**_USUAL, **_PARTITIONS[name]},
    )


def _catalog(
    rows: Rows, name: str, version: str, kind: str, packages: Collection[str], **traits: Any
) -> int:
    updated = {"auto_update_enabled": True, "last_successful_update": rows.ago(9)}
    key = rows.add(
        tables.software_catalog,
        name=name,
        version=version,
        catalog_type=kind,
        source_url="https://software.example.org/",
        description=f"{name}, release {version}",
        metadata={"packages": len(packages)},
        last_update_attempt=rows.ago(2),
        created=rows.ago(790),
        **{**updated, **traits},
    )
    for package in packages:
        rows.add(tables.software_package, catalog_id=key, name=package, created=rows.ago(780))
    return key
