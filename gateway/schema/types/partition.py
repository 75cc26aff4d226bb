"""Parts of clusters."""

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
    """A SLURM partition of an offering: a group of nodes with rules of its own."""

    id: strawberry.ID = node_id("Partition", partition.uuid)
    """Identifies the partition among all nodes."""
    uuid: UUID
    """Identifies the partition for good."""
    offering: Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")] = one(
        partition.offering_id
    )
    """What it is a partition of."""
    partition_name: str = strawberry.field(name="name")
    """What SLURM calls it."""
    cpu_arch: str
    """The architecture of its processors, such as x86_64/amd/zen3."""
    gpu_arch: str
    """The architecture of its graphics processors; empty if it has none."""
    cpu_bind: int | None
    """How tasks are bound to processors, as SLURM numbers it."""
    def_cpu_per_gpu: int | None
    """The processors that come with each graphics processor unless more are asked for."""
    max_cpus_per_node: int | None
    """The most processors of a node that jobs can have."""
    max_cpus_per_socket: int | None
    """The most processors of a socket that jobs can have."""
    def_mem_per_cpu: BigInt | None
    """The memory that comes with each processor, in MB."""
    def_mem_per_gpu: BigInt | None
    """The memory that comes with each graphics processor, in MB."""
    def_mem_per_node: BigInt | None
    """The memory that comes with each node, in MB."""
    max_mem_per_cpu: BigInt | None
    """The most memory per processor, in MB."""
    max_mem_per_node: BigInt | None
    """The most memory per node, in MB."""
    default_time: int | None
    """How long a job runs that does not say, in minutes."""
    max_time: int | None
    """How long a job can run, in minutes."""
    grace_time: int | None
    """How long a preempted job goes on, in seconds."""
    max_nodes: int | None
    """The most nodes of a job."""
    min_nodes: int | None
    """The least nodes of a job."""
    exclusive_topo: bool
    """Whether a job has a block of the topology for itself."""
    exclusive_user: bool
    """Whether a user has nodes for themselves."""
    priority_tier: int | None
    """Which partition's jobs come first on shared nodes: those of the highest tier."""
    qos: str
    """The quality of service that all its jobs get; empty if none."""
    req_resv: bool
    """Whether jobs need a reservation."""
