"""Row-level access control: the row filter of every table (domain.md §4.4-4.10).

Access is denied by default: each table is declared here once, and a table
without a declaration can't be read. A table has either

* a row filter of its own (`ROW_FILTERS`): a condition on the row's own columns and
  the viewer's parameters, such as `project_id = any(:consumer_projects)`, or
* inherited access (`INHERITED_ACCESS`): its rows are visible with their owner.

The viewer is present as parameters only, so all viewers with one `AccessShape`
share a statement's text. Staff and support see everything: their statements are
compiled with `bypass`, without row filters. `role_expansion` computes the id sets.

How a filter is applied depends on the `Access` of a query specification:

    ROW_FILTER   the filter is in the WHERE clause; inherited access checks the owner by EXISTS
    INHERITED    the rows are selected by the key of a visible owner: no filter is needed
    REFERENCE    the filter is selected as a column; if false, only by-reference fields are shown
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BinaryExpression,
    BindParameter,
    Boolean,
    CollectionAggregate,
    Column,
    ColumnElement,
    Integer,
    Table,
    and_,
    any_,
    bindparam,
    exists,
    false,
    not_,
    or_,
    true,
)

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.driver.encoding import inline_literal
from gateway.db.query_spec import Access, Perspective, QuerySpec
from gateway.db.tables.codes import OfferingState
from gateway.db.views import registry


def _in_id_set(column: Column[Any], id_set: str) -> ColumnElement[bool]:
    """Match rows whose `column` is in one of the viewer's id sets."""
    return column == any_(bindparam(id_set, type_=ARRAY(Integer)))


def fold_empty_ids(element: Any, empty_id_sets: frozenset[str]) -> ColumnElement[bool] | None:
    """Return FALSE for a comparison with an empty id set, and None for any other element."""
    if isinstance(element, BinaryExpression) and isinstance(element.right, CollectionAggregate):
        parameter = getattr(element.right.element, "element", None)
        if isinstance(parameter, BindParameter) and parameter.key in empty_id_sets:
            return false()
    return None


def _viewer_flag(name: str) -> ColumnElement[bool]:
    return bindparam(name, type_=Boolean)


_CATALOGUE_STATES = [inline_literal(each) for each in (OfferingState.ACTIVE, OfferingState.PAUSED)]
"""The states of offerings in the catalogue (domain.md §4.7)."""


def _offering_filter(offering: Table[Any]) -> ColumnElement[bool]:
    """Match the offerings in the catalogue and the viewer's own ones (domain.md §4.7)."""
    return or_(
        and_(
            offering.c.shared,
            offering.c.state.in_(_CATALOGUE_STATES),
            _viewer_flag("catalogue"),
            not_(_in_id_set(offering.c.id, "hidden_offerings")),
        ),
        _in_id_set(offering.c.id, "own_offerings"),
    )


_ID_SETS: Mapping[Table[Any], Mapping[Perspective, Mapping[str, str]]] = {
    tables.resource: {
        Perspective.CONSUMER: {"project_id": "consumer_projects", "id": "resources"},
        Perspective.PROVIDER: {"offering_id": "provided_offerings"},
    },
    tables.order: {
        Perspective.CONSUMER: {"project_id": "order_projects"},
        Perspective.PROVIDER: {"offering_id": "order_offerings"},
    },
}
"""The id sets for resources and orders as consumers and providers see them.

A row is visible if one of these columns is in the viewer's id set of that name (domain.md §4.4,
§4.5, §4.9).
"""


def _build_perspective_filters(table: Table[Any]) -> dict[Perspective, ColumnElement[bool]]:
    """Return the row filter of a table for each perspective."""
    return {
        perspective: or_(*[_in_id_set(table.c[name], id_set) for name, id_set in id_sets.items()])
        for perspective, id_sets in _ID_SETS[table].items()
    }


PERSPECTIVE_FILTERS = _build_perspective_filters(tables.resource)
"""The row filters of resources as consumers and as providers see them."""


def can_see_row(viewer: Viewer, table: Table[Any], values: Mapping[str, Any]) -> bool:
    """Return whether a viewer sees the row of `table` that has these values.

    This is the row filter of resources and of orders, evaluated without a statement: events are
    delivered by it. Raises KeyError if `values` lack a column that decides.
    """
    return viewer.sees_everything or any(
        values[column] in getattr(viewer, id_set)
        for id_sets in _ID_SETS[table].values()
        for column, id_set in id_sets.items()
    )


ROW_FILTERS: Mapping[Table[Any], ColumnElement[bool]] = {
    tables.resource: or_(*PERSPECTIVE_FILTERS.values()),
    tables.offering: _offering_filter(tables.offering),
    tables.order: or_(*_build_perspective_filters(tables.order).values()),
    tables.category: _viewer_flag("categories"),
    tables.software_catalog: false(),
    tables.project: _in_id_set(tables.project.c.id, "projects"),
    tables.customer: _in_id_set(tables.customer.c.id, "customers"),
    tables.user: tables.user.c.id == bindparam("viewer", type_=Integer),
}
"""The row filters by table, for viewers other than staff and support."""

UNCONDITIONAL_FILTERS: Mapping[Table[Any], ColumnElement[bool]] = {
    tables.project: not_(tables.project.c.is_removed),
}
"""Filters for all viewers, staff included: removed projects are never listed (domain.md §4.10)."""


@dataclass(frozen=True, eq=False)
class InheritedAccess:
    """Inherited access: rows are visible with the row that `owner_column` refers to.

    If there is a `row_filter`, it must hold as well; for staff and support a `staff_filter`.
    """

    owner_column: Column[Any]
    row_filter: ColumnElement[bool] | None = None
    staff_filter: ColumnElement[bool] | None = None


