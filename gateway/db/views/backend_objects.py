"""Plugins' backend objects of resources, with their public columns (domain.md §2.9b)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    DateTime,
    FromClause,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.driver.date_spelling import FIRST_DATE, LAST_DATE
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.placeholders import content_type_placeholder
from gateway.db.tables.codes import BackendState

_COMMON_COLUMNS = [
    "uuid",
    "name",
    "description",
    "state",
    "backend_id",
    "runtime_state",
    "created",
    "modified",
    "error_message",
]
UNKNOWN_BACKEND_TYPE = "Marketplace.Resource"
"""Type of objects of unknown plugins."""


@dataclass(frozen=True, eq=False)
class _BackendType:
    """Type of backend objects of one plugin."""

    model: tuple[str, str]
    """Content type: app label and model."""
    rest_type: str
    """Name in REST."""
    columns: tuple[str, ...] = ()
    """Public columns in addition to `_COMMON_COLUMNS`."""


_BACKEND_TYPES: Mapping[Table[Any], _BackendType] = {
    tables.tenant: _BackendType(("openstack", "tenant"), "OpenStack.Tenant"),
    tables.instance: _BackendType(
        ("openstack", "instance"),
        "OpenStack.Instance",
        ("cores", "ram", "disk", "flavor_name", "image_name", "hypervisor_hostname"),
    ),
    tables.volume: _BackendType(("openstack", "volume"), "OpenStack.Volume", ("size", "bootable")),
    tables.allocation: _BackendType(
        ("waldur_slurm", "allocation"),
        "SLURM.Allocation",
        (
            "is_active",
            *(f"{unit}_{kind}" for unit in ("cpu", "gpu", "ram") for kind in ("limit", "usage")),
        ),
    ),
}
_resource, _settings = tables.resource.c, tables.service_settings.c


def find_backend_table(
    content_type_id: int | None, get_content_type: Callable[[str, str], int]
) -> Table[Any] | None:
    """Return the table of a content type's backend objects; None for an unknown plugin."""
    matching_tables = (
        table
        for table, backend_type in _BACKEND_TYPES.items()
        if content_type_id == get_content_type(*backend_type.model)
    )
    return next(matching_tables, None)


def select_backend_objects(absent_tables: Collection[Table[Any]]) -> CompoundSelect[Any]:
    """Return a select of all resources' backend objects; missing tables are not queried."""
    backend_types = {
        table: backend_type
        for table, backend_type in _BACKEND_TYPES.items()
        if table not in absent_tables
    }
    return union_all(
        *(_select_objects(*each) for each in backend_types.items()),
        _select_unknown_objects(backend_types.values()),
    )


def matches_backend_uuid(resources: FromClause, uuid: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a resource's backend object, of a known plugin, has a uuid."""
    return or_(*(_matches_object(resources, uuid, *each) for each in _BACKEND_TYPES.items()))


def _matches_object(
    resources: FromClause, uuid: ColumnElement[Any], table: Table[Any], backend_type: _BackendType
) -> ColumnElement[bool]:
    object_id = select(table.c.id).where(table.c.uuid == uuid).correlate(None).scalar_subquery()
    has_content_type = resources.c.content_type_id == content_type_placeholder(*backend_type.model)
    return and_(has_content_type, resources.c.object_id == object_id)


def _select_objects(table: Table[Any], backend_type: _BackendType) -> Select[Any]:
    """Return a select of the backend objects of one type."""
    joined = tables.resource.join(
        table,
        (_resource.object_id == table.c.id)
        & (_resource.content_type_id == content_type_placeholder(*backend_type.model)),
    ).outerjoin(tables.service_settings, _settings.id == table.c.service_settings_id)
    return select(
        _resource.id.label("resource_id"),
        cast(inline_literal(backend_type.rest_type), Text).label("type"),
        table.c.uuid.label("uuid"),
        _settings.uuid.label("service_settings_uuid"),
        _build_details(table, backend_type).label("details"),
    ).select_from(joined)


def _select_unknown_objects(backend_types: Collection[_BackendType]) -> Select[Any]:
    """Return a select of the resources with objects of unknown plugins; all columns are NULL."""
    known_content_types = [content_type_placeholder(*each.model) for each in backend_types]
    return select(
        _resource.id,
        cast(inline_literal(UNKNOWN_BACKEND_TYPE), Text),
        cast(null(), Uuid),
        cast(null(), Uuid),
        cast(null(), JSONB),
    ).where(
        _resource.content_type_id.is_not(None),
        _resource.object_id.is_not(None),
        _resource.content_type_id.not_in(known_content_types),
    )


def _build_details(table: Table[Any], backend_type: _BackendType) -> ColumnElement[Any]:
    """Return a JSON object of the public columns of a backend object."""
    column_names = [each for each in (*_COMMON_COLUMNS, *backend_type.columns) if each in table.c]
    pairs = [
        part
        for name in column_names
        for part in (inline_literal(name), _render_column(table.c[name]))
    ]
    return func.jsonb_build_object(*pairs)


def _render_column(column: Column[Any]) -> ColumnElement[Any]:
    """Return an expression for a column's value in REST's format."""
    for column_type, render in _COLUMN_RENDERERS.items():
        if isinstance(column.type, column_type):
            return render(column)
    if column.key == "state":
        return case(
            *(
                (column == inline_literal(each), inline_literal(each.display_name))
                for each in BackendState
            )
        )
    return column


def _render_time(column: Column[Any]) -> ColumnElement[Any]:
    """Return an expression for a time in UTC, clamped to the years 1 to 9999."""
    first_time, last_time = f"{FIRST_DATE}T00:00:00.000000Z", f"{LAST_DATE}T23:59:59.999999Z"
    return case(
        (column < inline_literal(first_time), inline_literal(first_time)),
        (column > inline_literal(last_time), inline_literal(last_time)),
        else_=func.to_char(
            func.timezone(inline_literal("UTC"), column),
            inline_literal('YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        ),
    )


_COLUMN_RENDERERS: Mapping[type, Callable[[Column[Any]], ColumnElement[Any]]] = {
    Uuid: lambda column: func.replace(cast(column, Text), inline_literal("-"), inline_literal("")),
    DateTime: _render_time,
}
