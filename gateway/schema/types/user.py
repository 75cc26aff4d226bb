"""People."""

import strawberry

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.framework.declarations import computed
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID

user = tables.user.c


def format_full_name(first_name: str, last_name: str) -> str:
    """Give the name of a person as Waldur writes it (domain.md §1.14)."""
    return f"{first_name} {last_name}".strip()


@object_type
class User(Row, Node, tables=(tables.user,), by_reference="id uuid username full_name"):
    """A person with an account. Whoever is only referred to shows id, username and full name."""

    id: strawberry.ID = node_id("User", user.uuid)
    """Identifies the person among all nodes."""
    uuid: UUID
    """Identifies the person for good."""
    username: str
    """What the person signs in as."""
    full_name: str = computed(format_full_name, user.first_name, user.last_name)
    """First and last name."""
    email: str | None
    """Where to write to; null if it is not shown to the viewer."""
    organization: str | None
    """Where the person works; null if it is not shown to the viewer."""
    job_title: str | None
    """What the person does there; null if it is not shown to the viewer."""
    is_staff: bool | None
    """Whether the person runs the marketplace; null if it is not shown to the viewer."""
    is_support: bool | None
    """Whether the person helps its users; null if it is not shown to the viewer."""
