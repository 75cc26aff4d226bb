"""Compiled statements: joins along references, row filters, missing columns."""

import psycopg
from sqlalchemy import func

from gateway.db import tables
from gateway.db.access.viewer import BYPASS_SHAPE, AccessShape, Viewer
from gateway.db.query_spec import Access, ColumnRef, Expression, IsVisible, QuerySpec
from gateway.loaders.read_loader import ReadLoader
from tests.support.marketplaces import Marketplace
from tests.support.oracle import Oracle

RESOURCE = tables.resource.c
PROJECT_PATH = (RESOURCE.project_id,)
CUSTOMER_PATH = (RESOURCE.project_id, tables.project.c.customer_id)
PARENT_PROJECT_PATH = (RESOURCE.parent_id, RESOURCE.project_id)
JOINED_SPEC = QuerySpec(
    tables.resource,
    (
        ColumnRef(RESOURCE.uuid),
        ColumnRef(tables.project.c.uuid, PROJECT_PATH),
        IsVisible(PROJECT_PATH),
        ColumnRef(tables.customer.c.uuid, CUSTOMER_PATH),
        IsVisible(CUSTOMER_PATH),
        IsVisible((RESOURCE.offering_id,)),
        ColumnRef(tables.project.c.uuid, PARENT_PROJECT_PATH),
        Expression(func.upper, (ColumnRef(tables.project.c.name, PROJECT_PATH),)),
    ),
)


async def test_visibility_of_joined_rows_matches_the_oracle(demo: Marketplace) -> None:
    viewer = await demo.load_viewer("provider")
    rows = await ReadLoader(demo.database, demo.statement_compiler, viewer).load_rows(
        JOINED_SPEC, None
    )
    with psycopg.connect(demo.url) as connection:
        oracle = Oracle(connection, 2026)
        oracle_viewer = oracle.find_viewer("provider", "127.0.0.1")
        projects, customers = (
            oracle.visible_uuids(noun, oracle_viewer) for noun in ("project", "customer")
        )
        resources = oracle.visible_uuids("resource", oracle_viewer)
    assert {row[1].replace("-", "") for row in rows} == resources
    assert {row[3] for row in rows} == {False, True} or not projects
    for (
        _,
        _,
        project,
        is_project_visible,
        customer,
        is_customer_visible,
        is_offering_visible,
        _,
        upper_name,
    ) in rows:
        assert is_project_visible is (project.replace("-", "") in projects)
        assert is_customer_visible is (customer.replace("-", "") in customers)
        assert is_offering_visible is True
        assert upper_name == upper_name.upper()


async def test_staff_see_all_joined_rows_but_removed_projects(demo: Marketplace) -> None:
    viewer = await demo.load_viewer("staff")
    rows = await ReadLoader(demo.database, demo.statement_compiler, viewer).load_rows(
        JOINED_SPEC, None
    )
    with psycopg.connect(demo.url) as connection:
        removed_rows = connection.execute(
            "select uuid::text from structure_project where is_removed"
        )
        removed_uuids = {uuid for (uuid,) in removed_rows}
    assert len(rows) == 600
    for row in rows:
        assert row[3] is (row[2] not in removed_uuids)
        assert row[5] is True


async def test_a_nullable_reference_loses_no_row(demo: Marketplace) -> None:
    viewer = await demo.load_viewer("staff")
    rows = await ReadLoader(demo.database, demo.statement_compiler, viewer).load_rows(
        JOINED_SPEC, None
    )
    assert {row[7] is None for row in rows} == {True, False}


async def test_columns_missing_in_an_older_marketplace_are_null(
    waldur: Marketplace,
) -> None:
    grace_period_days = tables.customer.c.grace_period_days
    query_spec = QuerySpec(
        tables.resource,
        (
            ColumnRef(RESOURCE.last_sync),
            ColumnRef(grace_period_days, CUSTOMER_PATH),
            ColumnRef(tables.partition.c.qos),
        ),
        conditions=(lambda _: RESOURCE.last_sync.is_(None),),
    )
    viewer = await waldur.load_viewer("staff")
    rows = await ReadLoader(waldur.database, waldur.statement_compiler, viewer).load_rows(
        query_spec, None
    )
    assert len(rows) == 600
    assert {row[1:] for row in rows} == {(None, None, None)}


async def test_the_sql_does_not_depend_on_the_viewer(demo: Marketplace) -> None:
    statement = await demo.statement_compiler.load_statement(JOINED_SPEC, AccessShape(), 1)
    assert statement is await demo.statement_compiler.load_statement(JOINED_SPEC, AccessShape(), 2)
    assert statement is not None
    assert "consumer_projects" in statement.parameter_names
    bypass_statement = demo.statement_compiler.compile(JOINED_SPEC, BYPASS_SHAPE)
    assert bypass_statement is not None
    assert bypass_statement.parameter_names == ()


def test_conditions_on_empty_id_sets_are_left_out(demo: Marketplace) -> None:
    member = Viewer(user_id=1, consumer_projects=frozenset({1}))
    query_spec = QuerySpec(tables.resource, (ColumnRef(RESOURCE.name),))
    statement = demo.statement_compiler.compile(query_spec, member.access_shape)
    assert statement is not None
    assert statement.parameter_names == ("consumer_projects",)
    assert member.access_shape == Viewer(user_id=2, consumer_projects=frozenset({2})).access_shape
    assert demo.statement_compiler.compile(query_spec, Viewer().access_shape).parameter_names == ()  # type: ignore[union-attr]
    assert (
        Viewer(is_staff=True).access_shape == Viewer(is_support=True).access_shape == BYPASS_SHAPE
    )


def test_inherited_rows_read_from_a_root_are_filtered_by_their_owner(
    demo: Marketplace,
) -> None:
    component = tables.component
    query_spec = QuerySpec(
        component, (ColumnRef(component.c.name),), Access.ROW_FILTER, ColumnRef(component.c.uuid)
    )
    statement = demo.statement_compiler.compile(query_spec, AccessShape())
    assert statement is not None
    assert "own_offerings" in statement.parameter_names
