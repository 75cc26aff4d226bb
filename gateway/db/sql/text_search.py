"""Free-text search in lists, with the semantics of REST's `query` parameter (domain.md §5.1).

A search for a uuid returns the row with that uuid if it is visible, and else
falls back to a search by text; a search by a short text uses no index. So there
are three kinds of statements, and three parameters: the text itself, its LIKE
pattern, and the uuid.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    exists,
    not_,
    or_,
    true,
)

from gateway.db import tables
from gateway.db.driver.encoding import UUID_PATTERN
from gateway.db.query_spec import RowCondition, RowFilterFactory
from gateway.db.sql.filters import (
    build_like_pattern,
    contains_text,
    equals_ignoring_case,
    is_short_text,
)
from gateway.db.sql.json_filters import get_json_text
from gateway.db.sql.relation_filters import row_exists
from gateway.db.sql.sqlalchemy_internals import replace_table
from gateway.db.views.backend_objects import matches_backend_uuid

_ADDRESS_KEYS = (
    "external_ips",
    "internal_ips",
    "hypervisor_hostname",
    "router_fixed_ips",
    "external_address",
)
"""The keys of a resource's backend metadata that are searched."""

_UuidPredicate = Callable[[FromClause], ColumnElement[bool]]
"""Matches the rows of a table, or of an alias of it, that a uuid stands for."""

SearchConditions = Callable[[str], tuple[RowCondition, ...]]
"""Returns the conditions of a search of a kind: "uuid", "text" or "short", which uses no index."""

_resource, _offering = tables.resource.c, tables.offering.c
_project, _customer = tables.project.c, tables.customer.c
_exact_parameter = bindparam("query0", type_=Text)
_uuid_parameter = bindparam("query2", type_=Uuid)

RESOURCE_SEARCH_TEXTS: tuple[ColumnElement[str], ...] = (
    _resource.name,
    _resource.slug,
    *(get_json_text(_resource.backend_metadata, each) for each in _ADDRESS_KEYS),
)
"""The texts of a resource of which a search may match a part."""


def classify_search(query: str) -> tuple[str, ...]:
    """Return the kind of a search, and the values of its parameters."""
    if UUID_PATTERN.fullmatch(query):
        return "uuid", query, build_like_pattern(query), query
    return "short" if is_short_text(query) else "text", query, build_like_pattern(query)


def _has_uuid(rows: FromClause) -> ColumnElement[bool]:
    return rows.c.uuid == _uuid_parameter


def _declare_search(
    table: Table[Any], by_text: RowCondition, *uuid_predicates: _UuidPredicate
) -> SearchConditions:
    """Return the search conditions of `table`.

    A search for a uuid tries the table's own uuid, then each of `uuid_predicates`,
    then `by_text`; it returns the matches of the first one with a visible match.
    """

    def by_uuid(row_filter: RowFilterFactory) -> ColumnElement[bool]:
        other_rows, condition = table.alias("other"), by_text(row_filter)
        is_other_visible = replace_table(row_filter(table), other_rows)
        for uuid_predicate in reversed((_has_uuid, *uuid_predicates)):
            visible_match = (
                exists()
                .where(uuid_predicate(other_rows), is_other_visible)
                .correlate_except(other_rows)
            )
            condition = or_(uuid_predicate(table), and_(not_(visible_match), condition))
        return condition

    conditions_by_kind: dict[str, RowCondition] = {
        "uuid": by_uuid,
        "text": by_text,
        "short": lambda row_filter: by_text(row_filter).is_(true()),
    }
    return lambda kind: (conditions_by_kind[kind],)


def _any_contains_text(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Match rows where one of the columns contains the search text, ignoring case."""
    return or_(*(contains_text(each, "query1") for each in columns))


def _equals_text(column: Column[Any]) -> ColumnElement[bool]:
    """Match rows where `column` equals the search text, ignoring case."""
    return equals_ignoring_case(column, "query0")


def _match_resources(_row_filter: RowFilterFactory) -> ColumnElement[bool]:
    return or_(
        _any_contains_text(*RESOURCE_SEARCH_TEXTS),
        _equals_text(_resource.backend_id),
        _equals_text(_resource.effective_id),
    )


def _match_offerings(_row_filter: RowFilterFactory) -> ColumnElement[bool]:
    return _any_contains_text(_offering.name, _offering.slug, _offering.description)


def _match_projects(row_filter: RowFilterFactory) -> ColumnElement[bool]:
    """Match projects by their own texts, or by a visible resource of theirs."""
    has_name = _resource.name == _exact_parameter
    matches_resource = or_(
        has_name, _equals_text(_resource.backend_id), _equals_text(_resource.effective_id)
    )
    is_in_project = _resource.project_id == _project.id
    return or_(
        _any_contains_text(_project.name, _project.slug),
        row_exists(_project.id, is_in_project, matches_resource, row_filter(tables.resource)),
    )


def _match_customers(_row_filter: RowFilterFactory) -> ColumnElement[bool]:
    return _any_contains_text(
        _customer.name, _customer.slug, _customer.native_name, _customer.abbreviation
    )


RESOURCE_SEARCH = _declare_search(
    tables.resource, _match_resources, lambda rows: matches_backend_uuid(rows, _uuid_parameter)
)
OFFERING_SEARCH = _declare_search(tables.offering, _match_offerings)
PROJECT_SEARCH = _declare_search(tables.project, _match_projects)
CUSTOMER_SEARCH = _declare_search(tables.customer, _match_customers)
