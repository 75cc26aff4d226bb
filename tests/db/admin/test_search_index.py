"""The index of searches: its advice, its creation, and that searches and text filters use it."""

import psycopg
import pytest
from psycopg import sql

from gateway.db.admin.index_advice import build_index_advice
from gateway.db.admin.search_index import (
    CREATE_EXTENSION,
    SEARCH_INDEX_NAME,
    install_search_index,
)
from gateway.db.sql.text_search import RESOURCE_SEARCH_TEXTS
from tests.support import waldur_2024
from tests.support.explain_plans import (
    SEARCHING_QUERIES,
    ExplainedDocument,
    RequestRecordingDatabase,
    StatementPlanner,
    record_statements,
)
from tests.support.marketplaces import Marketplace

DROP_STATEMENT = f"drop index concurrently if exists {SEARCH_INDEX_NAME};"
METADATA_KEYS = (
    *("external_ips", "internal_ips", "hypervisor_hostname"),
    *("router_fixed_ips", "external_address"),
)
DJANGO_KEYS = (
    *("UPPER(name::text)", "UPPER(slug::text)"),
    *(f"UPPER((backend_metadata ->> '{key}'::text))" for key in METADATA_KEYS),
)
"""The keys as an operator would write them for Django's conditions."""


def create_index(connection: psycopg.Connection, *keys: str, condition: str = "") -> None:
    """Create an index of trigrams."""
    key_list = ", ".join(f"({key}) gin_trgm_ops" for key in keys)
    statement = f"create index on marketplace_resource using gin ({key_list}) {condition}"
    connection.execute(statement.encode())


def test_an_installed_index_is_not_advised(rollback_connection: psycopg.Connection) -> None:
    assert build_index_advice(rollback_connection) == []


def test_the_index_has_a_key_for_each_text(rollback_connection: psycopg.Connection) -> None:
    rollback_connection.execute(f"drop index {SEARCH_INDEX_NAME}".encode())
    (statement,) = build_index_advice(rollback_connection)
    assert statement.startswith(f"create index concurrently if not exists {SEARCH_INDEX_NAME} on ")
    assert statement.count("gin_trgm_ops") == len(RESOURCE_SEARCH_TEXTS) == len(DJANGO_KEYS)


def test_other_indexes_of_the_same_expressions_do(rollback_connection: psycopg.Connection) -> None:
    rollback_connection.execute(f"drop index {SEARCH_INDEX_NAME}".encode())
    create_index(rollback_connection, *DJANGO_KEYS[1:])
    assert len(build_index_advice(rollback_connection)) == 1
    create_index(rollback_connection, "name")
    create_index(rollback_connection, "lower(name)")
    create_index(rollback_connection, DJANGO_KEYS[0], condition="where state = 2")
    assert len(build_index_advice(rollback_connection)) == 1
    create_index(rollback_connection, DJANGO_KEYS[0])
    assert build_index_advice(rollback_connection) == []


def test_an_invalid_index_is_recreated(rollback_connection: psycopg.Connection) -> None:
    statement = "update pg_index set indisvalid = false where indexrelid = %s::regclass"
    rollback_connection.execute(statement, [SEARCH_INDEX_NAME])
    assert build_index_advice(rollback_connection)[0] == DROP_STATEMENT


def test_an_index_with_fewer_keys_is_recreated(rollback_connection: psycopg.Connection) -> None:
    rollback_connection.execute(f"drop index {SEARCH_INDEX_NAME}".encode())
    create_index(rollback_connection, *DJANGO_KEYS[:2])
    rename = "alter index marketplace_resource_upper_upper1_idx rename to"
    rollback_connection.execute(f"{rename} {SEARCH_INDEX_NAME}".encode())
    drop_statement, create_statement = build_index_advice(rollback_connection)
    assert drop_statement == DROP_STATEMENT
    assert create_statement.count("gin_trgm_ops") == len(DJANGO_KEYS)


def test_the_operator_class_may_be_in_any_schema(rollback_connection: psycopg.Connection) -> None:
    rollback_connection.execute(f"drop index {SEARCH_INDEX_NAME}".encode())
    rollback_connection.execute('create schema "other schema"')
    rollback_connection.execute('alter extension pg_trgm set schema "other schema"')
    (statement,) = build_index_advice(rollback_connection)
    assert statement.count('"other schema".gin_trgm_ops') == len(DJANGO_KEYS)
    rollback_connection.execute(statement.replace(" concurrently", "").encode())
    assert build_index_advice(rollback_connection) == []


def test_the_extension_is_advised_first(rollback_connection: psycopg.Connection) -> None:
    rollback_connection.execute("drop extension pg_trgm cascade")
    extension_statement, index_statement = build_index_advice(rollback_connection)
    assert extension_statement == f"{CREATE_EXTENSION};"
    assert SEARCH_INDEX_NAME in index_statement


def test_a_missing_column_is_left_out(rollback_connection: psycopg.Connection) -> None:
    """A search leaves it out, too."""
    rollback_connection.execute("alter table marketplace_resource drop column slug")
    (statement,) = build_index_advice(rollback_connection)
    assert "upper(slug)" not in statement
    assert statement.count("gin_trgm_ops") == len(DJANGO_KEYS) - 1


def test_a_database_that_refuses_the_extension_has_no_index(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        waldur_2024.create_waldur_database(connection)
        role = sql.Identifier(f"r{connection.info.dbname}")
        connection.execute(sql.SQL("create role {}").format(role))
        connection.execute(sql.SQL("set local role {}").format(role))
        install_search_index(connection)
        assert connection.execute("select to_regclass(%s)", [SEARCH_INDEX_NAME]).fetchone() == (
            None,
        )
        connection.rollback()


@pytest.mark.parametrize(
    ("query", "is_used"),
    [
        *((query, True) for query in SEARCHING_QUERIES),
        *((query.replace("no such text", "x-9 -"), False) for query in SEARCHING_QUERIES),
    ],
)
async def test_searches_and_filters_use_the_index(demo_url: str, query: str, is_used: bool) -> None:
    """For texts of less than three letters and digits all of the index would be read."""
    database = await RequestRecordingDatabase.connect(demo_url)
    assert isinstance(database, RequestRecordingDatabase)
    database.recorded_sql, database.requests = [], []
    planner = StatementPlanner(demo_url)
    planner.connection.execute("set enable_seqscan = off")
    marketplace = Marketplace(demo_url, database)
    requests = await record_statements(marketplace, ExplainedDocument("", query, {}), "staff")
    nodes = planner.explain_statement(requests[-1])
    assert (SEARCH_INDEX_NAME in {each.get("Index Name") for each in nodes}) is is_used
    planner.connection.close()
    await database.close()
