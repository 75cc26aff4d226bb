"""The plugins' objects behind resources, with what may be shown of them (domain.md §2.9b)."""

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
from gateway.db.driver.encoding import constant
from gateway.db.installation.placeholders import content_type

_COMMON = [
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
_STATES = {
    1: "Update Scheduled",
    2: "Updating",
    3: "OK",
    4: "Erred",
    5: "Creation Scheduled",
    6: "Creating",
    7: "Deletion Scheduled",
    8: "Deleting",
}
UNKNOWN = "Marketplace.Resource"
"""The type of what no known plugin made."""


@dataclass(frozen=True, eq=False)
class _Kind:
    """What one plugin makes."""

    model: tuple[str, str]
    """Its content type."""
    type: str
    """What REST calls it."""
    shown: tuple[str, ...] = ()
    """What is shown besides what all have."""


_KINDS: Mapping[Table[Any], _Kind] = {
    tables.tenant: _Kind(("openstack", "tenant"), "OpenStack.Tenant"),
    tables.instance: _Kind(
        ("openstack", "instance"),
        "OpenStack.Instance",
        ("cores", "ram", "disk", "flavor_name", "image_name", "hypervisor_hostname"),
    ),
    tables.volume: _Kind(("openstack", "volume"), "OpenStack.Volume", ("size", "bootable")),
    tables.allocation: _Kind(
        ("waldur_slurm", "allocation"),
        "SLURM.Allocation",
        (
            "is_active",
            *(f"{what}_{kind}" for what in ("cpu", "gpu", "ram") for kind in ("limit", "usage")),
        ),
    ),
}
_resource, _settings = tables.resource.c, tables.service_settings.c


def backend_table(
    content_type_id: int | None, named: Callable[[str, str], int]
) -> Table[Any] | None:
    """Give the table of the plugin's objects that a content type, as it is `named`, stands for."""
    known = (table for table, kind in _KINDS.items() if content_type_id == named(*kind.model))
    return next(known, None)


def backends(absent: Collection[Table[Any]]) -> CompoundSelect[Any]:
    """Select the object behind each resource that has one, as far as its table is not absent."""
    known = {table: kind for table, kind in _KINDS.items() if table not in absent}
    return union_all(*(_made_by(*each) for each in known.items()), _unknown(known.values()))


def behind(resources: FromClause, uuid: ColumnElement[Any]) -> ColumnElement[bool]:
    """Hold of a resource that has the object of a uuid behind it, which a known plugin made."""
    return or_(*(_scoped(resources, uuid, *each) for each in _KINDS.items()))


def _scoped(
    resources: FromClause, uuid: ColumnElement[Any], table: Table[Any], kind: _Kind
) -> ColumnElement[bool]:
    found = select(table.c.id).where(table.c.uuid == uuid).correlate(None).scalar_subquery()
    same = resources.c.content_type_id == content_type(*kind.model)
    return and_(same, resources.c.object_id == found)


def _made_by(table: Table[Any], kind: _Kind) -> Select[Any]:
    """Select what one plugin made."""
    joined = tables.resource.join(
        table,
        (_resource.object_id == table.c.id)
        & (_resource.content_type_id == content_type(*kind.model)),
    ).outerjoin(tables.service_settings, _settings.id == table.c.service_settings_id)
    return select(
        _resource.id.label("resource_id"),
        cast(constant(kind.type), Text).label("type"),
        table.c.uuid.label("uuid"),
        _settings.uuid.label("service_settings_uuid"),
        _details(table, kind).label("details"),
    ).select_from(joined)


def _unknown(kinds: Collection[_Kind]) -> Select[Any]:
    """Select what no known plugin made: nothing is known of it."""
    others = [content_type(*each.model) for each in kinds]
    return select(
        _resource.id,
        cast(constant(UNKNOWN), Text),
        cast(null(), Uuid),
        cast(null(), Uuid),
        cast(null(), JSONB),
    ).where(
        _resource.content_type_id.is_not(None),
        _resource.object_id.is_not(None),
        _resource.content_type_id.not_in(others),
    )


def _details(table: Table[Any], kind: _Kind) -> ColumnElement[Any]:
    """Give what may be shown of an object, as JSON; what else there is stays where it is."""
    shown = [each for each in (*_COMMON, *kind.shown) if each in table.c]
    pairs = [part for name in shown for part in (constant(name), _written(table.c[name]))]
    return func.jsonb_build_object(*pairs)


def _written(column: Column[Any]) -> ColumnElement[Any]:
    """Write a value as the API writes it."""
    for kind, write in _WRITTEN.items():
        if isinstance(column.type, kind):
            return write(column)
    if column.key == "state":
        return case(*((column == constant(n), constant(name)) for n, name in _STATES.items()))
    return column


_WRITTEN: Mapping[type, Callable[[Column[Any]], ColumnElement[Any]]] = {
    Uuid: lambda column: func.replace(cast(column, Text), constant("-"), constant("")),
    DateTime: lambda column: func.to_char(
        func.timezone(constant("UTC"), column), constant('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ),
}
