"""Index advice of `gateway check`: missing indexes and the statements that create them."""

from collections.abc import Callable

import psycopg
import pytest

from gateway.db.admin import install
from gateway.db.admin.index_advice import build_index_advice
from gateway.db.admin.indexes import GATEWAY_INDEXES, iterate_index_specs
from gateway.db.admin.search_index import CREATE_EXTENSION, SEARCH_INDEX_NAME
from tests.support import waldur_2024

CREATE_PREFIX = "create index concurrently if not exists "
CREATED_INDEX, NAME_INDEX, UPPER_INDEX = (
    f"gateway_marketplace_resource_{each}" for each in ("created_id", "name_id", "backend_id_upper")
)
COVERING_INDEXES = {
    "another name": (CREATED_INDEX, "index x on {} (created, id)"),
    "unique": (CREATED_INDEX, "unique index x on {} (created, id)"),
    "additional keys at the end": (CREATED_INDEX, "index x on {} (created, id, name)"),
    "opposite direction": (CREATED_INDEX, "index x on {} (created desc, id desc)"),
    "upper case": (UPPER_INDEX, "index x on {} (upper(backend_id), id)"),
}
UNSUITABLE_INDEXES = {
    "different order of keys": (CREATED_INDEX, "index x on {} (id, created)"),
    "fewer keys": (CREATED_INDEX, "index x on {} (created)"),
    "included column": (CREATED_INDEX, "index x on {} (created) include (id)"),
    "mixed directions": (CREATED_INDEX, "index x on {} (created, id desc)"),
    "nulls first": (CREATED_INDEX, "index x on {} (created nulls first, id)"),
    "partial": (CREATED_INDEX, "index x on {} (created, id) where state = 2"),
    "not a B-tree": (CREATED_INDEX, "index x on {} using brin (created, id)"),
    "prefix operator class": (NAME_INDEX, "index x on {} (name varchar_pattern_ops, id)"),
    "different collation": (NAME_INDEX, 'index x on {} (name collate "C", id)'),
    "lower case": (UPPER_INDEX, "index x on {} (lower(backend_id))"),
}


def run_statement(connection: psycopg.Connection, statement: str) -> None:
    """Run a statement from a test."""
    connection.execute(statement.encode())


def test_an_installed_database_lacks_no_index(rollback_connection: psycopg.Connection) -> None:
    assert build_index_advice(rollback_connection) == []


@pytest.mark.parametrize(
    ("name", "other_index"), [*COVERING_INDEXES.values(), *UNSUITABLE_INDEXES.values()]
)
def test_compares_the_keys_of_indexes_and_not_their_names(
    rollback_connection: psycopg.Connection, name: str, other_index: str
) -> None:
    run_statement(rollback_connection, f"drop index {name}")
    (statement,) = build_index_advice(rollback_connection)
    assert statement.startswith(f"{CREATE_PREFIX}{name} on ")
    run_statement(rollback_connection, f"create {other_index.format('marketplace_resource')}")
    assert build_index_advice(rollback_connection) == (
        [] if (name, other_index) in COVERING_INDEXES.values() else [statement]
    )


def test_an_invalid_index_is_recreated(rollback_connection: psycopg.Connection) -> None:
    statement = "update pg_index set indisvalid = false where indexrelid = %s::regclass"
    rollback_connection.execute(statement, [CREATED_INDEX])
    drop_statement, create_statement = build_index_advice(rollback_connection)
    assert drop_statement == f"drop index concurrently if exists {CREATED_INDEX};"
    assert create_statement.startswith(f"{CREATE_PREFIX}{CREATED_INDEX} on ")


def test_no_index_is_advised_for_missing_columns_and_tables(
    rollback_connection: psycopg.Connection,
) -> None:
    run_statement(rollback_connection, "alter table marketplace_resource drop column end_date")
    run_statement(rollback_connection, "drop table marketplace_order cascade")
    assert build_index_advice(rollback_connection) == []


def test_no_index_is_advised_for_a_view(rollback_connection: psycopg.Connection) -> None:
    run_statement(rollback_connection, "alter table marketplace_resource rename to renamed")
    run_statement(rollback_connection, "create view marketplace_resource as select * from renamed")
    assert build_index_advice(rollback_connection) == []


def test_of_two_indexes_with_a_common_prefix_only_the_longer_is_advised(
    rollback_connection: psycopg.Connection,
) -> None:
    run_statement(rollback_connection, "drop index marketplace_resource_plan_id_idx")
    assert build_index_advice(rollback_connection) == []
    run_statement(rollback_connection, "drop index gateway_marketplace_resource_plan_id_created_id")
    (statement,) = build_index_advice(rollback_connection)
    assert statement.endswith(" on marketplace_resource (plan_id, created, id);")


def test_index_names_are_unique() -> None:
    names = [each.name for each in iterate_index_specs()]
    assert len({*names}) == len(names)


def install_bare_tables(connection: psycopg.Connection) -> None:
    """Create tables without any index, like an incomplete copy of a database."""
    install.create_bare_tables(connection)


@pytest.mark.parametrize(
    ("create_database", "minimum"),
    [(waldur_2024.create_waldur_database, 20), (install_bare_tables, 200)],
)
def test_the_advised_statements_can_be_run(
    empty_database: str, create_database: Callable[[psycopg.Connection], None], minimum: int
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        create_database(connection)
        statements = build_index_advice(connection)
        assert len(statements) >= minimum
        for statement in statements:
            run_statement(connection, statement)
        assert build_index_advice(connection) == []


def test_a_waldur_database_lacks_only_the_gateway_indexes(connection: psycopg.Connection) -> None:
    """Waldur's schema already indexes the columns of lookups."""
    assert {
        statement.removeprefix(CREATE_PREFIX).rstrip(";")
        for statement in build_index_advice(connection)
        if SEARCH_INDEX_NAME not in statement and statement != f"{CREATE_EXTENSION};"
    } == {each.definition for each in GATEWAY_INDEXES}
