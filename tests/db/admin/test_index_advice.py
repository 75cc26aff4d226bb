"""The advice that `gateway check` gives: which indexes are lacking, and how to make them."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from gateway.db.admin import install
from gateway.db.admin.index_advice import build_index_advice
from gateway.db.admin.indexes import GATEWAY_INDEXES, iterate_index_specs
from tests.conftest import DatabaseFactory
from tests.support import waldur_2024

CREATE_PREFIX = "create index concurrently if not exists "
CREATED_INDEX, NAME_INDEX, UPPER_INDEX = (
    f"gateway_marketplace_resource_{each}" for each in ("created_id", "name_id", "backend_id_upper")
)
COVERING_INDEXES = {
    "another name": (CREATED_INDEX, "index x on {} (created, id)"),
    "unique": (CREATED_INDEX, "unique index x on {} (created, id)"),
    "more keys behind": (CREATED_INDEX, "index x on {} (created, id, name)"),
    "the other way": (CREATED_INDEX, "index x on {} (created desc, id desc)"),
    "upper case": (UPPER_INDEX, "index x on {} (upper(backend_id), id)"),
}
UNSUITABLE_INDEXES = {
    "other keys in front": (CREATED_INDEX, "index x on {} (id, created)"),
    "fewer keys": (CREATED_INDEX, "index x on {} (created)"),
    "a key that is only kept": (CREATED_INDEX, "index x on {} (created) include (id)"),
    "two ways": (CREATED_INDEX, "index x on {} (created, id desc)"),
    "nulls elsewhere": (CREATED_INDEX, "index x on {} (created nulls first, id)"),
    "of some rows": (CREATED_INDEX, "index x on {} (created, id) where state = 2"),
    "without order": (CREATED_INDEX, "index x on {} using brin (created, id)"),
    "for prefixes": (NAME_INDEX, "index x on {} (name varchar_pattern_ops, id)"),
    "by other letters": (NAME_INDEX, 'index x on {} (name collate "C", id)'),
    "lower case": (UPPER_INDEX, "index x on {} (lower(backend_id))"),
}


@pytest.fixture(scope="module")
def installed_url(new_database: DatabaseFactory) -> str:
    """Give the address of a database in which the tables are."""
    database_url = new_database()
    with psycopg.connect(database_url) as connection:
        install.install_tables(connection)
    return database_url


@pytest.fixture
def rollback_connection(installed_url: str) -> Iterator[psycopg.Connection]:
    """Give a connection to it, whose changes are undone."""
    with psycopg.connect(installed_url) as connection:
        yield connection
        connection.rollback()


def run_statement(connection: psycopg.Connection, statement: str) -> None:
    """Run a statement that a test wrote."""
    connection.execute(statement.encode())


def test_an_installed_database_lacks_no_index(rollback_connection: psycopg.Connection) -> None:
    assert build_index_advice(rollback_connection) == []


@pytest.mark.parametrize(
    ("name", "other"), [*COVERING_INDEXES.values(), *UNSUITABLE_INDEXES.values()]
)
def test_compares_the_keys_of_indexes_and_not_their_names(
    rollback_connection: psycopg.Connection, name: str, other: str
) -> None:
    run_statement(rollback_connection, f"drop index {name}")
    (line,) = build_index_advice(rollback_connection)
    assert line.startswith(f"{CREATE_PREFIX}{name} on ")
    run_statement(rollback_connection, f"create {other.format('marketplace_resource')}")
    assert build_index_advice(rollback_connection) == (
        [] if (name, other) in COVERING_INDEXES.values() else [line]
    )


def test_an_invalid_index_is_recreated(rollback_connection: psycopg.Connection) -> None:
    statement = "update pg_index set indisvalid = false where indexrelid = %s::regclass"
    rollback_connection.execute(statement, [CREATED_INDEX])
    drop_line, create_line = build_index_advice(rollback_connection)
    assert drop_line == f"drop index concurrently if exists {CREATED_INDEX};"
    assert create_line.startswith(f"{CREATE_PREFIX}{CREATED_INDEX} on ")


def test_no_index_is_advised_for_missing_columns_and_tables(
    rollback_connection: psycopg.Connection,
) -> None:
    run_statement(rollback_connection, "alter table marketplace_resource drop column end_date")
    run_statement(rollback_connection, "drop table marketplace_order cascade")
    assert build_index_advice(rollback_connection) == []


def test_no_index_is_advised_for_a_view(rollback_connection: psycopg.Connection) -> None:
    run_statement(rollback_connection, "alter table marketplace_resource rename to kept")
    run_statement(rollback_connection, "create view marketplace_resource as select * from kept")
    assert build_index_advice(rollback_connection) == []


def test_of_two_indexes_with_a_common_prefix_only_the_longer_is_advised(
    rollback_connection: psycopg.Connection,
) -> None:
    run_statement(rollback_connection, "drop index marketplace_resource_plan_id_idx")
    assert build_index_advice(rollback_connection) == []
    run_statement(rollback_connection, "drop index gateway_marketplace_resource_plan_id_created_id")
    (line,) = build_index_advice(rollback_connection)
    assert line.endswith(" on marketplace_resource (plan_id, created, id);")


def test_no_two_have_one_name() -> None:
    names = [each.name for each in iterate_index_specs()]
    assert len({*names}) == len(names)


def install_bare_tables(connection: psycopg.Connection) -> None:
    """Make tables without any index, as a copy of a database may have them."""
    install.create_bare_tables(connection)


@pytest.mark.parametrize(
    ("make", "least"), [(waldur_2024.create_waldur_database, 20), (install_bare_tables, 200)]
)
def test_the_lines_can_be_run_as_they_are(
    empty_database: str, make: Callable[[psycopg.Connection], None], least: int
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        make(connection)
        lines = build_index_advice(connection)
        assert len(lines) >= least
        for line in lines:
            run_statement(connection, line)
        assert build_index_advice(connection) == []


def test_a_waldur_lacks_only_what_is_our_own(connection: psycopg.Connection) -> None:
    """It has what rows are looked up by."""
    gateway_definitions = {each.definition for each in GATEWAY_INDEXES}
    assert {
        line.removeprefix(CREATE_PREFIX).rstrip(";") for line in build_index_advice(connection)
    } == gateway_definitions
