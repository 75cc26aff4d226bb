"""A larger demo is like a larger site: there is more of everything, and it is spread unevenly."""

from collections.abc import Iterator

import psycopg
import pytest

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.support.demo_queries import count, every

RESOURCES = 6000


@pytest.fixture(scope="module")
def larger(new_database: NewDatabase) -> Iterator[psycopg.Connection]:
    """Give a connection to a demo ten times as large as usual."""
    with psycopg.connect(new_database()) as connection:
        make(connection, resources=RESOURCES, seed=1)
        yield connection


def test_a_few_projects_have_most_resources(larger: psycopg.Connection) -> None:
    sizes = sorted(
        size
        for (size,) in larger.execute(
            "select count(r.id) from structure_project p"
            " left join marketplace_resource r on r.project_id = p.id group by p.id"
        )
    )
    assert sum(sizes) == RESOURCES
    assert sizes[-1] > RESOURCES / 12
    assert sum(sizes[-len(sizes) // 10 :]) > RESOURCES / 2.5
    assert sizes[len(sizes) // 2] < 40


def test_there_are_more_people_organisations_and_projects(
    rows: psycopg.Connection, larger: psycopg.Connection
) -> None:
    for table in ("core_user", "structure_customer", "structure_project"):
        assert count(larger, table) > count(rows, table)


def test_all_people_and_organisations_have_names_of_their_own(larger: psycopg.Connection) -> None:
    for column in ("username from core_user", "slug from structure_customer"):
        assert len(every(larger, f"select {column}")) == count(larger, column.split()[-1])


def test_who_is_named_is_the_same_in_every_size(
    rows: psycopg.Connection, larger: psycopg.Connection
) -> None:
    for known in (
        "select u.username || key from core_user u join authtoken_token t on t.user_id = u.id",
        "select name || uuid from marketplace_offering",
        "select partition_name || uuid from marketplace_offeringpartition",
    ):
        assert every(rows, known) <= every(larger, known)
