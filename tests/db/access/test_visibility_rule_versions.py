"""The rules of one year hold in a marketplace of another, too, where GATEWAY_RULES says so."""

import pytest

from tests.support.marketplaces import LOCAL, Marketplace
from tests.support.visibility import oracle_comparison
from tests.support.visibility.altered_marketplace import ruled
from tests.support.visibility.oracle_truth import Truth
from tests.support.visibility.viewer_scenes import Look, Scene


async def agrees(username: str | None, marketplace: Marketplace, truth: Truth) -> None:
    """Compare what somebody is shown under the rules of the truth's year."""
    seen = truth.seen_by(username, LOCAL)
    scene = Scene(Look("ruled", username), ruled(marketplace, truth), seen)
    await oracle_comparison.root_lists(scene)
    await oracle_comparison.sides(scene)
    await oracle_comparison.global_ids(scene)


@pytest.mark.parametrize("username", ["owner_c", "offering_manager_b", "dual_owner", None])
async def test_rules_of_2026_hold_in_a_waldur_of_2024(
    waldur: Marketplace, waldur_truth: Truth, username: str | None
) -> None:
    await agrees(username, waldur, Truth(waldur_truth.connection, 2026))


@pytest.mark.parametrize("username", ["owner", "service_manager", "revoked", "resource_user", None])
async def test_rules_of_2024_hold_in_the_demo(
    demo: Marketplace, demo_truth: Truth, username: str | None
) -> None:
    await agrees(username, demo, Truth(demo_truth.connection, 2024))
