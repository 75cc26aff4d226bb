"""The software that comes with offerings."""

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import PACKAGES
from gateway.db.sql.aggregate import Sum
from gateway.db.sql.row_types import Row
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.node import Node, identified
from gateway.schema.framework.publish import published
from gateway.schema.framework.scalars import JSON, UUID
from gateway.schema.types.partition import Partition

offered, role = tables.offering_software_catalog.c, tables.offering_user_role.c


@published
class SoftwareCatalog(Row, tables=(tables.software_catalog,)):
    """A collection of software, such as that of EESSI."""

    uuid: UUID
    """Identifies the catalogue for good."""
    name: str
    """What people call the catalogue."""
    version: str
    """Its version."""
    description: str
    """What the catalogue is."""


@published
class OfferingSoftwareCatalog(Row, tables=(tables.offering_software_catalog,)):
    """A catalogue of software that comes with an offering."""

    uuid: UUID
    """Identifies what is offered for good."""
    catalog: SoftwareCatalog = one(offered.catalog_id)
    """The catalogue."""
    enabled_cpu_family: JSON
    """The families of processors that it is there for."""
    enabled_cpu_microarchitectures: JSON
    """The architectures of processors that it is there for."""
    package_count: int = computed(int, Sum(PACKAGES, "count", offered.catalog_id, 0))
    """How many packages are in the catalogue."""
    partition: Partition | None = one(offered.partition_id)
    """Where alone it is; null for everywhere."""


@published
class OfferingRole(Row, Node, tables=(tables.offering_user_role,)):
    """A role that people can have in the resources of an offering."""

    id: strawberry.ID = identified("OfferingRole", role.uuid)
    """Identifies the role among all nodes."""
    uuid: UUID
    """Identifies the role for good."""
    name: str
    """What people call the role."""
