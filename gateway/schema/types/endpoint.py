"""Where resources and offerings can be reached."""

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.marketplace.attachments import build_attachment_path
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID


def build_media_url(stored_path: str | None, base_url: str | None) -> str | None:
    """Give the address of a stored picture; null if there is none, or `base` is not known."""
    return base_url + stored_path if stored_path and base_url else None


def build_attachment_url(
    stored_path: str | None,
    order_uuid: str,
    base_url: str | None,
    is_stored_here: bool,  # noqa: FBT001 - called by position, as computed fields are
) -> str | None:
    """Give the address of an order's file: here, if that `keeps` it, or with the pictures."""
    own_url = (
        build_attachment_path(stored_path, order_uuid) if stored_path and is_stored_here else None
    )
    return own_url or build_media_url(stored_path, base_url)


@object_type
class Endpoint(Row, tables=(tables.resource_endpoint, tables.offering_endpoint)):
    """An address at which a resource or an offering can be reached."""

    uuid: UUID
    """Identifies the endpoint for good."""
    name: str
    """What people call it."""
    url: str
    """Its address: ssh, http, ldap and the like."""
