"""Users of the marketplace."""

import strawberry

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.framework.declarations import computed
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID

user = tables.user.c


def format_full_name(first_name: str, last_name: str) -> str:
    """Return a user's full name (domain.md §1.14)."""
    return f"{first_name} {last_name}".strip()


@object_type
class User(Row, Node, tables=(tables.user,), by_reference="id uuid username full_name"):
    """A user of the marketplace.

    A user is visible in full to staff, support and themselves. For other viewers, a user who is
    reached through a reference has only `id`, `uuid`, `username` and `fullName` (team members and
    creators of orders their `email`, too); the other fields are null.
    """

    id: strawberry.ID = node_id("User", user.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the user."""
    username: str
    """Unique username."""
    full_name: str = computed(format_full_name, user.first_name, user.last_name)
    """First and last name; may be empty."""
    email: str | None
    """E-mail address; may be empty. Null if it is not visible to the viewer."""
    organization: str | None
    """Name of the employer or institution; may be empty.

    Null if it is not visible to the viewer.
    """
    job_title: str | None
    """Job title; may be empty. Null if it is not visible to the viewer."""
    is_staff: bool | None
    """Whether the user is an operator with all permissions.

    Null if it is not visible to the viewer.
    """
    is_support: bool | None
    """Whether the user is support staff, who can read everything.

    Null if it is not visible to the viewer.
    """
