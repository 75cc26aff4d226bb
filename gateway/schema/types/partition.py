"""SLURM partitions of offerings."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.framework.declarations import one
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID, BigInt

if TYPE_CHECKING:
    from gateway.schema.types.offering import Offering

partition = tables.partition.c


@object_type
class Partition(Row, Node, tables=(tables.partition,)):
    """A SLURM partition of an offering: a group of nodes with scheduling limits of its own.

    The names in parentheses are the parameters of `slurm.conf`. Null means that the parameter is
    not set, so SLURM's default applies.
    """

    id: strawberry.ID = node_id("Partition", partition.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the partition."""
    offering: Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")] | None = one(
        partition.offering_id
    )
    """The offering that the partition belongs to; null only if its record was deleted meanwhile."""
    partition_name: str = strawberry.field(name="name")
    """Name of the partition in SLURM."""
    cpu_arch: str
    """CPU architecture of the nodes, such as `x86_64/amd/zen3`; may be empty."""
    gpu_arch: str
    """GPU architecture of the nodes; may be empty."""
    cpu_bind: int | None
    """Default task binding policy, as SLURM's numeric value (CpuBind)."""
    def_cpu_per_gpu: int | None
    """Default number of CPUs allocated per GPU (DefCpuPerGPU)."""
    max_cpus_per_node: int | None
    """Maximum number of CPUs per node for all jobs (MaxCPUsPerNode)."""
    max_cpus_per_socket: int | None
    """Maximum number of CPUs per socket for all jobs (MaxCPUsPerSocket)."""
    def_mem_per_cpu: BigInt | None
    """Default memory per CPU, in MB (DefMemPerCPU)."""
    def_mem_per_gpu: BigInt | None
    """Default memory per GPU, in MB (DefMemPerGPU)."""
    def_mem_per_node: BigInt | None
    """Default memory per node, in MB (DefMemPerNode)."""
    max_mem_per_cpu: BigInt | None
    """Maximum memory per CPU, in MB (MaxMemPerCPU)."""
    max_mem_per_node: BigInt | None
    """Maximum memory per node, in MB (MaxMemPerNode)."""
    default_time: int | None
    """Default run time of a job, in minutes (DefaultTime)."""
    max_time: int | None
    """Maximum run time of a job, in minutes (MaxTime)."""
    grace_time: int | None
    """Time that a preempted job may continue to run, in seconds (GraceTime)."""
    max_nodes: int | None
    """Maximum number of nodes per job (MaxNodes)."""
    min_nodes: int | None
    """Minimum number of nodes per job (MinNodes)."""
    exclusive_topo: bool
    """Whether a job has exclusive use of its topology block (ExclusiveTopo)."""
    exclusive_user: bool
    """Whether nodes are allocated to one user at a time (ExclusiveUser)."""
    priority_tier: int | None
    """Priority tier (PriorityTier).

    Jobs of a partition with a higher tier are scheduled first, and may preempt others.
    """
    qos: str
    """Quality of service (QOS) of the partition's jobs; empty if none is set."""
    req_resv: bool
    """Whether jobs require a reservation (ReqResv)."""
