"""Where resources and offerings can be reached."""

from gateway.db import tables
from gateway.db.row import Row
from gateway.schema.published import published
from gateway.schema.scalars import UUID


@published
class Endpoint(Row, tables=(tables.resource_endpoint, tables.offering_endpoint)):
    """An address at which a resource or an offering can be reached."""

    uuid: UUID
    """Identifies the endpoint for good."""
    name: str
    """What people call it."""
    url: str
    """Its address: ssh, http, ldap and the like."""
