"""From the roots one comes to just those rows that the oracle shows."""

from tests.support.visibility import oracle_comparison
from tests.support.visibility.oracle_truth import TABLES
from tests.support.visibility.schema_paths import BY_UUID, NODES
from tests.support.visibility.viewer_scenes import SCENES, Scene


def test_every_type_of_nodes_has_its_table_here() -> None:
    assert sorted(TABLES) == NODES
    lists = {each.target for each in oracle_comparison.LISTS}
    assert lists == {"Category", "Customer", "Offering", "Order", "Project", "Resource"}
    assert {*NODES} - {*BY_UUID} == {"OfferingRole", "User"}
    assert len(SCENES) > 25


async def test_the_rules_are_those_of_the_installation(scene: Scene) -> None:
    assert scene.marketplace.installation.rules.year == scene.seen.truth.year


async def test_lists_have_what_is_seen(scene: Scene) -> None:
    await oracle_comparison.root_lists(scene)


async def test_each_side_of_the_resources_has_what_is_seen_from_it(scene: Scene) -> None:
    await oracle_comparison.sides(scene)


async def test_a_global_id_finds_what_is_seen(scene: Scene) -> None:
    await oracle_comparison.global_ids(scene)


async def test_a_uuid_finds_what_is_seen(scene: Scene) -> None:
    await oracle_comparison.uuids(scene)
