"""A list below a row has what the oracle shows of the rows that refer to it: no more, no less."""

from tests.visibility import agreement
from tests.visibility.scenes import Scene
from tests.visibility.shape import Way, all_relations
from tests.visibility.truth import BELOW

LISTS = all_relations(Way.PAGES)
PARTS = all_relations(Way.PARTS)


def test_every_list_has_its_rows_here() -> None:
    assert {str(each) for each in (*LISTS, *PARTS)} == {*BELOW}


async def test_a_page_below_a_row_has_what_is_seen(scene: Scene) -> None:
    await agreement.pages_below(scene, LISTS)


async def test_a_row_has_all_its_parts(scene: Scene) -> None:
    await agreement.parts(scene, PARTS)
