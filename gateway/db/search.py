"""Searching resources, as REST's `query` does (domain.md §5.1)."""

from sqlalchemy import ColumnElement, String, Text, and_, bindparam, exists, func, not_, or_
from sqlalchemy.sql.util import ClauseAdapter

from gateway.db import tables
from gateway.db.conditions import pattern
from gateway.db.read import Condition
from gateway.db.values import UUID, constant

_ADDRESSES = (
    "external_ips",
    "internal_ips",
    "hypervisor_hostname",
    "router_fixed_ips",
    "external_address",
)
"""The keys of the backend's metadata that are searched in."""

_resource = tables.resource.c
_exactly = bindparam("query0", type_=Text)
_somewhere = bindparam("query1", type_=String)
_uuid = bindparam("query2", type_=_resource.uuid.type)


def searched(query: str) -> tuple[str, ...]:
    """Give the kind of search that `query` asks for, and the values of its parameters."""
    if UUID.fullmatch(query):
        return "uuid", query, pattern(query), query
    return "text", query, pattern(query)


def search(kind: str) -> tuple[Condition, ...]:
    """Give what a resource must meet to be found by a search of that kind."""
    return (_by_uuid,) if kind == "uuid" else (_by_text,)


def _by_text(_rule: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(
        _resource.name.ilike(_somewhere, escape="\\"),
        _resource.slug.ilike(_somewhere, escape="\\"),
        func.upper(_resource.backend_id) == func.upper(_exactly),
        func.upper(_resource.effective_id) == func.upper(_exactly),
        *(_told(key).ilike(_somewhere, escape="\\") for key in _ADDRESSES),
    )


def _told(key: str) -> ColumnElement[str]:
    return _resource.backend_metadata.op("->>", return_type=Text())(constant(key))


def _by_uuid(rule: ColumnElement[bool]) -> ColumnElement[bool]:
    """Find just the resource of that uuid if the viewer sees one; else search for the text."""
    other = tables.resource.alias("other")
    seen = ClauseAdapter(other).traverse(rule)
    known = exists().where(other.c.uuid == _uuid, seen).correlate_except(other)
    return or_(_resource.uuid == _uuid, and_(not_(known), _by_text(rule)))
