"""Tests of a larger demo: it has more of everything, spread unevenly, as a real site."""

from collections.abc import Iterator

import psycopg
import pytest

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.demo_queries import count_rows, fetch_values

RESOURCE_COUNT = 6000


@pytest.fixture(scope="module")
def larger_demo(new_database: DatabaseFactory) -> Iterator[psycopg.Connection]:
    """Yield a connection to a demo with ten times the usual number of resources."""
    with psycopg.connect(new_database()) as connection:
        create_marketplace(connection, resource_count=RESOURCE_COUNT, seed=1)
        yield connection


def test_a_few_projects_have_most_resources(larger_demo: psycopg.Connection) -> None:
    sizes = sorted(
        size
        for (size,) in larger_demo.execute(
            "select count(r.id) from structure_project p"
            " left join marketplace_resource r on r.project_id = p.id group by p.id"
        )
    )
    assert sum(sizes) == RESOURCE_COUNT
    assert sizes[-1] > RESOURCE_COUNT / 12
    assert sum(sizes[-len(sizes) // 10 :]) > RESOURCE_COUNT / 2.5
    assert sizes[len(sizes) // 2] < 40


def test_there_are_more_people_organisations_and_projects(
    demo_connection: psycopg.Connection, larger_demo: psycopg.Connection
) -> None:
    for table in ("core_user", "structure_customer", "structure_project"):
        assert count_rows(larger_demo, table) > count_rows(demo_connection, table)


def test_usernames_and_slugs_are_unique(
    larger_demo: psycopg.Connection,
) -> None:
    for column in ("username from core_user", "slug from structure_customer"):
        assert len(fetch_values(larger_demo, f"select {column}")) == count_rows(
            larger_demo, column.split()[-1]
        )


def test_named_users_and_offerings_are_the_same_in_every_size(
    demo_connection: psycopg.Connection, larger_demo: psycopg.Connection
) -> None:
    for names_sql in (
        "select u.username || key from core_user u join authtoken_token t on t.user_id = u.id",
        "select name || uuid from marketplace_offering",
        "select partition_name || uuid from marketplace_offeringpartition",
    ):
        assert fetch_values(demo_connection, names_sql) <= fetch_values(larger_demo, names_sql)
