"""`visibleToUsername` keeps resources that a second user sees as a consumer (domain.md §5.1)."""

import pytest

from gateway.api import schema
from gateway.db.sql.compiler import StatementCompiler
from gateway.execution.executor import Executor
from tests.db.access.test_visibility_roles import ADDRESS_INSIDE_SUBNET, ROLE_GRANTS, VIEWER
from tests.support.marketplaces import EXECUTION_MODE, Marketplace
from tests.support.visibility.altered_marketplace import AlteredMarketplace
from tests.support.visibility.oracle_expectation import YEARS, Year
from tests.support.visibility.viewer_scenes import CONCEALED_OWNER, ViewerScene

USERNAMES = {
    "demo": (
        "staff",
        "support",
        "owner",
        "member",
        "provider",
        "reader",
        "nobody",
        CONCEALED_OWNER,
    ),
    "waldur": ("staff", "owner_c", "project_member_c0", "provider_a_owner", "dual_owner"),
}
NETWORKS = (ADDRESS_INSIDE_SUBNET, "192.0.2.7")
"""An address in each subnet to which customers restrict their resources."""
COUNT_QUERY = "query($name: String) { resources(visibleToUsername: $name) { totalCount } }"


async def assert_shared_view(scene: ViewerScene, username: str) -> set[str]:
    """Compare the list with the resources that both see, for any address of the other user."""
    views = [scene.visible_rows.expectation.visible_rows_for(username, each) for each in NETWORKS]
    other_uuids = frozenset[str]().union(
        *(each.visible_uuids("Resource_as_consumer") for each in views)
    )
    shared_uuids = scene.visible_rows.visible_uuids("Resource") & other_uuids
    shown_uuids = await scene.fetch_all_pages("resources", f', visibleToUsername: "{username}"')
    assert sorted(shown_uuids) == sorted(shared_uuids)
    return {*shared_uuids}


async def test_shows_resources_visible_to_both(scene: ViewerScene) -> None:
    for username in USERNAMES[scene.viewpoint.marketplace]:
        await assert_shared_view(scene, username)


@pytest.mark.parametrize("username", ["staff", "member", "nobody", None])
async def test_an_unknown_user_matches_no_resources(
    demo: Marketplace, username: str | None
) -> None:
    for name in ("no such user", "Member", "%", "' or true --"):
        data = await demo.fetch_data(COUNT_QUERY, username, name=name)
        assert data["resources"]["totalCount"] == 0


async def test_without_a_username_all_resources_are_listed(demo: Marketplace) -> None:
    for name in ("", None):
        data = await demo.fetch_data(COUNT_QUERY, name=name)
        assert data["resources"]["totalCount"] == 600


async def test_an_invalid_username_is_rejected(demo: Marketplace) -> None:
    for name in ("a\0", "x" * 1001):
        error = await demo.fetch_error(COUNT_QUERY, name=name)
        assert error["extensions"] == {
            "code": "BAD_USER_INPUT",
            "argument": ["visibleToUsername"],
        }


async def test_combines_with_filters_perspectives_and_searches(demo: Marketplace) -> None:
    document = """query($name: String) {
        all: resources(first: 300, visibleToUsername: $name) {
            nodes { uuid state offering { uuid } } }
        ok: resources(first: 300, visibleToUsername: $name, filter: { not: { state: ERRED } },
            visibleAs: CONSUMER, query: "e") { totalCount nodes { uuid } } }"""
    data = await demo.fetch_data(document, "owner", name="member")
    uuids = {each["uuid"] for each in data["all"]["nodes"]}
    assert 0 < data["ok"]["totalCount"] < len(uuids)
    assert {each["uuid"] for each in data["ok"]["nodes"]} < uuids


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("grant", ["on resources", "on sub-projects", "on a project, out of use"])
async def test_follows_the_version_rules(
    altered_marketplace: AlteredMarketplace, grant: str, year: Year
) -> None:
    altered_marketplace.apply_changes(ROLE_GRANTS[grant].insert_statement)
    scene = altered_marketplace.create_scene(year, "staff", ADDRESS_INSIDE_SUBNET)
    scene.marketplace.statement_compiler = StatementCompiler(scene.marketplace.installation)
    scene.marketplace.executor = Executor(schema, execution=EXECUTION_MODE)
    shared_uuids = await assert_shared_view(scene, VIEWER)
    assert bool(shared_uuids) == ROLE_GRANTS[grant].shows_resources(year)
