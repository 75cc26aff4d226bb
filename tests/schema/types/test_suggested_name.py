"""Suggested names of new resources compared with the tables (domain.md §5.19)."""

from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import Marketplace

SUGGESTED_NAME_QUERY = """query($project: UUID!, $offering: UUID!, $plan: UUID, $attributes: JSON) {
    suggestedResourceName(
        project: $project, offering: $offering, plan: $plan, attributes: $attributes
    )
}"""
PROJECT_OFFERINGS_SQL = """
select p.uuid, p.slug, p.name, c.slug, o.uuid, o.slug, count(r.id), count(r.id) filter (
    where r.state = 6)
from structure_project p join structure_customer c on c.id = p.customer_id
cross join marketplace_offering o
left join marketplace_resource r on r.project_id = p.id and r.offering_id = o.id
where not p.is_removed and o.{}
group by p.id, c.id, o.id order by count(r.id) desc, p.id
"""
NO_PATTERN_CONDITION = "plugin_options ->> 'resource_name_pattern' is null"


def load_project_offerings(marketplace: Marketplace, condition: str) -> list[tuple[Any, ...]]:
    """Return pairs of project and offering with their number of resources, most resources first."""
    with psycopg.connect(marketplace.url) as connection:
        return connection.execute(PROJECT_OFFERINGS_SQL.format(condition).encode()).fetchall()


async def suggest_name(
    marketplace: Marketplace,
    project_offering: tuple[Any, ...],
    username: str | None = "staff",
    **variables: Any,
) -> Any:
    arguments = {
        "project": project_offering[0].hex,
        "offering": project_offering[4].hex,
        **variables,
    }
    return (await marketplace.fetch_data(SUGGESTED_NAME_QUERY, username, **arguments))[
        "suggestedResourceName"
    ]


async def test_default_names_consist_of_the_slugs(demo: Marketplace) -> None:
    project_offerings = load_project_offerings(demo, NO_PATTERN_CONDITION)
    terminated = [each for each in project_offerings if each[6] == each[7] > 0]
    for project_offering in (*project_offerings[:5], *terminated[:3], *project_offerings[-5:]):
        _, project, _, customer, _, offering, resource_count, _ = project_offering
        number = f"-{resource_count + 1}" if resource_count else ""
        assert (
            await suggest_name(demo, project_offering) == f"{customer}-{project}-{offering}{number}"
        )
    assert terminated
    assert project_offerings[0][6] > 1
    assert project_offerings[-1][6] == 0


async def test_resources_of_other_users_count(demo: Marketplace) -> None:
    """A project member who sees few resources gets the same number as staff."""
    projects = (await demo.fetch_data("{ projects { nodes { uuid } } }", "resource_user"))[
        "projects"
    ]
    own_uuids = {each["uuid"] for each in projects["nodes"]}
    project_offering = next(
        each
        for each in load_project_offerings(demo, "shared and o.state = 2")
        if each[0].hex in own_uuids
    )
    resources = (await demo.fetch_data("{ resources { totalCount } }", "resource_user"))[
        "resources"
    ]
    assert project_offering[6] > resources["totalCount"]
    assert await suggest_name(demo, project_offering, "resource_user") == await suggest_name(
        demo, project_offering
    )


@pytest.mark.parametrize(
    ("offering", "has_resources", "variables", "expected"),
    [
        ("Aurora Supercomputer", True, {}, "{project}-hpc-{number}"),
        ("Aurora Supercomputer", False, {}, "{project}-hpc"),
        ("Research object storage", True, {}, "{customer}.-{number:03}"),
        (
            "Research object storage",
            False,
            {"attributes": {"purpose": "Große Daten!", "tier": "hot"}},
            "{customer}.gro-e-daten-000",
        ),
        ("Managed databases", True, {}, "db-{name}-{number}"),
        ("Managed databases", False, {"plan": "Pilot"}, "db-{name}-pilot"),
    ],
)
async def test_names_follow_the_pattern_of_the_provider(
    demo: Marketplace, offering: str, has_resources: bool, variables: dict[str, Any], expected: str
) -> None:
    project_offerings = load_project_offerings(demo, f"name = '{offering}'")
    project_offering = next(each for each in project_offerings if bool(each[6]) is has_resources)
    _, project, name, customer, *_ = project_offering
    if "plan" in variables:
        plans = "query($o: UUID!) { offering(uuid: $o) { plans { uuid name } } }"
        data = await demo.fetch_data(plans, o=project_offering[4].hex)
        uuids = {each["name"]: each["uuid"] for each in data["offering"]["plans"]}
        variables = {"plan": uuids[variables["plan"]]}
    placeholders = {"project": project, "customer": customer, "number": project_offering[6] + 1}
    slug = "-".join(
        "".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split()
    )
    assert await suggest_name(demo, project_offering, **variables) == expected.format(
        **placeholders, name=slug
    )


async def test_names_match_rest_in_2024(waldur: Marketplace) -> None:
    """REST suggested `…-4` after one of the four stored resources had been moved away."""
    arguments = {
        "project": "a8eb52f1627d439f9f8adf39c199c0a9",
        "offering": "917737a9808a4c9598b73688207c5c52",
    }
    data = await waldur.fetch_data(SUGGESTED_NAME_QUERY, **arguments, attributes={"x": 1})
    assert data == {"suggestedResourceName": "baltic-h-1-oko-andm-1-managed-po-1-5"}


async def test_waldur_2024_numbers_the_first_resource(waldur: Marketplace) -> None:
    _, project, _, customer, _, offering, resource_count, _ = project_offering = (
        load_project_offerings(waldur, "id > 0")[-1]
    )
    assert resource_count == 0
    assert await suggest_name(waldur, project_offering) == f"{customer}-{project}-{offering}-1"


@pytest.mark.parametrize(
    "attributes", [[], ["x"], "x", 5, True, {"x": "y" * 60_000, "z": "y" * 60_000}, {"x": "\ud800"}]
)
async def test_invalid_attributes_are_refused(demo: Marketplace, attributes: Any) -> None:
    arguments = {"project": "0" * 32, "offering": "0" * 32, "attributes": attributes}
    error = await demo.fetch_error(SUGGESTED_NAME_QUERY, **arguments)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["attributes"]}
    assert error["path"] == ["suggestedResourceName"]


@pytest.mark.parametrize("name", ["project", "offering", "plan"])
@pytest.mark.parametrize("value", ["x", "0" * 31, 5, None])
async def test_invalid_uuids_are_refused(demo: Marketplace, name: str, value: Any) -> None:
    arguments = {"project": "0" * 32, "offering": "0" * 32, name: value}
    if (name, value) == ("plan", None):
        assert await demo.fetch_data(SUGGESTED_NAME_QUERY, **arguments) == {
            "suggestedResourceName": None
        }
    else:
        error = await demo.fetch_error(SUGGESTED_NAME_QUERY, **arguments)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_suggested_name_takes_one_statement(demo: Marketplace) -> None:
    await suggest_name(demo, load_project_offerings(demo, NO_PATTERN_CONDITION)[0])
    assert len(demo.database.recorded_sql) == 1
