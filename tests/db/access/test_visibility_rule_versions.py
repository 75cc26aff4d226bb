"""GATEWAY_RULES applies one year's version rules to the marketplace of another."""

import pytest

from tests.support.marketplaces import LOCAL_ADDRESS, Marketplace
from tests.support.visibility import oracle_comparison
from tests.support.visibility.altered_marketplace import apply_version_rules
from tests.support.visibility.oracle_expectation import OracleExpectation
from tests.support.visibility.viewer_scenes import ViewerScene, Viewpoint


async def assert_ruled_view_matches(
    username: str | None, marketplace: Marketplace, expectation: OracleExpectation
) -> None:
    """Compare a viewer's rows with the oracle under the rules of the expectation's year."""
    visible_rows = expectation.visible_rows_for(username, LOCAL_ADDRESS)
    scene = ViewerScene(
        Viewpoint("ruled", username), apply_version_rules(marketplace, expectation), visible_rows
    )
    await oracle_comparison.compare_root_lists(scene)
    await oracle_comparison.compare_perspectives(scene)
    await oracle_comparison.compare_global_ids(scene)


@pytest.mark.parametrize("username", ["owner_c", "offering_manager_b", "dual_owner", None])
async def test_rules_of_2026_hold_in_a_waldur_of_2024(
    waldur: Marketplace, waldur_expectation: OracleExpectation, username: str | None
) -> None:
    await assert_ruled_view_matches(
        username, waldur, OracleExpectation(waldur_expectation.connection, 2026)
    )


@pytest.mark.parametrize("username", ["owner", "service_manager", "revoked", "resource_user", None])
async def test_rules_of_2024_hold_in_the_demo(
    demo: Marketplace, demo_expectation: OracleExpectation, username: str | None
) -> None:
    await assert_ruled_view_matches(
        username, demo, OracleExpectation(demo_expectation.connection, 2024)
    )
