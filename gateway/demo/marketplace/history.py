"""What resources were before they were changed; the versions hold their secrets, too."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.resources import OK, Resource
from gateway.demo.marketplace.rows import Rows


def add(rows: Rows, resource: Resource) -> None:
    """Add the versions of a resource: as it was made, renamed, and given limits and an end."""
    lived = rows.ago(0) - resource.created
    for share, (comment, fields) in zip((0, 0.5, 0.75), _versions(resource), strict=True):
        _add(rows, resource, resource.created + lived * share, comment, fields)


def _versions(resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give why a version was made, and the columns as they were then."""
    columns = _columns(resource)
    yield "Created", {**columns, "name": f"{resource.name}-draft", "limits": {}, "end_date": None}
    yield "Renamed", {**columns, "limits": {}, "end_date": None}
    yield "Updated via REST API", columns


def _columns(resource: Resource) -> dict[str, Any]:
    """Give a resource as it is serialized: all columns, credentials among them."""
    return {
        "created": resource.created.isoformat(),
        "uuid": resource.uuid,
        "name": resource.name,
        "description": "",
        "state": OK,
        "offering": resource.place.offering.key,
        "plan": resource.plan and resource.plan.key,
        "project": resource.place.project.key,
        "attributes": {
            "name": resource.name,
            "user_username": "secret-name-history",
            "user_password": "secret-history",
        },
        "limits": resource.limits,
        "end_date": resource.end and resource.end.isoformat(),
        "cost": None if resource.cost is None else str(resource.cost),
        "backend_id": f"be-{resource.key:06}",
        "backend_metadata": {"runtime_state": "active"},
        "error_message": "",
    }


def _add(
    rows: Rows, resource: Resource, at: datetime, comment: str, fields: dict[str, Any]
) -> None:
    revision = rows.add(tables.revision, date_created=at, comment=comment, user_id=resource.orderer)
    rows.add(
        tables.version,
        revision_id=revision,
        content_type_id=kinds.RESOURCE,
        object_id=str(resource.key),
        format="json",
        serialized_data=json.dumps(
            [{"model": "marketplace.resource", "pk": resource.key, "fields": fields}]
        ),
        object_repr=fields["name"],
        db="default",
    )
