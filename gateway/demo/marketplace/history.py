"""What resources were before they were changed; the versions hold their secrets, too."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.resources import OK, Resource
from gateway.demo.marketplace.rows import Rows

_IMPORTED = 10
"""Of so many resources one was last changed by a task, which is nobody and says nothing."""


class Version(NamedTuple):
    """Why a version was made, who made it, and the columns as they were then."""

    comment: str
    user: int | None
    fields: dict[str, Any]


def add(rows: Rows, resource: Resource) -> None:
    """Add the versions of a resource: as it was made, renamed, and given limits and an end."""
    lived = rows.ago(0) - resource.created
    for share, version in zip((0, 0.5, 0.75), _versions(resource), strict=True):
        _add(rows, resource, resource.created + lived * share, version)


def _versions(resource: Resource) -> Iterator[Version]:
    columns, team = _columns(resource), resource.place.project.team
    early = {**columns, "limits": {}, "end_date": None}
    yield Version("Created", resource.orderer, {**early, "name": f"{resource.name}-draft"})
    yield Version("Renamed", team[resource.key % len(team)], early)
    imported = resource.key % _IMPORTED == 0
    comment = "" if imported else "Updated via REST API"
    yield Version(comment, None if imported else resource.orderer, columns)


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


def _add(rows: Rows, resource: Resource, at: datetime, version: Version) -> None:
    comment, user, fields = version
    revision = rows.add(tables.revision, date_created=at, comment=comment, user_id=user)
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
