"""Where resources and offerings can be reached."""

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.marketplace.attachments import address
from gateway.schema.framework.publish import published
from gateway.schema.framework.scalars import UUID


def media_url(path: str | None, base: str | None) -> str | None:
    """Give the address of a stored picture; null if there is none, or `base` is not known."""
    return base + path if path and base else None


def attachment_url(path: str | None, uuid: str, base: str | None, keeps: bool) -> str | None:  # noqa: FBT001
    """Give the address of an order's file: here, if that `keeps` it, or with the pictures."""
    here = address(path, uuid) if path and keeps else None
    return here or media_url(path, base)


@published
class Endpoint(Row, tables=(tables.resource_endpoint, tables.offering_endpoint)):
    """An address at which a resource or an offering can be reached."""

    uuid: UUID
    """Identifies the endpoint for good."""
    name: str
    """What people call it."""
    url: str
    """Its address: ssh, http, ldap and the like."""
