"""Searching lists, as REST's `query` does (domain.md §5.1)."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    String,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
)
from sqlalchemy.sql.util import ClauseAdapter

from gateway.db import tables
from gateway.db.driver.encoding import UUID, constant
from gateway.db.query_spec import Condition, Rules
from gateway.db.sql.filters import pattern
from gateway.db.sql.relation_filters import there_is
from gateway.db.views.backend_objects import behind

_ADDRESSES = (
    "external_ips",
    "internal_ips",
    "hypervisor_hostname",
    "router_fixed_ips",
    "external_address",
)
"""The keys of the backend's metadata that are searched in."""

Way = Callable[[FromClause], ColumnElement[bool]]
"""Says of which rows of a table, or of an alias of it, a uuid is meant."""

Searched = Callable[[str], tuple[Condition, ...]]
"""Gives what a row must meet to be found by a search of a kind."""

_resource, _offering = tables.resource.c, tables.offering.c
_project, _customer = tables.project.c, tables.customer.c
_exactly = bindparam("query0", type_=Text)
_somewhere = bindparam("query1", type_=String)
_uuid = bindparam("query2", type_=Uuid)


def searched(query: str) -> tuple[str, ...]:
    """Give the kind of search that `query` asks for, and the values of its parameters."""
    if UUID.fullmatch(query):
        return "uuid", query, pattern(query), query
    return "text", query, pattern(query)


def _itself(rows: FromClause) -> ColumnElement[bool]:
    return rows.c.uuid == _uuid


def _search(table: Table[Any], by_text: Condition, *ways: Way) -> Searched:
    """Search `table`: by a uuid for its row alone if the viewer sees that, else `by_text`.

    What the first of the `ways` finds that the viewer sees is all there is;
    without any, what the next finds.
    """

    def by_uuid(rules: Rules) -> ColumnElement[bool]:
        other, found = table.alias("other"), by_text(rules)
        seen = ClauseAdapter(other).traverse(rules(table))
        for way in reversed((_itself, *ways)):
            known = exists().where(way(other), seen).correlate_except(other)
            found = or_(way(table), and_(not_(known), found))
        return found

    return lambda kind: (by_uuid,) if kind == "uuid" else (by_text,)


def _held(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Hold where what is searched for is a part of one of the texts."""
    return or_(*(each.ilike(_somewhere, escape="\\") for each in columns))


def _same(column: Column[Any]) -> ColumnElement[bool]:
    """Hold where what is searched for is the text, in upper or lower case."""
    return func.upper(column) == func.upper(_exactly)


def _told(key: str) -> ColumnElement[str]:
    return _resource.backend_metadata.op("->>", return_type=Text())(constant(key))


def _resources(_rules: Rules) -> ColumnElement[bool]:
    return or_(
        _held(_resource.name, _resource.slug, *map(_told, _ADDRESSES)),
        _same(_resource.backend_id),
        _same(_resource.effective_id),
    )


def _offerings(_rules: Rules) -> ColumnElement[bool]:
    return _held(_offering.name, _offering.slug, _offering.description)


def _projects(rules: Rules) -> ColumnElement[bool]:
    """Find a project by itself, or by a resource in it that the viewer sees."""
    named = _resource.name == _exactly
    held = or_(named, _same(_resource.backend_id), _same(_resource.effective_id))
    here = _resource.project_id == _project.id
    return or_(
        _held(_project.name, _project.slug),
        there_is(_project.id, here, held, rules(tables.resource)),
    )


def _customers(_rules: Rules) -> ColumnElement[bool]:
    return _held(_customer.name, _customer.slug, _customer.native_name, _customer.abbreviation)


RESOURCES = _search(tables.resource, _resources, lambda rows: behind(rows, _uuid))
OFFERINGS = _search(tables.offering, _offerings)
PROJECTS = _search(tables.project, _projects)
CUSTOMERS = _search(tables.customer, _customers)
