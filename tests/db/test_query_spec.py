"""Query specifications are equal by value, so that caches of statements find them."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func

from gateway.db import tables
from gateway.db.access.viewer import AccessShape
from gateway.db.query_spec import (
    Access,
    BoundFunction,
    ColumnRef,
    Expression,
    IsVisible,
    NestedRows,
    PageWindow,
    ParentKeys,
    QuerySpec,
    SortOrder,
)
from gateway.db.sql.aggregate import Aggregate, AggregateValue
from gateway.db.sql.filters import (
    any_predicate,
    equals_constant,
    equals_value,
    filter_column,
    in_constants,
    is_null,
)
from gateway.db.sql.json_filters import has_json_key
from gateway.schema.framework.filters import FilterDefinition
from gateway.schema.lists.resources import ResourceFilter
from tests.support.marketplaces import Marketplace

RESOURCE, COMPONENT = tables.resource.c, tables.component.c


def count_rows() -> ColumnElement[Any]:
    """Return the SQL of a number of rows."""
    return func.count()


def lower_text(text: ColumnElement[str]) -> ColumnElement[Any]:
    """Return the SQL of a text in lower case."""
    return func.lower(text)


def build_query_spec() -> QuerySpec:
    """Return a new specification that has all kinds of parts."""
    component_spec = QuerySpec(
        tables.component,
        (ColumnRef(COMPONENT.name),),
        Access.INHERITED,
        ColumnRef(COMPONENT.offering_id),
    )
    return QuerySpec(
        tables.resource,
        (
            ColumnRef(tables.project.c.uuid, (RESOURCE.project_id,)),
            Expression(lower_text, (ColumnRef(RESOURCE.name),)),
            IsVisible((RESOURCE.project_id,)),
            NestedRows(component_spec, ColumnRef(RESOURCE.offering_id)),
        ),
        key_column=ColumnRef(RESOURCE.offering_id),
        conditions=(
            equals_constant(RESOURCE.state, 2),
            in_constants(RESOURCE.slug, ("a", "b")),
            is_null(RESOURCE.end_date),
            BoundFunction(filter_column(equals_value, RESOURCE.uuid), "f0"),
            BoundFunction(
                any_predicate(
                    filter_column(has_json_key("a"), RESOURCE.attributes),
                    filter_column(equals_value, tables.project.c.name, RESOURCE.project_id),
                ),
                "f1",
            ),
        ),
        page_window=PageWindow(SortOrder((ColumnRef(RESOURCE.name),)), 20),
    )


def test_specifications_with_equal_parts_are_equal() -> None:
    first, second = build_query_spec(), build_query_spec()
    assert first == second
    assert hash(first) == hash(second)
    key_columns = ColumnRef(RESOURCE.id), ColumnRef(RESOURCE.id)
    assert ParentKeys(first, key_columns[0]) == ParentKeys(second, key_columns[1])


@pytest.mark.parametrize(
    "changes",
    [
        {"table": tables.project},
        {"columns": (ColumnRef(RESOURCE.uuid),)},
        {"access": Access.REFERENCE},
        {"key_column": None},
        {"conditions": (equals_constant(RESOURCE.state, 3),)},
        {"page_window": PageWindow(SortOrder((ColumnRef(RESOURCE.name),), descending=True), 20)},
        {"has_single_key": True},
        {"sort_columns": (RESOURCE.name,)},
    ],
)
def test_specifications_with_different_parts_are_not_equal(changes: dict[str, Any]) -> None:
    assert build_query_spec() != replace(build_query_spec(), **changes)


def test_columns_are_compared_by_identity() -> None:
    alias = tables.resource.alias()
    first, second = ColumnRef(RESOURCE.name), ColumnRef(alias.c.name)
    vars(first)["_hash"] = vars(second)["_hash"] = 1
    assert hash(first) == hash(second)
    assert first != second
    assert first != RESOURCE.name
    assert first != IsVisible((RESOURCE.name,))


def test_constants_of_different_types_are_not_equal() -> None:
    assert equals_constant(RESOURCE.state, 1) == equals_constant(RESOURCE.state, 1)
    assert equals_constant(RESOURCE.state, 1) != equals_constant(RESOURCE.state, True)
    assert equals_constant(RESOURCE.state, 1) != equals_constant(RESOURCE.state, "1")


def test_page_windows_and_sets_of_different_types_are_not_equal() -> None:
    order = SortOrder((ColumnRef(RESOURCE.name),))
    assert PageWindow(order, 1) == PageWindow(order, 1)
    assert PageWindow(order, 1) != PageWindow(order, True)
    assert PageWindow(order, 1, after_nulls=(True,)) != PageWindow(order, 1, after_nulls=(1,))  # type: ignore[arg-type]
    assert BoundFunction(equals_value, frozenset({1})) != BoundFunction(
        equals_value, frozenset({True})
    )
    assert BoundFunction(equals_value, ()) != BoundFunction(equals_value, {})


def test_aggregates_are_equal_by_value() -> None:
    first, second, other = (
        Aggregate(COMPONENT.offering_id, {name: Expression(count_rows)}, (is_null(COMPONENT.name),))
        for name in ("all", "all", "live")
    )
    assert first == second
    assert first.query_spec == second.query_spec == other.query_spec
    assert first != other
    assert AggregateValue(first, "all", RESOURCE.offering_id) == AggregateValue(
        second, "all", RESOURCE.offering_id
    )


def test_conditions_of_a_filter_are_equal_by_shape() -> None:
    definition = FilterDefinition(ResourceFilter)
    filter_values = {"or_": [{"name": "a"}, {"not_": {"state": ["OK"]}}], "query": None}
    shapes = [definition.parse_filter(filter_values).shape for _ in range(2)]
    first, second = map(definition.build_conditions, shapes)
    assert first
    assert first == second


async def test_equal_specifications_share_a_statement(demo: Marketplace) -> None:
    first, second = [
        await demo.statement_compiler.load_statement(build_query_spec(), AccessShape(), None)
        for _ in range(2)
    ]
    assert first is not None
    assert first is second
