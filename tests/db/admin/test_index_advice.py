"""The advice that `gateway check` gives: which indexes are lacking, and how to make them."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from gateway.db.admin import install
from gateway.db.admin.index_advice import advice
from gateway.db.admin.indexes import OWN, wanted
from tests.conftest import NewDatabase
from tests.support import waldur_2024

MAKING = "create index concurrently if not exists "
CREATED, NAME, UPPER = (
    f"gateway_marketplace_resource_{each}" for each in ("created_id", "name_id", "backend_id_upper")
)
SERVES = {
    "another name": (CREATED, "index x on {} (created, id)"),
    "unique": (CREATED, "unique index x on {} (created, id)"),
    "more keys behind": (CREATED, "index x on {} (created, id, name)"),
    "the other way": (CREATED, "index x on {} (created desc, id desc)"),
    "upper case": (UPPER, "index x on {} (upper(backend_id), id)"),
}
SERVES_NOT = {
    "other keys in front": (CREATED, "index x on {} (id, created)"),
    "fewer keys": (CREATED, "index x on {} (created)"),
    "a key that is only kept": (CREATED, "index x on {} (created) include (id)"),
    "two ways": (CREATED, "index x on {} (created, id desc)"),
    "nulls elsewhere": (CREATED, "index x on {} (created nulls first, id)"),
    "of some rows": (CREATED, "index x on {} (created, id) where state = 2"),
    "without order": (CREATED, "index x on {} using brin (created, id)"),
    "for prefixes": (NAME, "index x on {} (name varchar_pattern_ops, id)"),
    "by other letters": (NAME, 'index x on {} (name collate "C", id)'),
    "lower case": (UPPER, "index x on {} (lower(backend_id))"),
}


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a database in which the tables are."""
    made = new_database()
    with psycopg.connect(made) as connection:
        install.install(connection)
    return made


@pytest.fixture
def installed(url: str) -> Iterator[psycopg.Connection]:
    """Give a connection to it, whose changes are undone."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def run(connection: psycopg.Connection, statement: str) -> None:
    """Run a statement that a test wrote."""
    connection.execute(statement.encode())


def test_what_we_made_lacks_nothing(installed: psycopg.Connection) -> None:
    assert advice(installed) == []


@pytest.mark.parametrize(("name", "other"), [*SERVES.values(), *SERVES_NOT.values()])
def test_looks_at_what_an_index_is_of_and_not_at_its_name(
    installed: psycopg.Connection, name: str, other: str
) -> None:
    run(installed, f"drop index {name}")
    (line,) = advice(installed)
    assert line.startswith(f"{MAKING}{name} on ")
    run(installed, f"create {other.format('marketplace_resource')}")
    assert advice(installed) == ([] if (name, other) in SERVES.values() else [line])


def test_a_broken_index_is_made_anew(installed: psycopg.Connection) -> None:
    spoiling = "update pg_index set indisvalid = false where indexrelid = %s::regclass"
    installed.execute(spoiling, [CREATED])
    dropping, making = advice(installed)
    assert dropping == f"drop index concurrently if exists {CREATED};"
    assert making.startswith(f"{MAKING}{CREATED} on ")


def test_nothing_is_made_on_what_is_not_there(installed: psycopg.Connection) -> None:
    run(installed, "alter table marketplace_resource drop column end_date")
    run(installed, "drop table marketplace_order cascade")
    assert advice(installed) == []


def test_nothing_is_made_on_a_view(installed: psycopg.Connection) -> None:
    run(installed, "alter table marketplace_resource rename to kept")
    run(installed, "create view marketplace_resource as select * from kept")
    assert advice(installed) == []


def test_of_two_that_begin_alike_only_the_longer_is_made(installed: psycopg.Connection) -> None:
    run(installed, "drop index marketplace_resource_plan_id_idx")
    assert advice(installed) == []
    run(installed, "drop index gateway_marketplace_resource_plan_id_created_id")
    (line,) = advice(installed)
    assert line.endswith(" on marketplace_resource (plan_id, created, id);")


def test_no_two_have_one_name() -> None:
    names = [each.name for each in wanted()]
    assert len({*names}) == len(names)


def bare(connection: psycopg.Connection) -> None:
    """Make tables without any index, as a copy of a database may have them."""
    install.tables_only(connection)


@pytest.mark.parametrize(("make", "least"), [(waldur_2024.build, 20), (bare, 200)])
def test_the_lines_can_be_run_as_they_are(
    empty_database: str, make: Callable[[psycopg.Connection], None], least: int
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        make(connection)
        lines = advice(connection)
        assert len(lines) >= least
        for line in lines:
            run(connection, line)
        assert advice(connection) == []


def test_a_waldur_lacks_only_what_is_our_own(connection: psycopg.Connection) -> None:
    """It has what rows are looked up by."""
    own = {each.definition for each in OWN}
    assert {line.removeprefix(MAKING).rstrip(";") for line in advice(connection)} == own
