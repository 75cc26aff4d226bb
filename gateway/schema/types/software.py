"""Software catalogues and resource roles of offerings."""

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
    """A catalogue of software packages, such as EESSI."""

    uuid: UUID
    """UUID of the catalogue."""
    name: str
    """Display name."""
    version: str
    """Version of the catalogue; may be empty."""
    description: str
    """Description of the catalogue; may be empty."""


@object_type
class OfferingSoftwareCatalog(Row, tables=(tables.offering_software_catalog,)):
    """A software catalogue that is available in an offering."""

    uuid: UUID
    """UUID of the association between catalogue and offering."""
    catalog: SoftwareCatalog | None = one(offering_catalog.catalog_id)
    """The catalogue; null only if its record was deleted meanwhile."""
    enabled_cpu_family: JSON
    """List of CPU families that the software is available for."""
    enabled_cpu_microarchitectures: JSON
    """List of CPU microarchitectures that the software is available for."""
    package_count: int = computed(
        int, AggregateValue(PACKAGE_COUNT_BY_CATALOG, "count", offering_catalog.catalog_id, 0)
    )
    """Number of packages in the catalogue."""
    partition: Partition | None = one(offering_catalog.partition_id)
    """The only partition in which the software is available; null for all partitions."""


@object_type
class OfferingRole(Row, Node, tables=(tables.offering_user_role,)):
    """A role that users can have in the resources of an offering."""

    id: strawberry.ID = node_id("OfferingRole", offering_role.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the role."""
    name: str
    """Display name."""
