"""A list below a row has what the oracle shows of the rows that refer to it: no more, no less."""

from tests.support.visibility import oracle_comparison
from tests.support.visibility.oracle_truth import BELOW
from tests.support.visibility.schema_paths import Way, all_relations
from tests.support.visibility.viewer_scenes import Scene

LISTS = all_relations(Way.PAGES)
PARTS = all_relations(Way.PARTS)


def test_every_list_has_its_rows_here() -> None:
    assert {str(each) for each in (*LISTS, *PARTS)} == {*BELOW}


async def test_a_page_below_a_row_has_what_is_seen(scene: Scene) -> None:
    await oracle_comparison.pages_below(scene, LISTS)


async def test_a_row_has_all_its_parts(scene: Scene) -> None:
    await oracle_comparison.parts(scene, PARTS)
