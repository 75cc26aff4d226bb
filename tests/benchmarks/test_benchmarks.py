"""Test the benchmarks without peers and load: queries, comparison of responses, reports."""

from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
import pytest_asyncio
from graphql import GraphQLSchema, build_schema, parse, validate

from benchmarks import plot
from benchmarks.answer_comparison import find_differences, normalise_answer
from benchmarks.benchmark_run import MeasuredCell
from benchmarks.marketplaces import CATALOGUE_SQL
from benchmarks.process_usage import count_statements
from benchmarks.queries import (
    GATEWAY_DIALECT,
    PAGE_SIZE,
    PLAIN_DIALECT,
    POSTGRAPHILE_DIALECT,
    QUERIES,
    Dialect,
)
from benchmarks.report import MedianFigures, format_report
from benchmarks.subjects import BenchmarkSubjects, choose_subjects
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from tests.conftest import DatabaseFactory
from tests.support.marketplaces import Marketplace, open_marketplace
from tests.support.schema_documents import SCHEMA

PEERS_FOLDER = Path(plot.__file__).parent / "peers"
MIN_RESOURCES = 20
"""OK resources that some project of a small demo has."""
COMPARED_QUERIES = [query for query in QUERIES if query != "q5"]


@pytest_asyncio.fixture(scope="module")
async def large_demo(new_database: DatabaseFactory) -> Any:
    """Yield a demo with the benchmarks' catalogue."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=600, seed=1)
        connection.execute(CATALOGUE_SQL)
    async with open_marketplace(url) as marketplace:
        yield marketplace


@pytest.fixture(scope="module")
def subjects(large_demo: Marketplace) -> BenchmarkSubjects:
    """Return the subjects of the queries."""
    return choose_subjects(large_demo.url, MIN_RESOURCES)


async def fetch_benchmark_data(
    large_demo: Marketplace, subjects: BenchmarkSubjects, query: str, as_: str, count: int = 5
) -> list[Any]:
    """Return the data of the responses to some requests."""
    bodies = subjects.build_requests(query, GATEWAY_DIALECT, count)
    return [await large_demo.fetch_data(body["query"], as_, **body["variables"]) for body in bodies]


@pytest.mark.parametrize("query", QUERIES)
def test_gateway_queries_are_valid(query: str) -> None:
    assert not validate(SCHEMA, parse(GATEWAY_DIALECT.write_document(query)))


@pytest.mark.parametrize("query", COMPARED_QUERIES)
def test_peer_queries_are_valid(query: str) -> None:
    schema: GraphQLSchema = build_schema(
        (PEERS_FOLDER / "mercurius" / "schema.graphql").read_text()
    )
    assert not validate(schema, parse(PLAIN_DIALECT.write_document(query)))


@pytest.mark.parametrize("query", COMPARED_QUERIES)
async def test_member_and_staff_see_the_same(
    large_demo: Marketplace, subjects: BenchmarkSubjects, query: str
) -> None:
    staff = await fetch_benchmark_data(large_demo, subjects, query, "staff")
    member = await fetch_benchmark_data(large_demo, subjects, query, subjects.member)
    assert not list(find_differences(normalise_answer(staff), normalise_answer(member)))


async def test_details_have_all_relations(
    large_demo: Marketplace, subjects: BenchmarkSubjects
) -> None:
    responses = await fetch_benchmark_data(large_demo, subjects, "q1", "staff", 30)
    resources = [data["resource"] for data in responses]
    for name in ("offering", "plan", "project", "endpoints"):
        assert any(resource[name] for resource in resources), name
    assert any(resource["offering"]["components"] for resource in resources)
    assert any(resource["plan"]["components"] for resource in resources if resource["plan"])


@pytest.mark.parametrize("as_", ["staff", "member"])
async def test_pages_are_full(
    large_demo: Marketplace, subjects: BenchmarkSubjects, as_: str
) -> None:
    viewer = subjects.member if as_ == "member" else as_
    for data in await fetch_benchmark_data(large_demo, subjects, "q2b", viewer):
        assert MIN_RESOURCES <= len(data["resources"]["nodes"]) == data["resources"]["totalCount"]
    for query, root in (("q3", "offerings"), ("q5", "resources")):
        (data,) = await fetch_benchmark_data(large_demo, subjects, query, viewer, 1)
        assert len(data[root]["nodes"]) == PAGE_SIZE


async def test_catalogue_has_the_shape_of_the_reference_data(
    large_demo: Marketplace, subjects: BenchmarkSubjects
) -> None:
    (data,) = await fetch_benchmark_data(large_demo, subjects, "q3", "staff", 1)
    offerings = data["offerings"]["nodes"]
    plans = [plan for offering in offerings for plan in offering["plans"]]
    assert {len(offering["components"]) for offering in offerings} <= {5, 6}
    assert {len(offering["plans"]) for offering in offerings} == {3}
    row_count = sum(1 + len(parent["components"]) for parent in offerings + plans)
    assert 1100 < row_count < 1300


@pytest.mark.parametrize("query", ["q1", "q4"])
def test_all_dialects_request_the_same_resources(subjects: BenchmarkSubjects, query: str) -> None:
    gateway_variables = list_variables(subjects, query, GATEWAY_DIALECT)
    assert (
        gateway_variables
        == list_variables(subjects, query, PLAIN_DIALECT)
        == list_variables(subjects, query, POSTGRAPHILE_DIALECT)
    )


def test_all_dialects_request_the_same_projects(subjects: BenchmarkSubjects) -> None:
    keys = dict(subjects.projects)
    gateway_projects = [
        keys[variables["project"]] for variables in list_variables(subjects, "q2", GATEWAY_DIALECT)
    ]
    assert gateway_projects == [
        variables["project"] for variables in list_variables(subjects, "q2", PLAIN_DIALECT)
    ]


def list_variables(
    subjects: BenchmarkSubjects, query: str, dialect: Dialect
) -> list[dict[str, Any]]:
    """Return the variables of some requests."""
    return [body["variables"] for body in subjects.build_requests(query, dialect, 30)]


def test_equal_values_in_different_notations_are_equal() -> None:
    gateway_answer = {
        "uuid": "0123456789abcdef0123456789abcdef",
        "created": "2026-01-31T12:00:00.500000Z",
        "state": "OK",
        "price": "1.5000000000",
        "resources": {"nodes": [{"unit": "HALF_MONTH"}]},
    }
    peer_answer = {
        "uuid": "01234567-89ab-cdef-0123-456789abcdef",
        "created": "2026-01-31 12:00:00.5+00",
        "state": 2,
        "price": 1.5,
        "resources": [{"unit": "half_month"}],
    }
    assert not list(
        find_differences(normalise_answer(gateway_answer), normalise_answer(peer_answer))
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [("OK", 3), (["a"], []), ({"a": None}, {"a": ""}), ("1.5", 1.25), (True, 1)],
)
def test_different_values_are_reported(first: Any, second: Any) -> None:
    assert list(
        find_differences(normalise_answer({"state": first}), normalise_answer({"state": second}))
    )


def test_statements_are_counted(server: EmbeddedPostgres) -> None:
    files = {Path(path.path) for path in psutil.Process(server.pid).open_files()}
    (log,) = (path for path in files if path.name == "server.log")
    with psycopg.connect(server.url, autocommit=True) as connection:
        for count in (3, 0):
            with count_statements(server.url, log) as read_count:
                for _ in range(count):
                    connection.execute("select 1,\n2")
                assert read_count() == count


def make_cell(target: str, rate: float, round_number: int = 0) -> MeasuredCell:
    """Return a measurement of Q4."""
    return MeasuredCell("q4", target, 16, round_number, 100, rate, 1.0, 2.0, 0.5, 0.25, 0.1, 0.0)


def test_reports_medians_and_ratios() -> None:
    gateway_cells = [
        make_cell("gateway, staff", rate, round_number)
        for round_number, rate in enumerate((3000, 9, 2000))
    ]
    peer_cells = [
        make_cell("postgraphile", rate, round_number)
        for round_number, rate in enumerate((1000, 9, 1000))
    ]
    cells = [*gateway_cells, *peer_cells]
    assert MedianFigures(cells).rate_ratio("q4", "gateway, staff", "postgraphile", 16) == 2
    text = format_report(cells, {"q4": {"gateway, staff": 1.0}})
    rates, costs, statements = text.split("\n\n")[1::2]
    row = [column.strip() for column in rates.splitlines()[2].strip("|").split("|")]
    assert row == ["q4", "2000", "1000", "2.00", ""]
    assert "0.500 + 0.250" in costs
    assert "1.00" in statements


def test_ratios_compare_figures_of_the_same_round() -> None:
    """Test the rounds of a machine that became twice as fast during the run."""
    gateway_cells = [
        make_cell("gateway, staff", rate, round_number)
        for round_number, rate in enumerate((100, 200, 200))
    ]
    peer_cells = [
        make_cell("postgraphile", rate, round_number)
        for round_number, rate in enumerate((50, 50, 100))
    ]
    measurement = ("q4", "gateway, staff", "postgraphile", 16)
    assert MedianFigures([*gateway_cells, *peer_cells]).rate_ratio(*measurement) == 2
    assert MedianFigures(gateway_cells).rate_ratio(*measurement) is None
