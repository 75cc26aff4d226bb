"""Versions of resources, as Waldur's django-reversion stores them; they contain secrets, too."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from gateway.db import tables
from gateway.db.tables.codes import ResourceState
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

_IMPORT_INTERVAL = 10
"""One resource in so many was last changed by a task: without author and comment."""


class VersionSpec(NamedTuple):
    """Version of a resource: its comment, its author (None for a task), and the columns."""

    comment: str
    user_id: int | None
    columns: dict[str, Any]


def add_versions(writer: RowWriter, resource: DemoResource) -> None:
    """Add three versions of a resource: created, renamed, and with limits and end date."""
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
    """Return the serialized resource: all columns, credentials included."""
    return {
        "created": resource.created.isoformat(),
        "uuid": resource.uuid,
        "name": resource.name,
        "description": "",
        "state": ResourceState.OK,
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
