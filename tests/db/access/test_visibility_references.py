"""Of a hidden row that is referred to one is shown what rest-map.tsv names there, and no more."""

from typing import Any

from tests.support.marketplaces import Marketplace
from tests.support.visibility import oracle_comparison
from tests.support.visibility.viewer_scenes import ViewerScene, Viewpoint

HIDDEN_REFERENCES = {
    Viewpoint("demo", None): {"Offering.provider"},
    Viewpoint("demo", "staff"): {"Resource.project"},
    Viewpoint("demo", "provider"): {"Offering.provider", "Resource.endDateRequestedBy"},
    Viewpoint("demo", "bela.dahlgren"): {
        "Order.consumerReviewedBy",
        "Order.createdBy",
        "Order.project",
        "Order.providerReviewedBy",
        "Order.resource",
    },
    Viewpoint("demo", "owner"): {"Project.endDateRequestedBy"},
    Viewpoint("waldur", "owner_c"): {"Resource.parent", "Resource.project"},
    Viewpoint("waldur", "removed_project_member"): {"Resource.project"},
}
"""What some people refer to that they do not see."""
REFERENCES_TESTED_ELSEWHERE = {
    "HistoryEntry.user",
    "Offering.project",
    "Project.customer",
    "TeamMember.user",
    "Viewer.user",
}
"""Met in test_paths.py, never hidden, and hidden in test_roles.py."""


def test_every_reference_that_may_hide_something_is_tested() -> None:
    assert set.union(REFERENCES_TESTED_ELSEWHERE, *HIDDEN_REFERENCES.values()) == {
        str(each) for each in oracle_comparison.REFERENCES
    }


async def test_a_reference_shows_of_a_hidden_row_what_rest_shows(scene: ViewerScene) -> None:
    walk = await oracle_comparison.compare_references(scene)
    assert {*walk.hidden_row_counts} >= HIDDEN_REFERENCES.get(scene.viewpoint, set())


def list_non_null_fields(row: dict[str, Any]) -> set[str]:
    """Name what a row tells."""
    return {name for name, value in row.items() if value is not None}


async def test_a_provider_sees_fewer_fields_of_a_consumer_s_project(demo: Marketplace) -> None:
    data = await demo.fetch_data(
        """{ resources(first: 300, visibleAs: PROVIDER) { nodes { project {
            id uuid name slug description endDate effectiveEndDate isInGracePeriod created
            endDateRequestedBy { id uuid username fullName email organization jobTitle isStaff }
            customer { id uuid name slug description nativeName homepage created
                projects { totalCount } offerings { totalCount } resources { totalCount } }
            resources { totalCount }
        } } } }""",
        "service_manager",
    )
    projects = [node["project"] for node in data["resources"]["nodes"]]
    requesters = [each["endDateRequestedBy"] for each in projects if each["endDateRequestedBy"]]
    basic_fields = {"id", "uuid", "name", "slug", "description", "isInGracePeriod", "customer"}
    date_fields = {"endDate", "effectiveEndDate", "endDateRequestedBy"}
    assert min(map(list_non_null_fields, projects), key=len) == basic_fields
    assert set.union(*map(list_non_null_fields, projects)) == basic_fields | date_fields
    assert {
        *map(frozenset, map(list_non_null_fields, (each["customer"] for each in projects)))
    } == {frozenset({"id", "uuid", "name", "slug"})}
    assert all(
        list_non_null_fields(each) == {"id", "uuid", "username", "fullName"} for each in requesters
    )
    assert requesters


async def test_a_stranger_sees_who_provides_an_offering(demo: Marketplace) -> None:
    data = await demo.fetch_data(
        """{ offerings { nodes { provider {
            id uuid name slug description abbreviation country homepage created
            projects { totalCount } offerings { totalCount } resources { totalCount }
        } } } }""",
        None,
    )
    providers = [each["provider"] for each in data["offerings"]["nodes"]]
    assert all(
        list_non_null_fields(each) == {"id", "uuid", "name", "slug", "description"}
        for each in providers
    )
    assert providers


async def test_a_hidden_parent_shows_its_name(waldur: Marketplace) -> None:
    data = await waldur.fetch_data(
        """{ resources(first: 300, visibleAs: PROVIDER) { nodes { parent {
            id uuid name slug state created attributes backendMetadata cost limits
            endpoints { url } offering { name } project { name } parent { name }
        } } } }""",
        "owner_c",
    )
    parents = [each["parent"] for each in data["resources"]["nodes"] if each["parent"]]
    assert {frozenset(list_non_null_fields(each)) for each in parents} >= {
        frozenset({"id", "uuid", "name"})
    }
