"""The October 2024 database has the rows, constraints and sequences of the real installation."""

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
def test_row_counts_match_the_real_installation(
    connection: psycopg.Connection, table: str, rows: int
) -> None:
    assert connection.execute(f"select count(*) from {table}").fetchone() == (rows,)


def test_null_and_the_empty_string_are_distinct(connection: psycopg.Connection) -> None:
    row = connection.execute("select civil_number, job_title from core_user order by id limit 1")
    assert row.fetchone() == (None, "")


def test_each_user_has_a_token(connection: psycopg.Connection) -> None:
    tokens = select_tokens(connection)
    assert len(tokens) == 40
    assert len(tokens["staff"]) == 40


def test_sequences_continue_after_existing_rows(connection: psycopg.Connection) -> None:
    statement = """
        insert into marketplace_offeringuserrole (name, uuid, offering_id)
        values ('New', gen_random_uuid(), 31)
        returning id > (select max(id) from marketplace_offeringuserrole)
    """
    assert connection.execute(statement).fetchone() == (True,)


def test_an_unknown_project_violates_the_foreign_key(connection: psycopg.Connection) -> None:
    connection.execute("set constraints all immediate")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("update marketplace_resource set project_id = 0")


def test_a_duplicate_uuid_violates_the_unique_constraint(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(
            "update marketplace_resource set uuid = '00000000-0000-4000-8000-000000000000'"
        )
