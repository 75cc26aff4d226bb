"""Partitions of clusters, and catalogues of their software."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.rows import RowWriter

_COMMON_COLUMNS = {
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
_INTEL_COLUMNS = {"cpu_arch": "x86_64/intel/sapphirerapids", "max_cpus_per_node": 112}
_AMPERE_COLUMNS = {"gpu_arch": "nvidia/ampere", "def_cpu_per_gpu": 8, "def_mem_per_gpu": 60_000}
_GRACE_COLUMNS = {"cpu_arch": "aarch64/nvidia/grace", "max_cpus_per_node": 288, "cpu_bind": None}
_PARTITION_COLUMNS: Mapping[str, dict[str, Any]] = {
    "small": {"max_nodes": 4, "min_nodes": 1, "default_time": 60, "max_time": 4320},
    "large": {"max_nodes": 256, "min_nodes": 20, "max_time": 2160, "exclusive_topo": True},
    "gpu": {"gpu_arch": "nvidia/hopper", "def_cpu_per_gpu": 16, "def_mem_per_gpu": 120_000},
    "debug": {"max_nodes": 2, "max_time": 30, "qos": "debug", "grace_time": 120},
    "capability": {"exclusive_user": True, "req_resv": True, "min_nodes": 100},
    "cpu": {
        **_INTEL_COLUMNS,
        "max_nodes": 64,
        "default_time": 120,
        "max_time": 10080,
        "qos": "normal",
    },
    "express": {
        **_INTEL_COLUMNS,
        "max_nodes": 1,
        "max_time": 240,
        "priority_tier": 10,
        "qos": "express",
    },
    "old": {"cpu_arch": "x86_64/intel/haswell", "max_cpus_per_node": 24, "priority_tier": 0},
    "a100": {**_AMPERE_COLUMNS, "max_nodes": 24, "max_time": 2880, "qos": "gpu,gpu-long"},
    "gh200": {
        **_GRACE_COLUMNS,
        "gpu_arch": "nvidia/hopper",
        "def_mem_per_gpu": 480_000,
        "qos": "gpu",
    },
    "mi250": {"cpu_arch": "x86_64/amd/zen4", "gpu_arch": "amd/gfx90a", "def_cpu_per_gpu": 8},
    "interactive": {**_AMPERE_COLUMNS, "max_nodes": 1, "max_time": 480, "qos": "interactive"},
    "reserved": {**_AMPERE_COLUMNS, "exclusive_user": True, "req_resv": True, "qos": "reserved"},
}
"""Columns of partitions that differ from the common ones; times in minutes, memory in MB."""
_SOFTWARE_CATALOGS = {
    "Nordic software stack": ("2025.06", "binary_runtime", ("GROMACS", "CP2K", "OpenFOAM", "R")),
    "Spack mirror": ("0.23", "source_package", ("hdf5", "netcdf-c", "openmpi")),
}
_NEWER_SOFTWARE_CATALOGS = {
    "Conda channels": (
        "24.9",
        "package_manager",
        ("numpy", "pandas", "jax", "xarray", "snakemake"),
    ),
    "Accelerated stack": ("2026.1", "binary_runtime", ("PyTorch", "TensorFlow", "RAPIDS", "NCCL")),
}


def add_software_catalogs(writer: RowWriter) -> list[int]:
    """Add the software catalogues; return their keys."""
    return [
        _add_software_catalog(writer, name, *details)
        for name, details in _SOFTWARE_CATALOGS.items()
    ]


def add_newer_software_catalogs(writer: RowWriter) -> list[int]:
    """Add the later software catalogues; return their keys. The update of one of them failed."""
    failure_columns = {
        "update_errors": "The channel did not answer.",
        "last_successful_update": None,
    }
    extra_columns: Sequence[dict[str, Any]] = (
        {},
        {**failure_columns, "auto_update_enabled": False},
    )
    return [
        _add_software_catalog(writer, name, *details, **columns)
        for (name, details), columns in zip(
            _NEWER_SOFTWARE_CATALOGS.items(), extra_columns, strict=True
        )
    ]


def add_partitions(
    writer: RowWriter, offerings: Iterable[DemoOffering], catalog_ids: Sequence[int]
) -> None:
    """Add the partitions of each offering, and software catalogues to the offering.

    The first catalogue is for the first partition; the second, if there are several partitions,
    for the whole offering.
    """
    for offering in offerings:
        partition_ids = [
            _add_partition(writer, offering.key, name) for name in offering.spec.partitions
        ]
        for catalog_id, partition_id in zip(
            catalog_ids, partition_ids[:1] + [None] * (len(partition_ids) > 1), strict=False
        ):
            writer.add_row(
                tables.offering_software_catalog,
                offering_id=offering.key,
                catalog_id=catalog_id,
                partition_id=partition_id,
                enabled_cpu_family=["x86_64"],
                enabled_cpu_microarchitectures=["generic", "zen3"],
                created=writer.days_ago(700),
            )


def _add_partition(writer: RowWriter, offering_id: int, name: str) -> int:
    return writer.add_row(
        tables.partition,
        offering_id=offering_id,
        partition_name=name,
        created=writer.days_ago(800),
        **{**_COMMON_COLUMNS, **_PARTITION_COLUMNS[name]},
    )


def _add_software_catalog(
    writer: RowWriter,
    name: str,
    version: str,
    catalog_type: str,
    packages: Collection[str],
    **extra_columns: Any,
) -> int:
    update_columns = {"auto_update_enabled": True, "last_successful_update": writer.days_ago(9)}
    catalog_id = writer.add_row(
        tables.software_catalog,
        name=name,
        version=version,
        catalog_type=catalog_type,
        source_url="https://software.example.org/",
        description=f"{name}, release {version}",
        metadata={"packages": len(packages)},
        last_update_attempt=writer.days_ago(2),
        created=writer.days_ago(790),
        **{**update_columns, **extra_columns},
    )
    for package in packages:
        writer.add_row(
            tables.software_package,
            catalog_id=catalog_id,
            name=package,
            created=writer.days_ago(780),
        )
    return catalog_id
