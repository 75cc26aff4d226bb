"""What can be said of the benchmarks without peers and load: their queries, answers and tables."""

from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
import pytest_asyncio
from graphql import GraphQLSchema, build_schema, parse, validate

from benchmarks import plot
from benchmarks.answers import differences, plain
from benchmarks.marketplaces import CATALOGUE
from benchmarks.meters import counting
from benchmarks.queries import GATEWAY, PAGE, PLAIN, POSTGRAPHILE, QUERIES, Dialect
from benchmarks.report import Medians, report
from benchmarks.rounds import Cell
from benchmarks.subjects import Subjects, chosen
from gateway.demo.marketplace.fill import make
from gateway.demo.postgres import Postgres
from tests.conftest import NewDatabase
from tests.support.marketplaces import Marketplace, opened
from tests.support.schema_documents import SCHEMA

PEERS = Path(plot.__file__).parent / "peers"
FEW = 20
"""So many usable resources a project of a small demo has at least."""
COMPARED = [each for each in QUERIES if each != "q5"]


@pytest_asyncio.fixture(scope="module")
async def large(new_database: NewDatabase) -> Any:
    """Give a demo with the catalogue that is measured."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=600, seed=1)
        connection.execute(CATALOGUE)
    async with opened(url) as marketplace:
        yield marketplace


@pytest.fixture(scope="module")
def subjects(large: Marketplace) -> Subjects:
    """Give what is asked for."""
    return chosen(large.url, FEW)


async def answered(
    large: Marketplace, subjects: Subjects, query: str, as_: str, count: int = 5
) -> list[Any]:
    """Give the data of some answers."""
    asked = subjects.requests(query, GATEWAY, count)
    return [await large.data(each["query"], as_, **each["variables"]) for each in asked]


@pytest.mark.parametrize("query", QUERIES)
def test_the_gateways_queries_are_valid(query: str) -> None:
    assert not validate(SCHEMA, parse(GATEWAY.document(query)))


@pytest.mark.parametrize("query", COMPARED)
def test_the_peers_queries_are_valid(query: str) -> None:
    schema: GraphQLSchema = build_schema((PEERS / "mercurius" / "schema.graphql").read_text())
    assert not validate(schema, parse(PLAIN.document(query)))


@pytest.mark.parametrize("query", COMPARED)
async def test_member_and_staff_see_the_same(
    large: Marketplace, subjects: Subjects, query: str
) -> None:
    staff = await answered(large, subjects, query, "staff")
    member = await answered(large, subjects, query, subjects.member)
    assert not list(differences(plain(staff), plain(member)))


async def test_details_have_all_relations(large: Marketplace, subjects: Subjects) -> None:
    found = [each["resource"] for each in await answered(large, subjects, "q1", "staff", 30)]
    for each in ("offering", "plan", "project", "endpoints"):
        assert any(resource[each] for resource in found), each
    assert any(each["offering"]["components"] for each in found)
    assert any(each["plan"]["components"] for each in found if each["plan"])


@pytest.mark.parametrize("as_", ["staff", "member"])
async def test_pages_are_full(large: Marketplace, subjects: Subjects, as_: str) -> None:
    viewer = subjects.member if as_ == "member" else as_
    for answer in await answered(large, subjects, "q2b", viewer):
        assert FEW <= len(answer["resources"]["nodes"]) == answer["resources"]["totalCount"]
    for query, root in (("q3", "offerings"), ("q5", "resources")):
        (answer,) = await answered(large, subjects, query, viewer, 1)
        assert len(answer[root]["nodes"]) == PAGE


async def test_the_catalogue_has_the_shape_of_the_reference(
    large: Marketplace, subjects: Subjects
) -> None:
    (answer,) = await answered(large, subjects, "q3", "staff", 1)
    offerings = answer["offerings"]["nodes"]
    plans = [plan for each in offerings for plan in each["plans"]]
    assert {len(each["components"]) for each in offerings} <= {5, 6}
    assert {len(each["plans"]) for each in offerings} == {3}
    parts = sum(map(_parts, offerings + plans))
    assert 1100 < len(offerings) + len(plans) + parts < 1300


def _parts(value: Any) -> int:
    """Count the components of an offering, or the prices of a plan."""
    return len(value["components"])


@pytest.mark.parametrize("query", ["q1", "q4"])
def test_all_are_asked_for_the_same_resources(subjects: Subjects, query: str) -> None:
    ours = variables(subjects, query, GATEWAY)
    assert ours == variables(subjects, query, PLAIN) == variables(subjects, query, POSTGRAPHILE)


def test_all_are_asked_for_the_same_projects(subjects: Subjects) -> None:
    keys = dict(subjects.projects)
    ours = [keys[each["project"]] for each in variables(subjects, "q2", GATEWAY)]
    assert ours == [each["project"] for each in variables(subjects, "q2", PLAIN)]


def variables(subjects: Subjects, query: str, dialect: Dialect) -> list[dict[str, Any]]:
    """Give the variables of some requests."""
    return [each["variables"] for each in subjects.requests(query, dialect, 30)]


def test_spellings_do_not_count() -> None:
    ours = {
        "uuid": "0123456789abcdef0123456789abcdef",
        "created": "2026-01-31T12:00:00.500000Z",
        "state": "OK",
        "price": "1.5000000000",
        "resources": {"nodes": [{"unit": "HALF_MONTH"}]},
    }
    theirs = {
        "uuid": "01234567-89ab-cdef-0123-456789abcdef",
        "created": "2026-01-31 12:00:00.5+00",
        "state": 2,
        "price": 1.5,
        "resources": [{"unit": "half_month"}],
    }
    assert not list(differences(plain(ours), plain(theirs)))


@pytest.mark.parametrize(
    ("one", "other"), [("OK", 3), (["a"], []), ({"a": None}, {"a": ""}), ("1.5", 1.25), (True, 1)]
)
def test_differences_count(one: Any, other: Any) -> None:
    assert list(differences(plain({"state": one}), plain({"state": other})))


def test_statements_are_counted(server: Postgres) -> None:
    files = {Path(each.path) for each in psutil.Process(server.pid).open_files()}
    (log,) = (each for each in files if each.name == "server.log")
    with psycopg.connect(server.url, autocommit=True) as connection:
        for count in (3, 0):
            with counting(server.url, log) as counted:
                for _ in range(count):
                    connection.execute("select 1,\n2")
                assert counted() == count


def cell(target: str, rate: float, number: int = 0) -> Cell:
    """Give a measurement of Q4."""
    return Cell("q4", target, 16, number, 100, rate, 1.0, 2.0, 0.5, 0.25, 0.1, 0.0)


def test_reports_medians_and_ratios() -> None:
    ours = [cell("gateway, staff", rate, number) for number, rate in enumerate((3000, 9, 2000))]
    theirs = [cell("postgraphile", rate, number) for number, rate in enumerate((1000, 9, 1000))]
    cells = [*ours, *theirs]
    assert Medians(cells).ratio("q4", "gateway, staff", "postgraphile", 16) == 2
    text = report(cells, {"q4": {"gateway, staff": 1.0}})
    rates, costs, statements = text.split("\n\n")[1::2]
    row = [each.strip() for each in rates.splitlines()[2].strip("|").split("|")]
    assert row == ["q4", "2000", "1000", "2.00", ""]
    assert "0.500 + 0.250" in costs
    assert "1.00" in statements


def test_compares_what_was_measured_in_the_same_round() -> None:
    """Of a machine that became twice as fast meanwhile."""
    ours = [cell("gateway, staff", rate, number) for number, rate in enumerate((100, 200, 200))]
    theirs = [cell("postgraphile", rate, number) for number, rate in enumerate((50, 50, 100))]
    assert Medians([*ours, *theirs]).ratio("q4", "gateway, staff", "postgraphile", 16) == 2
    assert Medians(ours).ratio("q4", "gateway, staff", "postgraphile", 16) is None
