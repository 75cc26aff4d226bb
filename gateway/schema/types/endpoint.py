"""Access endpoints of resources and offerings, and the URLs of stored files."""

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.marketplace.attachments import build_attachment_path
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID


def build_media_url(stored_path: str | None, base_url: str | None) -> str | None:
    """Return the URL of a stored file; None without a file or without a media URL."""
    return base_url + stored_path if stored_path and base_url else None


def build_attachment_url(
    stored_path: str | None,
    order_uuid: str,
    base_url: str | None,
    attachment_root_path: str | None,
) -> str | None:
    """Return the URL of an order's attachment; None without one.

    An attachment that the gateway itself stores has a path on this server, below
    `attachment_root_path` (None if it stores no attachments); all others are below the media URL.
    """
    own_url = (
        build_attachment_path(stored_path, order_uuid, attachment_root_path)
        if stored_path and attachment_root_path is not None
        else None
    )
    return own_url or build_media_url(stored_path, base_url)


@object_type
class Endpoint(Row, tables=(tables.resource_endpoint, tables.offering_endpoint)):
    """A network address of a resource or an offering."""

    uuid: UUID
    """UUID of the endpoint."""
    name: str
    """Display name."""
    url: str
    """URL with one of the schemes http, https, ssh, ldap, ldaps or rdp."""
