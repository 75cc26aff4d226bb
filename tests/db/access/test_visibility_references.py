"""References to hidden rows show only the fields that rest-map.tsv names there."""

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
"""References to hidden rows that these viewers must meet."""
REFERENCES_TESTED_ELSEWHERE = {
    "HistoryEntry.user",
    "Offering.project",
    "Project.customer",
    "TeamMember.user",
    "Viewer.user",
}
"""References that never lead to a hidden row here, or are tested with paths and roles."""


def test_every_reference_to_guarded_rows_is_tested() -> None:
    assert set.union(REFERENCES_TESTED_ELSEWHERE, *HIDDEN_REFERENCES.values()) == {
        str(each) for each in oracle_comparison.REFERENCES
    }


async def test_references_to_hidden_rows_show_what_rest_shows(scene: ViewerScene) -> None:
    walk = await oracle_comparison.compare_references(scene)
    assert {*walk.hidden_row_counts} >= HIDDEN_REFERENCES.get(scene.viewpoint, set())


def list_non_null_fields(row: dict[str, Any]) -> set[str]:
    """Return the names of the fields that are not null."""
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


async def test_anonymous_viewers_see_the_provider_of_an_offering(demo: Marketplace) -> None:
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
