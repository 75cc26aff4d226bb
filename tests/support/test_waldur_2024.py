"""The October 2024 Waldur has the rows, constraints and sequences of the real one."""

import psycopg
import pytest

from tests.support.waldur_2024 import select_tokens


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("marketplace_resource", 600),
        ("marketplace_order", 833),
        ("marketplace_offering", 20),
        ("core_user", 40),
        ("structure_accesssubnet", 0),
        ("structure_projecttype", 0),
    ],
)
def test_has_the_rows_of_the_real_one(
    connection: psycopg.Connection, table: str, rows: int
) -> None:
    assert connection.execute(f"select count(*) from {table}").fetchone() == (rows,)


def test_keeps_null_and_empty_apart(connection: psycopg.Connection) -> None:
    first = connection.execute("select civil_number, job_title from core_user order by id limit 1")
    assert first.fetchone() == (None, "")


def test_gives_a_token_for_each_user(connection: psycopg.Connection) -> None:
    found = select_tokens(connection)
    assert len(found) == 40
    assert len(found["staff"]) == 40


def test_numbers_new_rows_after_the_old_ones(connection: psycopg.Connection) -> None:
    statement = """
        insert into marketplace_offeringuserrole (name, uuid, offering_id)
        values ('New', gen_random_uuid(), 31)
        returning id > (select max(id) from marketplace_offeringuserrole)
    """
    assert connection.execute(statement).fetchone() == (True,)


def test_refuses_a_resource_of_an_unknown_project(connection: psycopg.Connection) -> None:
    connection.execute("set constraints all immediate")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("update marketplace_resource set project_id = 0")


def test_refuses_two_resources_with_one_uuid(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(
            "update marketplace_resource set uuid = '00000000-0000-4000-8000-000000000000'"
        )
