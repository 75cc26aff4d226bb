"""The demo marketplace is the same each time, and as large as was asked for."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Table

from gateway.db import tables
from gateway.demo.marketplace.fill import make
from gateway.demo.marketplace.people import DEMO
from tests.support.demo_queries import every

DAY = date(2026, 4, 25)


def checksums(connection: psycopg.Connection) -> dict[str, str]:
    """Sum each table up."""
    summed = "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} t"
    return {
        name: every(connection, summed.format(name)).pop()
        for name in sorted(tables.metadata.tables)
    }


def test_equal_numbers_make_equal_rows(empty: psycopg.Connection) -> None:
    found = []
    for seed in (3, 3, 4):
        make(empty, resources=150, seed=seed, day=DAY)
        found.append(checksums(empty))
        empty.execute("drop schema public, gateway cascade; create schema public")
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_another_day_moves_dates_only(empty: psycopg.Connection) -> None:
    found = []
    known = """
        select (uuid, name, state, parent_id, limits)::text from marketplace_resource
        union all select key from authtoken_token union all select uuid::text from marketplace_order
    """
    for day in (DAY, DAY + timedelta(days=250)):
        make(empty, resources=150, seed=3, day=day)
        found.append(every(empty, known))
        empty.execute("drop schema public, gateway cascade; create schema public")
    assert found[0] == found[1]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_makes_as_many_resources_as_asked_for(empty: psycopg.Connection, count: int) -> None:
    make(empty, resources=count, seed=1, day=DAY)
    assert every(empty, "select count(*) from marketplace_resource") == {count}
    assert every(empty, "select resources from gateway.marketplace") == {count}


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=str)
def test_no_table_is_empty(rows: psycopg.Connection, table: Table[Any]) -> None:
    assert every(rows, f"select exists (select from {table.name})") == {True}


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
    rows: psycopg.Connection, relation: str
) -> None:
    oldest = f"""
        select {relation} from marketplace_resource r
        join structure_project p on p.id = r.project_id
        join marketplace_offering o on o.id = r.offering_id
        order by r.created, r.id limit 5
    """
    assert True in every(rows, oldest)


def test_end_dates_are_past_near_far_and_open(empty: psycopg.Connection) -> None:
    make(empty, resources=100, seed=1, day=DAY)
    ends = every(empty, "select end_date from marketplace_resource")
    near = DAY + timedelta(days=45)
    known = {each for each in ends if each}
    assert None in ends
    assert min(known) < DAY < near < max(known)
    assert any(DAY <= each <= near for each in known)


def test_nothing_was_made_after_the_day(empty: psycopg.Connection) -> None:
    make(empty, resources=100, seed=1, day=DAY)
    latest = "select max(greatest(created, modified))::date from {}"
    for table in ("marketplace_resource", "marketplace_order", "structure_project"):
        assert max(every(empty, latest.format(table))) <= DAY


def test_no_resource_lies_within_that_of_another_project(rows: psycopg.Connection) -> None:
    within = """
        select r.project_id = p.project_id and t.id is not null
        from marketplace_resource r join marketplace_resource p on p.id = r.parent_id
        left join openstack_tenant t on t.id = p.object_id
    """
    assert every(rows, within) == {True}


def test_everybody_has_a_token(rows: psycopg.Connection) -> None:
    found = every(
        rows,
        "select username from core_user u join authtoken_token on user_id = u.id"
        " where key ~ '^[0-9a-f]{40}$'",
    )
    assert {each.username for each in DEMO} < found


def test_new_rows_get_new_keys(rows: psycopg.Connection) -> None:
    highest = every(rows, "select max(id) from structure_organizationgroup").pop()
    made = every(
        rows,
        "insert into structure_organizationgroup (uuid, name)"
        " values (gen_random_uuid(), 'New') returning id",
    )
    assert made == {highest + 1}


def test_a_role_on_a_resource_is_on_one_that_is_there(rows: psycopg.Connection) -> None:
    project = """
        select p.name from permissions_userrole g join core_user u on u.id = g.user_id
        join marketplace_resource r on r.id = g.object_id
        join structure_project p on p.id = r.project_id where u.username = 'resource_user'
    """
    assert every(rows, project) == {"Ocean currents"}
