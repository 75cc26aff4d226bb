"""The software that comes with offerings."""

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import PACKAGE_COUNT_BY_CATALOG
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import JSON, UUID
from gateway.schema.types.partition import Partition

offering_catalog, offering_role = tables.offering_software_catalog.c, tables.offering_user_role.c


@object_type
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


@object_type
class OfferingSoftwareCatalog(Row, tables=(tables.offering_software_catalog,)):
    """A catalogue of software that comes with an offering."""

    uuid: UUID
    """Identifies what is offered for good."""
    catalog: SoftwareCatalog = one(offering_catalog.catalog_id)
    """The catalogue."""
    enabled_cpu_family: JSON
    """The families of processors that it is there for."""
    enabled_cpu_microarchitectures: JSON
    """The architectures of processors that it is there for."""
    package_count: int = computed(
        int, AggregateValue(PACKAGE_COUNT_BY_CATALOG, "count", offering_catalog.catalog_id, 0)
    )
    """How many packages are in the catalogue."""
    partition: Partition | None = one(offering_catalog.partition_id)
    """Where alone it is; null for everywhere."""


@object_type
class OfferingRole(Row, Node, tables=(tables.offering_user_role,)):
    """A role that people can have in the resources of an offering."""

    id: strawberry.ID = node_id("OfferingRole", offering_role.uuid)
    """Identifies the role among all nodes."""
    uuid: UUID
    """Identifies the role for good."""
    name: str
    """What people call the role."""
