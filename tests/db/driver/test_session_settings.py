"""Test the settings of sessions, and that sessions with other spellings are refused."""

import psycopg
import pytest

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.database import Database, UnavailableError
from gateway.db.driver.session_settings import (
    SESSION_SETTINGS,
    VALUE_PROBES,
    UnexpectedSpellingError,
    build_session_sql,
    check_session,
)
from gateway.db.driver.startup_connection import connect_database
from tests.support.database_queries import build_request

ODD_VALUES = {
    "array_nulls": "off",
    "bytea_output": "escape",
    "datestyle": "SQL, DMY",
    "extra_float_digits": "0",
    "gin_fuzzy_search_limit": "7",
    "intervalstyle": "iso_8601",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "standard_conforming_strings": "off",
    "timezone": "America/St_Johns",
    "transform_null_equals": "on",
}
SPELLING_SETTINGS = {
    "array_nulls",
    "bytea_output",
    "datestyle",
    "extra_float_digits",
    "intervalstyle",
    "standard_conforming_strings",
    "timezone",
}
"""Settings that change how the probes are printed."""
SETTINGS_SQL = f"select {', '.join(f'current_setting({name!r})' for name in SESSION_SETTINGS)}"


@pytest.fixture
def odd_url(empty_database: str) -> str:
    """Return the URL of a database with odd settings."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        for name, value in ODD_VALUES.items():
            database = connection.info.dbname
            connection.execute(f"alter database {database} set {name} = '{value}'".encode())
    return empty_database


def test_each_setting_is_tried() -> None:
    assert ODD_VALUES.keys() == SESSION_SETTINGS.keys()


@pytest.mark.parametrize("pooler", [False, True])
async def test_reads_have_the_settings(odd_url: str, pooler: bool) -> None:
    database = await Database.connect(odd_url, pooler=pooler)
    for _ in range(2):
        ((row,),) = await database.fetch_rows([build_request(SETTINGS_SQL)])
        assert row == (*SESSION_SETTINGS.values(),)
    await database.close()


@pytest.mark.parametrize("pooler", [False, True])
def test_commands_have_the_settings(odd_url: str, pooler: bool) -> None:
    with connect_database(odd_url, pooler=pooler) as connection:
        assert connection.execute(SETTINGS_SQL.encode()).fetchone() == (*SESSION_SETTINGS.values(),)


@pytest.mark.parametrize("name", sorted(SPELLING_SETTINGS))
def test_other_spellings_are_found(empty_database: str, name: str) -> None:
    with psycopg.connect(
        empty_database, options=f"-c {name}={ODD_VALUES[name].replace(' ', '')}"
    ) as connection:
        row = connection.execute(build_session_sql(is_local=True).encode()).fetchone()
    with pytest.raises(UnexpectedSpellingError, match="instead of"):
        check_session(row)


def test_usual_spellings_are_accepted(empty_database: str) -> None:
    with psycopg.connect(empty_database, options="-c timezone=UTC") as connection:
        row = connection.execute(build_session_sql(is_local=True).encode()).fetchone()
    assert check_session(row) == {"search_path": '"$user", public, pg_temp'}
    assert row is not None
    assert row[1:] == (*VALUE_PROBES.values(),)


@pytest.mark.parametrize(
    ("role_path", "session_path"),
    [
        ('"$user", public', '"$user", public, pg_temp'),
        ("public, pg_catalog", "public, pg_temp"),
        ("pg_temp, own, nowhere, public", "own, public, pg_temp"),
        ('"odd "" name", public', '"odd "" name", public, pg_temp'),
        ('"odd "" name", pg_catalog', '"odd "" name", pg_temp'),
        ("''", '"", pg_temp'),
        ("later", "later, pg_temp"),
    ],
)
async def test_search_path_is_the_roles_without_shadows(
    empty_database: str, role_path: str, session_path: str
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute('create schema own; create schema "odd "" name"')
        name = connection.info.dbname
        connection.execute(f"alter database {name} set search_path = {role_path}".encode())
    for pooler in (False, True):
        database = await Database.connect(empty_database, pooler=pooler)
        ((row,),) = await database.fetch_rows([build_request("show search_path")])
        assert row == (session_path,)
        await database.close()


async def test_refused_sessions_are_an_error_in_the_log(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(SESSION_SETTINGS, "datestyle", "German")
    with pytest.raises(UnexpectedSpellingError, match=r"'31.01.2026 12:00:00.5 UTC' instead of"):
        await ConnectionOptions(empty_database, 10).connect()
    database = await Database.connect(empty_database, wait_seconds=0.2)
    with pytest.raises(UnavailableError):
        await database.fetch_rows([build_request("select 1")])
    await database.close()
    assert ("ERROR", True) in {
        (record.levelname, "can't be used" in record.message) for record in caplog.records
    }
