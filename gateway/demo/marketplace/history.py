"""What resources were before they were changed; the versions hold their secrets, too."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.resources import OK, DemoResource
from gateway.demo.marketplace.rows import RowWriter

_IMPORT_INTERVAL = 10
"""Of so many resources one was last changed by a task, which is nobody and says nothing."""


class VersionSpec(NamedTuple):
    """Why a version was made, who made it, and the columns as they were then."""

    comment: str
    user_id: int | None
    columns: dict[str, Any]


def add_versions(writer: RowWriter, resource: DemoResource) -> None:
    """Add the versions of a resource: as it was made, renamed, and given limits and an end."""
    lifetime = writer.days_ago(0) - resource.created
    for share, version in zip((0, 0.5, 0.75), _generate_versions(resource), strict=True):
        _add_version(writer, resource, resource.created + lifetime * share, version)


def _generate_versions(resource: DemoResource) -> Iterator[VersionSpec]:
    columns, team = _serialize_resource(resource), resource.placement.project.member_ids
    initial_columns = {**columns, "limits": {}, "end_date": None}
    yield VersionSpec(
        "Created", resource.ordered_by, {**initial_columns, "name": f"{resource.name}-draft"}
    )
    yield VersionSpec("Renamed", team[resource.key % len(team)], initial_columns)
    is_imported = resource.key % _IMPORT_INTERVAL == 0
    comment = "" if is_imported else "Updated via REST API"
    yield VersionSpec(comment, None if is_imported else resource.ordered_by, columns)


def _serialize_resource(resource: DemoResource) -> dict[str, Any]:
    """Give a resource as it is serialized: all columns, credentials among them."""
    return {
        "created": resource.created.isoformat(),
        "uuid": resource.uuid,
        "name": resource.name,
        "description": "",
        "state": OK,
        "offering": resource.placement.offering.key,
        "plan": resource.plan and resource.plan.key,
        "project": resource.placement.project.key,
        "attributes": {
            "name": resource.name,
            "user_username": "secret-name-history",
            "user_password": "secret-history",
        },
        "limits": resource.limits,
        "end_date": resource.end_date and resource.end_date.isoformat(),
        "cost": None if resource.cost is None else str(resource.cost),
        "backend_id": f"be-{resource.key:06}",
        "backend_metadata": {"runtime_state": "active"},
        "error_message": "",
    }


def _add_version(
    writer: RowWriter, resource: DemoResource, created: datetime, version: VersionSpec
) -> None:
    comment, user_id, columns = version
    revision_id = writer.add_row(
        tables.revision, date_created=created, comment=comment, user_id=user_id
    )
    writer.add_row(
        tables.version,
        revision_id=revision_id,
        content_type_id=kinds.RESOURCE,
        object_id=str(resource.key),
        format="json",
        serialized_data=json.dumps(
            [{"model": "marketplace.resource", "pk": resource.key, "fields": columns}]
        ),
        object_repr=columns["name"],
        db="default",
    )
