"""Roles that the demo has not: each shows what the oracle says, under the rules of either year."""

from dataclasses import dataclass

import pytest

from tests.support.marketplaces import LOCAL
from tests.support.visibility import oracle_comparison
from tests.support.visibility.altered_marketplace import Altered
from tests.support.visibility.oracle_truth import YEARS, Year
from tests.support.visibility.schema_paths import Way, all_relations
from tests.support.visibility.viewer_scenes import Scene

INSIDE = "10.1.2.3"
"""An address that Lindgaard shows its resources to."""
VIEWER = "nobody"


@dataclass(frozen=True)
class Grant:
    """A role of the viewer on all rows that meet a condition."""

    role: str
    scope: str
    on: str
    since: Year | None = None
    """Under which rules one sees resources by it; None if under none."""
    until: Year = 2026
    active: str = "true"

    @property
    def statement(self) -> str:
        """Grant it."""
        app, _, model = self.scope.partition(".")
        return f"""
            insert into permissions_userrole
                (uuid, created, is_active, object_id, user_id, role_id, content_type_id)
            select gen_random_uuid(), now(), {self.active}, o.id, u.id, r.id, t.id
            from {app}_{model} o, core_user u, permissions_role r, django_content_type t
            where (u.username, r.name) = ('{VIEWER}', '{self.role}')
              and (app_label, model) = ('{app}', '{model}') and o.{self.on}
        """

    def shows_resources(self, year: Year) -> bool:
        """Say whether one sees resources by it."""
        return self.since is not None and self.since <= year <= self.until


GRANTS = {
    "on resources": Grant("RESOURCE.USER", "marketplace.resource", "id % 3 = 0", 2026),
    "on sub-projects": Grant("RESOURCE.USER", "marketplace.resourceproject", "id <= 3", 2026),
    "on offerings": Grant("OFFERING.MANAGER", "marketplace.offering", "id % 2 = 0", 2026),
    "on a service provider": Grant(
        "CUSTOMER.MANAGER", "marketplace.serviceprovider", "id = 1", 2026
    ),
    "on a customer, without permissions": Grant(
        "RESOURCE.USER", "structure.customer", "slug = 'halden'", 2024, 2024
    ),
    "on a project, out of use": Grant("PROJECT.GUEST", "structure.project", "id = 1", 2024, 2024),
    "on a removed project": Grant("PROJECT.MEMBER", "structure.project", "is_removed", 2024),
    "revoked": Grant("CUSTOMER.OWNER", "structure.customer", "id = 1", active="false"),
    "not active": Grant("CUSTOMER.OWNER", "structure.customer", "id = 1", active="null"),
}
IN_LINDGAARD = Grant(
    "RESOURCE.USER",
    "marketplace.resource",
    """project_id in (
        select p.id from structure_project p join structure_customer c on c.id = customer_id
        where c.slug = 'lindgaard'
    )""",
)
PRIVATE = Grant("OFFERING.MANAGER", "marketplace.offering", "name = 'Sensitive data enclave'")


async def agrees(scene: Scene) -> None:
    """Compare all that the viewer is shown."""
    await oracle_comparison.root_lists(scene)
    await oracle_comparison.sides(scene)
    await oracle_comparison.global_ids(scene)
    await oracle_comparison.pages_below(scene, all_relations(Way.PAGES))
    await oracle_comparison.references(scene)


@pytest.mark.parametrize("grant", GRANTS.values(), ids=GRANTS)
async def test_a_role_shows_what_it_is_for(altered: Altered, grant: Grant) -> None:
    altered.run(grant.statement)
    for year in YEARS:
        scene = altered.scene(year, VIEWER)
        assert bool(scene.seen.of("Resource")) == grant.shows_resources(year)
        await agrees(scene)


async def test_a_role_on_a_concealed_resource_counts_inside_the_subnet(altered: Altered) -> None:
    altered.run(IN_LINDGAARD.statement)
    for address, seen in ((LOCAL, False), (INSIDE, True), (None, False)):
        scene = altered.scene(2026, VIEWER, address)
        assert bool(scene.seen.of("Resource")) == seen
        await agrees(scene)


async def test_whoever_manages_a_private_offering_is_told_the_name_of_its_project(
    altered: Altered,
) -> None:
    altered.run(PRIVATE.statement)
    for year in YEARS:
        scene = altered.scene(year, VIEWER)
        walk = await oracle_comparison.references(scene)
        assert walk.concealed["Offering.project"] == 1
        await agrees(scene)


async def test_a_role_on_a_removed_sub_project_shows_nothing(altered: Altered) -> None:
    altered.run(
        GRANTS["on sub-projects"].statement,
        "update marketplace_resourceproject set is_removed = true where id = 2",
    )
    scene = altered.scene(2026, VIEWER)
    assert len(scene.seen.of("Resource")) == 2
    await agrees(scene)
