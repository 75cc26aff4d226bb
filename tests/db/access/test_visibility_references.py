"""Of a hidden row that is referred to one is shown what rest-map.tsv names there, and no more."""

from typing import Any

from tests.support.marketplaces import Marketplace
from tests.support.visibility import oracle_comparison
from tests.support.visibility.viewer_scenes import Look, Scene

HIDDEN = {
    Look("demo", None): {"Offering.provider"},
    Look("demo", "staff"): {"Resource.project"},
    Look("demo", "provider"): {"Offering.provider", "Resource.endDateRequestedBy"},
    Look("demo", "bela.dahlgren"): {
        "Order.consumerReviewedBy",
        "Order.createdBy",
        "Order.project",
        "Order.providerReviewedBy",
        "Order.resource",
    },
    Look("demo", "owner"): {"Project.endDateRequestedBy"},
    Look("waldur", "owner_c"): {"Resource.parent", "Resource.project"},
    Look("waldur", "removed_project_member"): {"Resource.project"},
}
"""What some people refer to that they do not see."""
ELSEWHERE = {
    "HistoryEntry.user",
    "Offering.project",
    "Project.customer",
    "TeamMember.user",
    "Viewer.user",
}
"""Met in test_paths.py, never hidden, and hidden in test_roles.py."""


def test_every_reference_that_may_hide_something_is_tried() -> None:
    assert set.union(ELSEWHERE, *HIDDEN.values()) == {
        str(each) for each in oracle_comparison.REFERENCES
    }


async def test_a_reference_shows_of_a_hidden_row_what_rest_shows(scene: Scene) -> None:
    walk = await oracle_comparison.references(scene)
    assert {*walk.concealed} >= HIDDEN.get(scene.look, set())


def told(row: dict[str, Any]) -> set[str]:
    """Name what a row tells."""
    return {name for name, value in row.items() if value is not None}


async def test_a_provider_is_told_less_of_a_consumer_s_project(demo: Marketplace) -> None:
    found = await demo.data(
        """{ resources(first: 300, visibleAs: PROVIDER) { nodes { project {
            id uuid name slug description endDate effectiveEndDate isInGracePeriod created
            endDateRequestedBy { id uuid username fullName email organization jobTitle isStaff }
            customer { id uuid name slug description nativeName homepage created
                projects { totalCount } offerings { totalCount } resources { totalCount } }
            resources { totalCount }
        } } } }""",
        "service_manager",
    )
    projects = [node["project"] for node in found["resources"]["nodes"]]
    asked = [each["endDateRequestedBy"] for each in projects if each["endDateRequestedBy"]]
    always = {"id", "uuid", "name", "slug", "description", "isInGracePeriod", "customer"}
    dated = {"endDate", "effectiveEndDate", "endDateRequestedBy"}
    assert min(map(told, projects), key=len) == always
    assert set.union(*map(told, projects)) == always | dated
    assert {*map(frozenset, map(told, (each["customer"] for each in projects)))} == {
        frozenset({"id", "uuid", "name", "slug"})
    }
    assert all(told(each) == {"id", "uuid", "username", "fullName"} for each in asked)
    assert asked


async def test_a_stranger_is_told_who_provides_an_offering(demo: Marketplace) -> None:
    found = await demo.data(
        """{ offerings { nodes { provider {
            id uuid name slug description abbreviation country homepage created
            projects { totalCount } offerings { totalCount } resources { totalCount }
        } } } }""",
        None,
    )
    providers = [each["provider"] for each in found["offerings"]["nodes"]]
    assert all(told(each) == {"id", "uuid", "name", "slug", "description"} for each in providers)
    assert providers


async def test_a_parent_that_is_hidden_tells_its_name(waldur: Marketplace) -> None:
    found = await waldur.data(
        """{ resources(first: 300, visibleAs: PROVIDER) { nodes { parent {
            id uuid name slug state created attributes backendMetadata cost limits
            endpoints { url } offering { name } project { name } parent { name }
        } } } }""",
        "owner_c",
    )
    parents = [each["parent"] for each in found["resources"]["nodes"] if each["parent"]]
    assert {frozenset(told(each)) for each in parents} >= {frozenset({"id", "uuid", "name"})}
