"""Offerings of a resource's subresources, such as a cloud's instances (domain.md §5.20)."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, CompoundSelect, Select, select, union

from gateway.db import tables
from gateway.db.installation.placeholders import content_type_placeholder

_resource, _offering, _settings = tables.resource.c, tables.offering.c, tables.service_settings.c


def select_subresource_offerings(columns: Iterable[Column[Any]]) -> Select[Any]:
    """Return a select of the offerings scoped to each resource's object or its settings.

    The select itself has no row-level predicate; `db.access.visibility` adds it.
    """
    scope = _select_scopes().subquery("scope")
    joined = scope.join(
        tables.offering,
        (_offering.content_type_id == scope.c.content_type_id)
        & (_offering.object_id == scope.c.object_id),
    )
    labelled_columns = [each.label(each.key) for each in columns]
    return select(*labelled_columns, scope.c.resource_id.label("of_resource_id")).select_from(
        joined
    )


def _select_scopes() -> CompoundSelect[Any]:
    """Return a select of each resource's scopes: its plugin object and the settings of that."""
    settings_join = tables.resource.join(
        tables.service_settings,
        (_settings.content_type_id == _resource.content_type_id)
        & (_settings.object_id == _resource.object_id),
    )
    settings_type = content_type_placeholder("structure", "servicesettings").label(
        "content_type_id"
    )
    resource_id = _resource.id.label("resource_id")
    return union(
        select(resource_id, _resource.content_type_id, _resource.object_id),
        select(resource_id, settings_type, _settings.id.label("object_id")).select_from(
            settings_join
        ),
    )
