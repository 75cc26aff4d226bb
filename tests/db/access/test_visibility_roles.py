"""Roles that the demo lacks grant the visibility of the oracle, under each year's rules."""

from dataclasses import dataclass

import pytest

from tests.support.marketplaces import LOCAL_ADDRESS
from tests.support.visibility import oracle_comparison
from tests.support.visibility.altered_marketplace import AlteredMarketplace
from tests.support.visibility.oracle_expectation import YEARS, Year
from tests.support.visibility.schema_paths import RelationKind, relations_of_kind
from tests.support.visibility.viewer_scenes import ViewerScene

ADDRESS_INSIDE_SUBNET = "10.1.2.3"
"""An address in the subnet to which Lindgaard restricts its resources."""
VIEWER = "nobody"


@dataclass(frozen=True)
class RoleGrant:
    """A role of the viewer on all rows of a table that meet a condition."""

    role: str
    scope: str
    condition: str
    since: Year | None = None
    """The first year whose rules show resources by this role; None if none do."""
    until: Year = 2026
    is_active: str = "true"

    @property
    def insert_statement(self) -> str:
        """The statement that grants the role."""
        app, _, model = self.scope.partition(".")
        return f"""
            insert into permissions_userrole
                (uuid, created, is_active, object_id, user_id, role_id, content_type_id)
            select gen_random_uuid(), now(), {self.is_active}, o.id, u.id, r.id, t.id
            from {app}_{model} o, core_user u, permissions_role r, django_content_type t
            where (u.username, r.name) = ('{VIEWER}', '{self.role}')
              and (app_label, model) = ('{app}', '{model}') and o.{self.condition}
        """

    def shows_resources(self, year: Year) -> bool:
        """Return whether the role shows resources under the rules of a year."""
        return self.since is not None and self.since <= year <= self.until


ROLE_GRANTS = {
    "on resources": RoleGrant("RESOURCE.USER", "marketplace.resource", "id % 3 = 0", 2026),
    "on sub-projects": RoleGrant("RESOURCE.USER", "marketplace.resourceproject", "id <= 3", 2026),
    "on offerings": RoleGrant("OFFERING.MANAGER", "marketplace.offering", "id % 2 = 0", 2026),
    "on a service provider": RoleGrant(
        "CUSTOMER.MANAGER", "marketplace.serviceprovider", "id = 1", 2026
    ),
    "on a customer, without permissions": RoleGrant(
        "RESOURCE.USER", "structure.customer", "slug = 'halden'", 2024, 2024
    ),
    "on a project, out of use": RoleGrant(
        "PROJECT.GUEST", "structure.project", "id = 1", 2024, 2024
    ),
    "on a removed project": RoleGrant("PROJECT.MEMBER", "structure.project", "is_removed", 2024),
    "revoked": RoleGrant("CUSTOMER.OWNER", "structure.customer", "id = 1", is_active="false"),
    "not active": RoleGrant("CUSTOMER.OWNER", "structure.customer", "id = 1", is_active="null"),
}
GRANT_IN_LINDGAARD = RoleGrant(
    "RESOURCE.USER",
    "marketplace.resource",
    """project_id in (
        select p.id from structure_project p join structure_customer c on c.id = customer_id
        where c.slug = 'lindgaard'
    )""",
)
GRANT_ON_PRIVATE_OFFERING = RoleGrant(
    "OFFERING.MANAGER", "marketplace.offering", "name = 'Sensitive data enclave'"
)


async def assert_view_matches(scene: ViewerScene) -> None:
    """Compare all of the viewer's lists, ids and references with the oracle."""
    await oracle_comparison.compare_root_lists(scene)
    await oracle_comparison.compare_perspectives(scene)
    await oracle_comparison.compare_global_ids(scene)
    await oracle_comparison.compare_child_pages(scene, relations_of_kind(RelationKind.PAGES))
    await oracle_comparison.compare_references(scene)


@pytest.mark.parametrize("grant", ROLE_GRANTS.values(), ids=ROLE_GRANTS)
async def test_a_role_grants_visibility_of_its_scope(
    altered_marketplace: AlteredMarketplace, grant: RoleGrant
) -> None:
    altered_marketplace.apply_changes(grant.insert_statement)
    for year in YEARS:
        scene = altered_marketplace.create_scene(year, VIEWER)
        assert bool(scene.visible_rows.visible_uuids("Resource")) == grant.shows_resources(year)
        await assert_view_matches(scene)


async def test_a_role_on_a_concealed_resource_counts_inside_the_subnet(
    altered_marketplace: AlteredMarketplace,
) -> None:
    altered_marketplace.apply_changes(GRANT_IN_LINDGAARD.insert_statement)
    for address, is_visible in (
        (LOCAL_ADDRESS, False),
        (ADDRESS_INSIDE_SUBNET, True),
        (None, False),
    ):
        scene = altered_marketplace.create_scene(2026, VIEWER, address)
        assert bool(scene.visible_rows.visible_uuids("Resource")) == is_visible
        await assert_view_matches(scene)


async def test_a_manager_of_a_private_offering_sees_the_name_of_its_project(
    altered_marketplace: AlteredMarketplace,
) -> None:
    altered_marketplace.apply_changes(GRANT_ON_PRIVATE_OFFERING.insert_statement)
    for year in YEARS:
        scene = altered_marketplace.create_scene(year, VIEWER)
        walk = await oracle_comparison.compare_references(scene)
        assert walk.hidden_row_counts["Offering.project"] == 1
        await assert_view_matches(scene)


async def test_a_role_on_a_removed_sub_project_shows_nothing(
    altered_marketplace: AlteredMarketplace,
) -> None:
    altered_marketplace.apply_changes(
        ROLE_GRANTS["on sub-projects"].insert_statement,
        "update marketplace_resourceproject set is_removed = true where id = 2",
    )
    scene = altered_marketplace.create_scene(2026, VIEWER)
    assert len(scene.visible_rows.visible_uuids("Resource")) == 2
    await assert_view_matches(scene)
