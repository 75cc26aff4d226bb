"""The compiled execution answers what the reference answers, byte for byte, errors included."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from gateway.schema.framework.context import MOST
from tests.conftest import NewDatabase
from tests.execution.corpus import derived_documents, faulty_marketplace
from tests.execution.corpus.both_executions import FEW, LOOKS, Both
from tests.execution.corpus.document_files import Case, cases
from tests.execution.generated_documents import rows_in
from tests.support.marketplaces import Marketplace, Recorded, opened
from tests.support.visibility.viewer_scenes import Look

PROPER = cases()
WRITTEN = [
    *derived_documents.whole(),
    *derived_documents.ordered(),
    *derived_documents.ordered_below(),
]
LARGE = [each for each in PROPER if each.name.startswith("nested: ")][::3]
WRONG = cases("failing")
FAULTY = cases("faulty")
SPOILT = Look("spoilt", "staff")
MANY = {
    "cursor": urlsafe_b64encode(b'["CREATED_ASC","2026-01-01 00:00:00+00",1]').decode(),
    "many": ["x"] * 301,
    "uuids": ["0" * 32] * 1001,
    "wide": {"or": [{"paused": True}] * 101},
}
"""Values that are too long to stand beside their documents."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def marketplaces(demo: Marketplace, waldur: Marketplace) -> dict[str, Both]:
    """Give both marketplaces, each asked by both executions."""
    return {"demo": Both.over(demo), "waldur": Both.over(waldur)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def spoilt(new_database: NewDatabase) -> AsyncIterator[Both]:
    """Give a marketplace with faults, of which one statement takes too long."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=60, seed=1)
        connection.commit()
        async with opened(url) as whole:
            known = await Both.over(whole).known(SPOILT)
        faulty_marketplace.spoil(connection)
        database = await Recorded.at(url, statement_seconds=0.2)
        assert isinstance(database, Recorded)
        both = Both(Marketplace(url, database), known.everything, {SPOILT: known})
        faulty_marketplace.take_away(connection)
        yield both
        await database.close()


@pytest.mark.parametrize("case", PROPER, ids=str)
async def test_a_document_is_answered_the_same_for_everybody(
    marketplaces: dict[str, Both], case: Case
) -> None:
    for look in LOOKS:
        answers = await marketplaces[look.marketplace].run(case, look)
        assert "errors" not in answers.body


@pytest.mark.parametrize("case", WRITTEN, ids=str)
async def test_all_that_the_schema_has_is_answered_the_same(
    marketplaces: dict[str, Both], case: Case
) -> None:
    for look in FEW:
        answers = await marketplaces[look.marketplace].run(case, look)
        assert "errors" not in answers.body


@pytest.mark.parametrize("look", FEW, ids=str)
async def test_each_field_of_each_filter_finds_the_same(
    marketplaces: dict[str, Both], look: Look
) -> None:
    both = marketplaces[look.marketplace]
    for case in derived_documents.filtered(await both.known(look)):
        answers = await both.run(case, look)
        assert "errors" not in answers.body


@pytest.mark.parametrize("case", WRONG, ids=str)
async def test_what_clients_get_wrong_is_answered_the_same(
    marketplaces: dict[str, Both], case: Case
) -> None:
    query = case.query.replace("@1001@", "x" * 1001)
    given = {name: value for name, value in MANY.items() if name in case.open}
    given |= case.variables
    for look in LOOKS[:3]:
        both = marketplaces[look.marketplace]
        both.fresh()
        changed = Case(case.name, query, given, case.operation, case.counted)
        answers = await both.run(changed, look)
        assert "errors" in answers.body or case.counted == "reference"


@pytest.mark.parametrize("case", LARGE, ids=str)
async def test_both_know_the_same_bounds(demo: Marketplace, case: Case) -> None:
    """Let answers show ever more rows, until they show all; the last that is too little counts."""
    both = Both.over(demo)
    least, most = 0, MOST
    while least < most:
        both.most = (least + most) // 2
        answers = await both.run(case, LOOKS[0])
        if answers.reference.refused:
            least = both.most + 1
        else:
            most = both.most
    both.most = most - 1
    assert (await both.run(case, LOOKS[0])).reference.refused


@pytest.mark.parametrize("case", FAULTY, ids=str)
async def test_what_the_database_holds_or_lacks_is_answered_the_same(
    spoilt: Both, case: Case
) -> None:
    spoilt.fresh()
    answers = await spoilt.run(case, SPOILT)
    assert ("errors" in answers.body) == (case.counted != "compiled"), answers.body


def test_there_are_as_many_documents_as_were_promised() -> None:
    names = [each.name for each in (*PROPER, *WRONG, *FAULTY)]
    assert len(names) == len({*names})
    assert len(PROPER) >= 120
    assert len([each for each in (*WRONG, *FAULTY) if each.counted != "compiled"]) >= 40


async def test_most_documents_show_rows(marketplaces: dict[str, Both]) -> None:
    shown, some = 0, PROPER[::3]
    for case in some:
        answers = await marketplaces["demo"].run(case, LOOKS[0])
        shown += rows_in(answers.body["data"])
    assert shown > 0.7 * len(some)
