"""Statements are compiled once, and each mutation runs as many as are stated."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.db.driver.statement import DIALECT
from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider
from tests.support.repeated_mutations import (
    MUTATION_CASES,
    REPETITIONS,
    TARGET_PROJECTS_SQL,
    record_runs,
)
from tests.support.schema_documents import SCHEMA
from tests.support.statement_bounds import MAX_STATEMENTS
from tests.support.statement_record import record_statements

PENDING_ORDERS_SQL = """
update marketplace_resource set state = 2 where state = 5;
update marketplace_order set state = case type when 2 then (array[1, 7])[id % 2 + 1] else 3 end
"""
"""Updates are pending, and no resource is being terminated."""
MANY_OBJECTS = 40
PREPARING_RUNS = {"pullResource": 2}
"""Number of runs that may compile statements, if it is not 1.

The first pull of a month inserts usages, the second is the first that updates them.
"""
BOUND_TOLERANCE = 10
"""How much larger than the number of statements a stated bound may be."""


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield a record of the SQL of the statements that SQLAlchemy compiles in this process.

    SQLAlchemy makes a compiler of the dialect's class for each compilation.
    """
    record: list[str] = []
    compiler_class: Any = DIALECT.statement_compiler

    class RecordingCompiler(compiler_class):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            record.append(str(self))

    monkeypatch.setattr(DIALECT, "statement_compiler", RecordingCompiler)
    yield record
    record.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that the tests change, and its provider."""
    async with serve_demo_with_provider(new_database()) as demo_with_provider:
        yield demo_with_provider


def test_the_number_of_statements_of_each_mutation_is_stated() -> None:
    assert SCHEMA.mutation_type is not None
    assert {each.partition(",")[0] for each in MAX_STATEMENTS} == {*SCHEMA.mutation_type.fields}
    assert MAX_STATEMENTS.keys() >= MUTATION_CASES.keys()


@pytest.mark.parametrize("name", MUTATION_CASES)
async def test_repeated_mutations_compile_nothing(
    demo: DemoWithProvider, compilations: list[str], name: str
) -> None:
    """The provider's work compiles none, either."""
    runs = await record_runs(demo, MUTATION_CASES[name], compilations, with_provider=True)
    count = PREPARING_RUNS.get(name, 1)
    assert runs[count:] == [[]] * (REPETITIONS - count)


@pytest.mark.parametrize("name", MUTATION_CASES)
async def test_the_number_of_statements_is_as_stated(demo: DemoWithProvider, name: str) -> None:
    with record_statements() as statements:
        runs = await record_runs(demo, MUTATION_CASES[name], statements, with_provider=False)
    count = max(len(each) for each in runs[1:])
    assert MAX_STATEMENTS[name] - BOUND_TOLERANCE < count <= MAX_STATEMENTS[name]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("pullResources", {}),
        ("moveResources", {"project": None}),
        ("setResourcesEndDate", {"endDate": "2098-12-31"}),
        ("terminateResources", {}),
        ("approveOrders", {}),
        ("rejectOrders", {}),
    ],
)
async def test_repeated_mutations_of_many_objects_compile_nothing(
    demo: DemoWithProvider, compilations: list[str], field: str, arguments: dict[str, Any]
) -> None:
    source = (
        "marketplace_order where type = 2" if field.endswith("Orders") else "marketplace_resource"
    )
    rows = demo.run_sql(f"select uuid from {source} order by id limit {MANY_OBJECTS}")
    projects = [each.hex for (each,) in demo.run_sql(TARGET_PROJECTS_SQL, 1)]
    for number in range(2):
        demo.run_sql(PENDING_ORDERS_SQL)
        values = {**arguments, "project": projects[number]} if "project" in arguments else arguments
        compilations.clear()
        items = await demo.run_many(field, uuids=[each.hex for (each,) in rows], **values)
        assert [each for each in items if "message" not in each["result"]]
    demo.run_sql("update marketplace_order set state = 3")
    assert compilations == []
