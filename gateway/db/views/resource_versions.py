"""Stored versions of resources (domain.md §1.16, §5.20)."""

from typing import Any

from sqlalchemy import Select, Text, cast, select

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.placeholders import content_type_placeholder

_resource, _version, _revision = tables.resource.c, tables.version.c, tables.revision.c


def select_resource_versions() -> Select[Any]:
    """Return a select of all resources' versions; its conditions match the index's columns."""
    joined = tables.resource.join(
        tables.version,
        (_version.db == inline_literal("default"))
        & (_version.content_type_id == content_type_placeholder("marketplace", "resource"))
        & (_version.object_id == cast(_resource.id, Text)),
    ).join(tables.revision, _revision.id == _version.revision_id)
    return select(
        _version.id.label("id"),
        _resource.id.label("resource_id"),
        _revision.date_created.label("at"),
        _revision.comment.label("comment"),
        _revision.user_id.label("user_id"),
        _version.serialized_data.label("serialized"),
    ).select_from(joined)
