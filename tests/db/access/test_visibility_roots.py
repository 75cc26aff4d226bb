"""Root fields lead to exactly the rows that the oracle shows."""

from tests.support.visibility import oracle_comparison
from tests.support.visibility.oracle_expectation import TABLES_BY_TYPE
from tests.support.visibility.schema_paths import NODE_TYPES, ROOT_FIELDS_BY_TYPE
from tests.support.visibility.viewer_scenes import VIEWPOINTS, ViewerScene


def test_every_node_type_has_its_oracle_table() -> None:
    assert sorted(TABLES_BY_TYPE) == NODE_TYPES
    lists = {each.target for each in oracle_comparison.ROOT_LISTS}
    assert lists == {"Category", "Customer", "Offering", "Order", "Project", "Resource"}
    assert {*NODE_TYPES} - {*ROOT_FIELDS_BY_TYPE} == {"OfferingRole", "User"}
    assert len(VIEWPOINTS) > 25


async def test_the_version_rules_are_those_of_the_installation(scene: ViewerScene) -> None:
    assert scene.marketplace.installation.version_rules.year == scene.visible_rows.expectation.year


async def test_lists_have_the_visible_rows(scene: ViewerScene) -> None:
    await oracle_comparison.compare_root_lists(scene)


async def test_each_perspective_has_its_visible_resources(scene: ViewerScene) -> None:
    await oracle_comparison.compare_perspectives(scene)


async def test_a_global_id_finds_visible_rows(scene: ViewerScene) -> None:
    await oracle_comparison.compare_global_ids(scene)


async def test_a_uuid_finds_visible_rows(scene: ViewerScene) -> None:
    await oracle_comparison.compare_uuid_lookups(scene)
