"""Tests of the demo's creation: it is reproducible, of the requested size, and reported."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Table

from gateway.db import tables
from gateway.demo.marketplace import fill
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.marketplace.people import DEMO_PEOPLE
from tests.support.demo_queries import fetch_values

REFERENCE_DAY = date(2026, 4, 25)


def checksum_tables(connection: psycopg.Connection) -> dict[str, str]:
    """Return a checksum of each table's rows."""
    checksum_sql = "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} t"
    return {
        name: fetch_values(connection, checksum_sql.format(name)).pop()
        for name in sorted(tables.metadata.tables)
    }


def test_equal_seeds_create_equal_rows(empty_connection: psycopg.Connection) -> None:
    results = []
    for seed in (3, 3, 4):
        create_marketplace(empty_connection, resource_count=150, seed=seed, day=REFERENCE_DAY)
        results.append(checksum_tables(empty_connection))
        empty_connection.execute("drop schema public, gateway cascade; create schema public")
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_another_day_moves_dates_only(empty_connection: psycopg.Connection) -> None:
    results = []
    stable_values_sql = """
        select (uuid, name, state, parent_id, limits)::text from marketplace_resource
        union all select key from authtoken_token union all select uuid::text from marketplace_order
    """
    for day in (REFERENCE_DAY, REFERENCE_DAY + timedelta(days=250)):
        create_marketplace(empty_connection, resource_count=150, seed=3, day=day)
        results.append(fetch_values(empty_connection, stable_values_sql))
        empty_connection.execute("drop schema public, gateway cascade; create schema public")
    assert results[0] == results[1]


def test_steps_are_reported(
    empty_connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fill, "_REPORTED_RESOURCE_COUNT", 40)
    lines: list[str] = []
    create_marketplace(empty_connection, resource_count=100, seed=1, report_progress=lines.append)
    assert lines == [
        "  tables",
        "  people, organisations, projects and offerings",
        "  resources and orders",
        "  resources and orders: 40 resources",
        "  resources and orders: 80 resources",
        "  history, events and invoices",
        "  constraints and indexes",
    ]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_creates_the_requested_number_of_resources(
    empty_connection: psycopg.Connection, count: int
) -> None:
    create_marketplace(empty_connection, resource_count=count, seed=1, day=REFERENCE_DAY)
    assert fetch_values(empty_connection, "select count(*) from marketplace_resource") == {count}
    assert fetch_values(empty_connection, "select resources from gateway.marketplace") == {count}


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=str)
def test_no_table_is_empty(demo_connection: psycopg.Connection, table: Table[Any]) -> None:
    assert fetch_values(demo_connection, f"select exists (select from {table.name})") == {True}


@pytest.mark.parametrize(
    "relation",
    [
        "r.parent_id is not null",
        "r.plan_id is not null",
        "r.end_date_requested_by_id is not null",
        "r.object_id is not null",
        "r.report is not null",
        "r.options is not null",
        "p.end_date_requested_by_id is not null",
        "o.parent_id is not null",
        "exists (select from marketplace_resourceaccessendpoint where resource_id = r.id)",
    ],
)
def test_the_five_oldest_resources_have_every_relation(
    demo_connection: psycopg.Connection, relation: str
) -> None:
    oldest_sql = f"""
        select {relation} from marketplace_resource r
        join structure_project p on p.id = r.project_id
        join marketplace_offering o on o.id = r.offering_id
        order by r.created, r.id limit 5
    """
    assert True in fetch_values(demo_connection, oldest_sql)


def test_end_dates_are_past_near_far_and_open(empty_connection: psycopg.Connection) -> None:
    create_marketplace(empty_connection, resource_count=100, seed=1, day=REFERENCE_DAY)
    end_dates = fetch_values(empty_connection, "select end_date from marketplace_resource")
    near_limit = REFERENCE_DAY + timedelta(days=45)
    set_end_dates = {each for each in end_dates if each}
    assert None in end_dates
    assert min(set_end_dates) < REFERENCE_DAY < near_limit < max(set_end_dates)
    assert any(REFERENCE_DAY <= each <= near_limit for each in set_end_dates)


def test_no_row_is_newer_than_the_reference_day(empty_connection: psycopg.Connection) -> None:
    create_marketplace(empty_connection, resource_count=100, seed=1, day=REFERENCE_DAY)
    latest_sql = "select max(greatest(created, modified))::date from {}"
    for table in ("marketplace_resource", "marketplace_order", "structure_project"):
        assert max(fetch_values(empty_connection, latest_sql.format(table))) <= REFERENCE_DAY


def test_parent_resources_are_in_the_same_project(
    demo_connection: psycopg.Connection,
) -> None:
    parents_sql = """
        select r.project_id = p.project_id and t.id is not null
        from marketplace_resource r join marketplace_resource p on p.id = r.parent_id
        left join openstack_tenant t on t.id = p.object_id
    """
    assert fetch_values(demo_connection, parents_sql) == {True}


def test_every_user_has_a_token(demo_connection: psycopg.Connection) -> None:
    usernames = fetch_values(
        demo_connection,
        "select username from core_user u join authtoken_token on user_id = u.id"
        " where key ~ '^[0-9a-f]{40}$'",
    )
    assert {each.username for each in DEMO_PEOPLE} < usernames


def test_new_rows_get_new_keys(demo_connection: psycopg.Connection) -> None:
    max_id = fetch_values(demo_connection, "select max(id) from structure_organizationgroup").pop()
    new_ids = fetch_values(
        demo_connection,
        "insert into structure_organizationgroup (uuid, name)"
        " values (gen_random_uuid(), 'New') returning id",
    )
    assert new_ids == {max_id + 1}


def test_resource_user_has_a_role_on_an_existing_resource(
    demo_connection: psycopg.Connection,
) -> None:
    project_sql = """
        select p.name from permissions_userrole g join core_user u on u.id = g.user_id
        join marketplace_resource r on r.id = g.object_id
        join structure_project p on p.id = r.project_id where u.username = 'resource_user'
    """
    assert fetch_values(demo_connection, project_sql) == {"Ocean currents"}
