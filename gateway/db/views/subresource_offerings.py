"""The offerings of what a resource may hold, such as a cloud's machines (domain.md §5.20)."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, CompoundSelect, Select, select, union

from gateway.db import tables
from gateway.db.installation.placeholders import content_type

_resource, _offering, _settings = tables.resource.c, tables.offering.c, tables.service_settings.c


def subresource_offerings(columns: Iterable[Column[Any]]) -> Select[Any]:
    """Select, for each resource, some columns of the offerings whose scope is one of its own.

    By itself this shows more than REST does, which tells but their uuids and
    types; what of it a viewer sees is said in `visibility`.
    """
    scope = _scopes().subquery("scope")
    joined = scope.join(
        tables.offering,
        (_offering.content_type_id == scope.c.content_type_id)
        & (_offering.object_id == scope.c.object_id),
    )
    told = [each.label(each.key) for each in columns]
    return select(*told, scope.c.resource_id.label("of_resource_id")).select_from(joined)


def _scopes() -> CompoundSelect[Any]:
    """Select what resources stand for: plugins' objects, and the settings scoped to these."""
    scoped = tables.resource.join(
        tables.service_settings,
        (_settings.content_type_id == _resource.content_type_id)
        & (_settings.object_id == _resource.object_id),
    )
    settings = content_type("structure", "servicesettings").label("content_type_id")
    resource = _resource.id.label("resource_id")
    return union(
        select(resource, _resource.content_type_id, _resource.object_id),
        select(resource, settings, _settings.id.label("object_id")).select_from(scoped),
    )
