"""What new resources could be called, compared with what the tables say (domain.md §5.19)."""

from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import Marketplace

QUERY = """query($project: UUID!, $offering: UUID!, $plan: UUID, $attributes: JSON) {
    suggestedResourceName(
        project: $project, offering: $offering, plan: $plan, attributes: $attributes
    )
}"""
PLACES = """
select p.uuid, p.slug, p.name, c.slug, o.uuid, o.slug, count(r.id), count(r.id) filter (
    where r.state = 6)
from structure_project p join structure_customer c on c.id = p.customer_id
cross join marketplace_offering o
left join marketplace_resource r on r.project_id = p.id and r.offering_id = o.id
where not p.is_removed and o.{}
group by p.id, c.id, o.id order by count(r.id) desc, p.id
"""
PLAIN = "plugin_options ->> 'resource_name_pattern' is null"


def places(at: Marketplace, condition: str) -> list[tuple[Any, ...]]:
    """Give projects and offerings, with how many resources of these those have."""
    with psycopg.connect(at.url) as connection:
        return connection.execute(PLACES.format(condition).encode()).fetchall()


async def named(
    at: Marketplace, place: tuple[Any, ...], as_: str | None = "staff", **more: Any
) -> Any:
    given = {"project": place[0].hex, "offering": place[4].hex, **more}
    return (await at.data(QUERY, as_, **given))["suggestedResourceName"]


async def test_without_a_pattern_it_is_named_after_where_it_will_be(demo: Marketplace) -> None:
    found = places(demo, PLAIN)
    terminated = [each for each in found if each[6] == each[7] > 0]
    for place in (*found[:5], *terminated[:3], *found[-5:]):
        _, project, _, customer, _, offering, there, _ = place
        number = f"-{there + 1}" if there else ""
        assert await named(demo, place) == f"{customer}-{project}-{offering}{number}"
    assert terminated
    assert found[0][6] > 1
    assert found[-1][6] == 0


async def test_all_resources_count_whoever_sees_them(demo: Marketplace) -> None:
    """A member of one project sees the offering, and nothing of what others made."""
    seen = (await demo.data("{ projects { nodes { uuid } } }", "resource_user"))["projects"]
    mine = {each["uuid"] for each in seen["nodes"]}
    place = next(each for each in places(demo, "shared and o.state = 2") if each[0].hex in mine)
    found = (await demo.data("{ resources { totalCount } }", "resource_user"))["resources"]
    assert place[6] > found["totalCount"]
    assert await named(demo, place, "resource_user") == await named(demo, place)


@pytest.mark.parametrize(
    ("offering", "there", "more", "expected"),
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
async def test_a_provider_says_how_they_are_named(
    demo: Marketplace, offering: str, there: bool, more: dict[str, Any], expected: str
) -> None:
    found = places(demo, f"name = '{offering}'")
    place = next(each for each in found if bool(each[6]) is there)
    _, project, name, customer, *_ = place
    if "plan" in more:
        plans = "query($o: UUID!) { offering(uuid: $o) { plans { uuid name } } }"
        answer = await demo.data(plans, o=place[4].hex)
        uuids = {each["name"]: each["uuid"] for each in answer["offering"]["plans"]}
        more = {"plan": uuids[more["plan"]]}
    words = {"project": project, "customer": customer, "number": place[6] + 1}
    tidy = "-".join(
        "".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split()
    )
    assert await named(demo, place, **more) == expected.format(**words, name=tidy)


async def test_rest_named_it_the_same_in_2024(waldur: Marketplace) -> None:
    """REST gave `…-4` after one of the four resources that are stored here was moved away."""
    given = {
        "project": "a8eb52f1627d439f9f8adf39c199c0a9",
        "offering": "917737a9808a4c9598b73688207c5c52",
    }
    found = await waldur.data(QUERY, **given, attributes={"x": 1})
    assert found == {"suggestedResourceName": "baltic-h-1-oko-andm-1-managed-po-1-5"}


async def test_in_2024_the_first_has_a_number_too(waldur: Marketplace) -> None:
    _, project, _, customer, _, offering, there, _ = place = places(waldur, "id > 0")[-1]
    assert there == 0
    assert await named(waldur, place) == f"{customer}-{project}-{offering}-1"


@pytest.mark.parametrize(
    "attributes", [[], ["x"], "x", 5, True, {"x": "y" * 100_001}, {"x": "\ud800"}]
)
async def test_what_is_no_form_is_refused(demo: Marketplace, attributes: Any) -> None:
    given = {"project": "0" * 32, "offering": "0" * 32, "attributes": attributes}
    error = await demo.refused(QUERY, **given)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["attributes"]}
    assert error["path"] == ["suggestedResourceName"]


@pytest.mark.parametrize("name", ["project", "offering", "plan"])
@pytest.mark.parametrize("value", ["x", "0" * 31, 5, None])
async def test_what_is_no_uuid_is_refused(demo: Marketplace, name: str, value: Any) -> None:
    given = {"project": "0" * 32, "offering": "0" * 32, name: value}
    if (name, value) == ("plan", None):
        assert await demo.data(QUERY, **given) == {"suggestedResourceName": None}
    else:
        error = await demo.refused(QUERY, **given)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_it_takes_one_statement(demo: Marketplace) -> None:
    await named(demo, places(demo, PLAIN)[0])
    assert len(demo.database.asked) == 1
