"""Child lists contain exactly the rows that the oracle shows."""

from tests.support.visibility import oracle_comparison
from tests.support.visibility.oracle_expectation import CHILD_QUERIES
from tests.support.visibility.schema_paths import RelationKind, relations_of_kind
from tests.support.visibility.viewer_scenes import ViewerScene

LISTS = relations_of_kind(RelationKind.PAGES)
PARTS = relations_of_kind(RelationKind.PARTS)


def test_every_list_has_its_oracle_query() -> None:
    assert {str(each) for each in (*LISTS, *PARTS)} == {*CHILD_QUERIES}


async def test_child_pages_contain_the_visible_rows(scene: ViewerScene) -> None:
    await oracle_comparison.compare_child_pages(scene, LISTS)


async def test_part_lists_are_complete(scene: ViewerScene) -> None:
    await oracle_comparison.compare_parts(scene, PARTS)