def _plan_filter(plan: Table[Any]) -> ColumnElement[bool]:
    """Match plans that are not restricted to other organisations (domain.md §3.5)."""
    return and_(_viewer_flag("plans"), not_(_in_id_set(plan.c.id, "hidden_plans")))


INHERITED_ACCESS: Mapping[Table[Any], InheritedAccess] = {
    tables.component: InheritedAccess(tables.component.c.offering_id),
    tables.partition: InheritedAccess(tables.partition.c.offering_id),
    tables.offering_endpoint: InheritedAccess(tables.offering_endpoint.c.offering_id),
    tables.offering_user_role: InheritedAccess(tables.offering_user_role.c.offering_id),
    tables.offering_software_catalog: InheritedAccess(
        tables.offering_software_catalog.c.offering_id
    ),
    tables.plan_period: InheritedAccess(tables.plan_period.c.resource_id),
    tables.component_usage: InheritedAccess(tables.component_usage.c.resource_id),
    tables.resource_endpoint: InheritedAccess(tables.resource_endpoint.c.resource_id),
    tables.plan: InheritedAccess(tables.plan.c.offering_id, _plan_filter(tables.plan)),
    registry.effective_component: InheritedAccess(registry.effective_component.c.of_offering_id),
    registry.effective_plan: InheritedAccess(
        registry.effective_plan.c.of_offering_id, _plan_filter(registry.effective_plan)
    ),
    registry.team_member: InheritedAccess(registry.team_member.c.resource_id),
    registry.backend_object: InheritedAccess(registry.backend_object.c.resource_id),
    registry.subresource_offering: InheritedAccess(
        registry.subresource_offering.c.of_resource_id,
        _offering_filter(registry.subresource_offering),
    ),
    registry.history_entry: InheritedAccess(
        registry.history_entry.c.resource_id, false(), staff_filter=_viewer_flag("history")
    ),
    tables.plan_component: InheritedAccess(tables.plan_component.c.plan_id),
}
"""Tables whose rows belong to another row, by table.

Plans may be restricted to organisations (domain.md §3.5). REST shows the uuids
and types of all subresource offerings of a visible resource (§5.20), including
drafts and other customers' private ones. Here offerings are published with all
fields, so only those are listed that are visible by their own filter. Histories
are visible to staff and support only (§4.11): REST checks that as it checks an
operation, so a personal access token needs a scope for it.
"""

EMBEDDING_COLUMNS: Mapping[Table[Any], Column[Any]] = {
    tables.order: tables.order.c.resource_id,
    tables.component_usage: tables.component_usage.c.plan_period_id,
}
"""Other columns whose visible target shows the rows, unlike in lists (domain.md §4.9, §5.20)."""

OPEN_TABLES = frozenset(
    {
        tables.offering,
        tables.category,
        tables.plan,
        tables.component,
        tables.partition,
        tables.order,
        tables.software_catalog,
    }
)
"""Tables whose rows show all fields wherever a visible row refers to them."""


def _own_row_filter(
    table: Table[Any], *, bypass: bool, perspective: Perspective | None = None
) -> ColumnElement[bool]:
    unconditional = UNCONDITIONAL_FILTERS.get(table, true())
    if bypass:
        return unconditional
    return and_(
        unconditional,
        ROW_FILTERS[table] if perspective is None else PERSPECTIVE_FILTERS[perspective],
    )


def _inherited_row_filter(inherited: InheritedAccess, *, bypass: bool) -> ColumnElement[bool]:
    row_filter = inherited.staff_filter if bypass else inherited.row_filter
    return true() if row_filter is None else row_filter


def build_row_filter(
    table: Table[Any], *, bypass: bool, perspective: Perspective | None = None
) -> ColumnElement[bool]:
    """Return the row filter of a table.

    Raises KeyError if the table is not declared.
    """
    inherited = INHERITED_ACCESS.get(table)
    if inherited is None:
        return _own_row_filter(table, bypass=bypass, perspective=perspective)
    (foreign_key,) = inherited.owner_column.foreign_keys
    owner: Any = foreign_key.column.table
    owner_filter = build_row_filter(owner, bypass=bypass)
    owner_is_visible = (
        exists()
        .where(foreign_key.column == inherited.owner_column, owner_filter)
        .correlate_except(owner)
    )
    return and_(_inherited_row_filter(inherited, bypass=bypass), owner_is_visible)


def build_access_filter(query_spec: QuerySpec, *, bypass: bool) -> ColumnElement[bool]:
    """Return the row filter of a specification's table, according to its access.

    Raises ValueError if rows with inherited access are not selected by their owner.
    """
    if query_spec.access is Access.ROW_FILTER:
        return build_row_filter(query_spec.table, bypass=bypass, perspective=query_spec.perspective)
    if query_spec.access is Access.REFERENCE or query_spec.is_grouped:
        return true()
    inherited = INHERITED_ACCESS.get(query_spec.table)
    owner_columns = [EMBEDDING_COLUMNS.get(query_spec.table), inherited and inherited.owner_column]
    if (
        query_spec.key_column is None
        or query_spec.key_column.path
        or query_spec.key_column.column not in set(owner_columns)
    ):
        raise ValueError(
            f"Rows of {query_spec.table.name} inherit access: the key column must be their owner's."
        )
    return true() if inherited is None else _inherited_row_filter(inherited, bypass=bypass)


def build_reference_filter(table: Table[Any], *, bypass: bool) -> ColumnElement[bool]:
    """Return the condition that a row shows all its fields where a visible row refers to it."""
    return true() if table in OPEN_TABLES else build_row_filter(table, bypass=bypass)
