"""Test that both executions return the same bytes for the documents of the corpus."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from itertools import islice

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from gateway.schema.framework.context import DEFAULT_MAX_ANSWER_ROWS
from tests.conftest import DatabaseFactory
from tests.execution.corpus import derived_documents, faulty_marketplace
from tests.execution.corpus.both_executions import CORPUS_VIEWPOINTS, FEW_VIEWPOINTS, DualExecutor
from tests.execution.corpus.document_files import CorpusCase, load_cases
from tests.execution.generated_documents import has_rows
from tests.support.marketplaces import Marketplace, RecordingDatabase, open_marketplace
from tests.support.visibility.viewer_scenes import Viewpoint

VALID_CASES = load_cases()
DERIVED_CASES = [
    *derived_documents.generate_full_type_cases(),
    *derived_documents.generate_order_cases(),
    *derived_documents.generate_nested_order_cases(),
]
LARGE_CASES = [case for case in VALID_CASES if case.name.startswith("nested: ")][::3]
FAILING_CASES = load_cases("failing")
FAULTY_CASES = load_cases("faulty")
FILTER_PARTS = 6
FAULTY_VIEWPOINT = Viewpoint("faulty", "staff")
OVERSIZED_VARIABLES = {
    "cursor": urlsafe_b64encode(b'["CREATED_ASC","2026-01-01 00:00:00+00",1]').decode(),
    "many": ["x"] * 301,
    "uuids": ["0" * 32] * 1001,
    "wide": {"or": [{"paused": True}] * 101},
}
"""Values of variables that are too long for the files of documents."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dual_executors(demo: Marketplace, waldur: Marketplace) -> dict[str, DualExecutor]:
    """Return both marketplaces, each with both executions."""
    return {"demo": DualExecutor.open_over(demo), "waldur": DualExecutor.open_over(waldur)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def faulty_executor(new_database: DatabaseFactory) -> AsyncIterator[DualExecutor]:
    """Yield a marketplace with invalid rows, missing tables and a locked table."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=60, seed=1)
        connection.commit()
        async with open_marketplace(url) as marketplace:
            known_rows = await DualExecutor.open_over(marketplace).known_rows(FAULTY_VIEWPOINT)
        faulty_marketplace.insert_faults(connection)
        database = await RecordingDatabase.connect(url, statement_seconds=0.2)
        assert isinstance(database, RecordingDatabase)
        dual_executor = DualExecutor(
            Marketplace(url, database), known_rows.all_uuids, {FAULTY_VIEWPOINT: known_rows}
        )
        faulty_marketplace.remove_tables(connection)
        yield dual_executor
        await database.close()


@pytest.mark.parametrize("case", VALID_CASES, ids=str)
async def test_valid_documents_give_equal_results_for_all_viewers(
    dual_executors: dict[str, DualExecutor], case: CorpusCase
) -> None:
    for viewpoint in CORPUS_VIEWPOINTS:
        result_pair = await dual_executors[viewpoint.marketplace].run_case(case, viewpoint)
        assert "errors" not in result_pair.reference_body


@pytest.mark.parametrize("case", DERIVED_CASES, ids=str)
async def test_derived_documents_give_equal_results(
    dual_executors: dict[str, DualExecutor], case: CorpusCase
) -> None:
    for viewpoint in FEW_VIEWPOINTS:
        result_pair = await dual_executors[viewpoint.marketplace].run_case(case, viewpoint)
        assert "errors" not in result_pair.reference_body


@pytest.mark.parametrize("part", range(FILTER_PARTS))
@pytest.mark.parametrize("viewpoint", FEW_VIEWPOINTS, ids=str)
async def test_filter_fields_give_equal_results(
    dual_executors: dict[str, DualExecutor], viewpoint: Viewpoint, part: int
) -> None:
    dual_executor = dual_executors[viewpoint.marketplace]
    cases = derived_documents.generate_filter_cases(await dual_executor.known_rows(viewpoint))
    for case in islice(cases, part, None, FILTER_PARTS):
        result_pair = await dual_executor.run_case(case, viewpoint)
        assert "errors" not in result_pair.reference_body


@pytest.mark.parametrize("case", FAILING_CASES, ids=str)
async def test_client_errors_give_equal_results(
    dual_executors: dict[str, DualExecutor], case: CorpusCase
) -> None:
    query = case.query.replace("@1001@", "x" * 1001)
    variables = {
        name: value for name, value in OVERSIZED_VARIABLES.items() if name in case.open_variables
    }
    variables |= case.variables
    for viewpoint in CORPUS_VIEWPOINTS[:3]:
        dual_executor = dual_executors[viewpoint.marketplace]
        dual_executor.reset_executors()
        changed_case = CorpusCase(case.name, query, variables, case.operation, case.counted_as)
        result_pair = await dual_executor.run_case(changed_case, viewpoint)
        assert "errors" in result_pair.reference_body or case.counted_as == "reference"


@pytest.mark.parametrize("case", LARGE_CASES, ids=str)
async def test_both_executors_have_the_same_size_limit(demo: Marketplace, case: CorpusCase) -> None:
    """Find the smallest limit that accepts the response; both executions reject the next lower."""
    dual_executor = DualExecutor.open_over(demo)
    lower, upper = 0, DEFAULT_MAX_ANSWER_ROWS
    while lower < upper:
        dual_executor.max_rows = (lower + upper) // 2
        result_pair = await dual_executor.run_case(case, CORPUS_VIEWPOINTS[0])
        if result_pair.reference.is_rejected:
            lower = dual_executor.max_rows + 1
        else:
            upper = dual_executor.max_rows
    dual_executor.max_rows = upper - 1
    assert (await dual_executor.run_case(case, CORPUS_VIEWPOINTS[0])).reference.is_rejected


@pytest.mark.parametrize("case", FAULTY_CASES, ids=str)
async def test_faulty_databases_give_equal_results(
    faulty_executor: DualExecutor, case: CorpusCase
) -> None:
    faulty_executor.reset_executors()
    result_pair = await faulty_executor.run_case(case, FAULTY_VIEWPOINT)
    assert ("errors" in result_pair.reference_body) == (case.counted_as != "compiled"), (
        result_pair.reference_body
    )


async def test_a_failing_statement_takes_its_own_fields_only(faulty_executor: DualExecutor) -> None:
    selection = "uuid endpoints { url } planPeriods { uuid } orderInProgress { uuid } team { role }"
    case = CorpusCase(
        "a missing table among others",
        f"{{ resources(first: 5) {{ nodes {{ {selection} }} }} categories {{ uuid }} }}",
        counted_as="fallback",
    )
    body = (await faulty_executor.run_case(case, FAULTY_VIEWPOINT)).reference_body
    assert [each["path"] for each in body["errors"]] == [
        ["resources", "nodes", i, "endpoints"] for i in range(5)
    ]
    for resource in body["data"]["resources"]["nodes"]:
        assert resource["endpoints"] is None
        assert isinstance(resource["planPeriods"], list)
        assert isinstance(resource["team"], list)
    assert body["data"]["categories"]


def test_corpus_is_large_enough() -> None:
    names = [case.name for case in (*VALID_CASES, *FAILING_CASES, *FAULTY_CASES)]
    assert len(names) == len({*names})
    assert len(VALID_CASES) >= 120
    fallback_cases = [
        case for case in (*FAILING_CASES, *FAULTY_CASES) if case.counted_as != "compiled"
    ]
    assert len(fallback_cases) >= 40


async def test_most_documents_show_rows(dual_executors: dict[str, DualExecutor]) -> None:
    row_count, sample = 0, VALID_CASES[::3]
    for case in sample:
        result_pair = await dual_executors["demo"].run_case(case, CORPUS_VIEWPOINTS[0])
        row_count += has_rows(result_pair.reference_body["data"])
    assert row_count > 0.7 * len(sample)
