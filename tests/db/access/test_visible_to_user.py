"""`visibleToUsername` shows what both see: the viewer, and that user as a consumer (§5.1)."""

import pytest

from gateway.api import schema
from gateway.db.sql.compiler import Statements
from gateway.execution.executor import Answering
from tests.db.access.test_visibility_roles import GRANTS, INSIDE, VIEWER
from tests.support.marketplaces import EXECUTION, Marketplace
from tests.support.visibility.altered_marketplace import Altered
from tests.support.visibility.oracle_truth import YEARS, Year
from tests.support.visibility.viewer_scenes import CONCEALED, Scene

NAMES = {
    "demo": ("staff", "support", "owner", "member", "provider", "reader", "nobody", CONCEALED),
    "waldur": ("staff", "owner_c", "project_member_c0", "provider_a_owner", "dual_owner"),
}
NETWORKS = (INSIDE, "192.0.2.7")
"""Addresses of all networks to which some customers show their resources alone."""
COUNT = "query($name: String) { resources(visibleToUsername: $name) { totalCount } }"


async def agree(scene: Scene, username: str) -> set[str]:
    """Compare what is shown with what both see; wherever the other user may be."""
    others = [scene.seen.truth.seen_by(username, each) for each in NETWORKS]
    other = frozenset[str]().union(*(each.of("Resource_as_consumer") for each in others))
    both = scene.seen.of("Resource") & other
    shown = await scene.pages("resources", f', visibleToUsername: "{username}"')
    assert sorted(shown) == sorted(both)
    return {*both}


async def test_shows_what_both_see(scene: Scene) -> None:
    for username in NAMES[scene.look.marketplace]:
        await agree(scene, username)


@pytest.mark.parametrize("username", ["staff", "member", "nobody", None])
async def test_of_a_user_who_does_not_exist_nothing_is_shown(
    demo: Marketplace, username: str | None
) -> None:
    for name in ("no such user", "Member", "%", "' or true --"):
        answer = await demo.data(COUNT, username, name=name)
        assert answer["resources"]["totalCount"] == 0


async def test_without_a_name_all_is_shown(demo: Marketplace) -> None:
    for name in ("", None):
        answer = await demo.data(COUNT, name=name)
        assert answer["resources"]["totalCount"] == 600


async def test_a_name_that_no_database_can_hold_is_refused(demo: Marketplace) -> None:
    for name in ("a\0", "x" * 1001):
        error = await demo.refused(COUNT, name=name)
        assert error["extensions"] == {
            "code": "BAD_USER_INPUT",
            "argument": ["visibleToUsername"],
        }


async def test_it_joins_filters_sides_and_searches(demo: Marketplace) -> None:
    document = """query($name: String) {
        all: resources(first: 300, visibleToUsername: $name) {
            nodes { uuid state offering { uuid } } }
        ok: resources(first: 300, visibleToUsername: $name, filter: { not: { state: ERRED } },
            visibleAs: CONSUMER, query: "e") { totalCount nodes { uuid } } }"""
    found = await demo.data(document, "owner", name="member")
    uuids = {each["uuid"] for each in found["all"]["nodes"]}
    assert 0 < found["ok"]["totalCount"] < len(uuids)
    assert {each["uuid"] for each in found["ok"]["nodes"]} < uuids


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("grant", ["on resources", "on sub-projects", "on a project, out of use"])
async def test_the_rules_of_the_year_count(altered: Altered, grant: str, year: Year) -> None:
    altered.run(GRANTS[grant].statement)
    scene = altered.scene(year, "staff", INSIDE)
    scene.marketplace.statements = Statements(scene.marketplace.installation)
    scene.marketplace.answering = Answering(schema, execution=EXECUTION)
    both = await agree(scene, VIEWER)
    assert bool(both) == GRANTS[grant].shows_resources(year)
