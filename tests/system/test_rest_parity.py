"""What a Waldur of October 2024 answered by REST, the gateway answers by GraphQL."""

import re
from decimal import Decimal
from typing import Any

import pytest

from gateway.auth.authenticator import UnauthenticatedError
from tests.support.marketplaces import Marketplace
from tests.support.rest_answers import INDEX, PER_COMPONENT, body
from tests.support.rest_comparison import (
    CATALOGUE,
    MEMBER_OF_TEAM,
    ORDER,
    PAGES,
    RESOURCE,
    SINGLE,
    offerings,
    orders,
    page,
    paired,
    same,
    single,
    team,
)

SIDES = {"marketplace-resources": "CONSUMER", "marketplace-provider-resources": "PROVIDER"}
LISTS = re.findall(
    r"^\w*list_\w+ +GET +200 n=\d+ +total=(\d+) +(\w+) +/api/([\w-]+)/\?page_size=50$",
    INDEX,
    re.MULTILINE,
)
DETAILS = re.findall(
    r"^detail_\w+ +GET +(200|404) .* (\w+) +/api/([\w-]+)/([0-9a-fA-F-]{32,36})/\s",
    INDEX,
    re.MULTILINE,
)
TOTALS = {
    "list_fields": "resources(visibleAs: CONSUMER)",
    "list_query": 'resources(visibleAs: CONSUMER, query: "web")',
    "list_state_filter": "resources(visibleAs: CONSUMER, filter: { state: [OK, ERRED] })",
    "projects_staff": "projects",
    "offerings_staff": "offerings",
    "customers_staff": "customers",
}


def total(name: str) -> int:
    """Give how many rows REST counted for a stored answer."""
    found = re.search(rf"^{name} .* total=(\d+) ", INDEX, re.MULTILINE)
    assert found
    return int(found[1])


def test_many_totals_are_compared() -> None:
    assert len(LISTS) == 22
    assert len(DETAILS) == 19


@pytest.mark.parametrize(("count", "username", "endpoint"), LISTS)
async def test_the_resources_of_a_side_are_as_many(
    waldur: Marketplace, count: str, username: str, endpoint: str
) -> None:
    query = f"{{ resources(visibleAs: {SIDES[endpoint]}) {{ totalCount }} }}"
    found = await waldur.data(query, username)
    assert found["resources"]["totalCount"] == int(count)


@pytest.mark.parametrize(("name", "field"), TOTALS.items())
async def test_a_list_is_as_long(waldur: Marketplace, name: str, field: str) -> None:
    found = await waldur.data(f"{{ list: {field} {{ totalCount }} }}", "staff")
    assert found["list"]["totalCount"] == total(name)


async def test_categories_are_as_many(waldur: Marketplace) -> None:
    found = await waldur.data("{ categories { uuid } }", "staff")
    assert len(found["categories"]) == total("categories_staff")


@pytest.mark.parametrize(("status", "username", "endpoint", "uuid"), DETAILS)
async def test_a_side_has_the_same_resources(
    waldur: Marketplace, status: str, username: str, endpoint: str, uuid: str
) -> None:
    found = await waldur.data(
        """query($side: VisibleAs!, $uuid: UUID!) {
            resources(visibleAs: $side, filter: { uuid: [$uuid] }) { totalCount }
        }""",
        username,
        side=SIDES[endpoint],
        uuid=uuid,
    )
    assert found["resources"]["totalCount"] == (1 if status == "200" else 0)


async def test_who_is_turned_away_there_is_turned_away_here(waldur: Marketplace) -> None:
    with pytest.raises(UnauthenticatedError):
        await waldur.ask("{ resources { totalCount } }", "inactive_user")
    assert await waldur.reader.holder("0" * 40) is None
    found = await waldur.data("{ viewer { user { uuid } } resources { totalCount } }", None)
    assert found == {"viewer": None, "resources": {"totalCount": 0}}


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_has_the_same_resources_and_fields(waldur: Marketplace, name: str) -> None:
    found = await page(waldur, name)
    assert [row["uuid"] for row, _ in found] == [rest["uuid"] for _, rest in found]
    assert len(same(found, RESOURCE)) > 2500


@pytest.mark.parametrize("name", SINGLE)
async def test_a_resource_has_the_same_fields(waldur: Marketplace, name: str) -> None:
    assert len(same(await single(waldur, name), RESOURCE)) > 45


@pytest.mark.parametrize("name", SINGLE)
async def test_its_orders_have_the_same_fields(waldur: Marketplace, name: str) -> None:
    assert len(same(await orders(waldur, name), ORDER)) > 20


async def test_a_team_has_the_same_people(waldur: Marketplace) -> None:
    assert len(same(await team(waldur), MEMBER_OF_TEAM)) == 16


async def test_limits_that_last_are_used_as_much(waldur: Marketplace) -> None:
    """What counts by the year, or by the month, was another on the day of REST's answers."""
    compared = 0
    for name, (username, side) in PAGES.items():
        found = await waldur.data(
            f"""{{ resources(first: 50, visibleAs: {side}) {{ nodes {{
                limitUsage offering {{ components {{ type limitPeriod billingType }} }}
            }} }} }}""",
            username,
        )
        for row, rest in zip(found["resources"]["nodes"], body(name), strict=True):
            assert (row["limitUsage"] is None) == (rest["limit_usage"] is None)
            components = [e for e in row["offering"]["components"] if e["billingType"] == "LIMIT"]
            for each in components if row["limitUsage"] else ():
                if each["limitPeriod"] in (None, "MONTH", "TOTAL"):
                    kind = each["type"]
                    assert row["limitUsage"][kind] == rest["limit_usage"][kind], kind
                    compared += 1
    assert compared > 20


async def test_a_resource_has_the_same_plan_periods(waldur: Marketplace) -> None:
    """What was used in them in the month of REST's answer is among all that was used."""
    (rest,) = body("detail_plan_periods")
    found = await waldur.data(
        """query($uuid: UUID!) { resource(uuid: $uuid) {
            planPeriods { uuid plan { name uuid } start end }
            usages(from: "2026-11-01", to: "2026-11-01") {
                uuid usage description date recurring component { type name measuredUnit }
            }
        } }""",
        uuid=body("detail_basic_options")["uuid"],
    )
    (ours,) = found["resource"]["planPeriods"]
    assert ours["uuid"] == rest["uuid"]
    assert ours["plan"] == {"name": rest["plan_name"], "uuid": rest["plan_uuid"]}
    assert ours["end"] == rest["end"]
    assert ours["start"] == rest["start"]
    usages = {each["uuid"]: each for each in found["resource"]["usages"]}
    assert {*usages} == {each["uuid"] for each in rest["components"]}
    for other in rest["components"]:
        each = usages[other["uuid"]]
        assert [each["usage"], each["description"], each["recurring"]] == [
            other[name] for name in ("usage", "description", "recurring")
        ]
        assert list(each["component"].values()) == [
            other[name] for name in ("type", "name", "measured_unit")
        ]


async def test_the_catalogue_has_the_same_offerings_and_fields(waldur: Marketplace) -> None:
    found = await offerings(waldur)
    assert len(found) == total("public_offerings_member")
    assert len(same(found, CATALOGUE)) > 900


async def test_plans_have_the_same_prices_and_amounts(waldur: Marketplace) -> None:
    prices = 0
    for offering, other in await offerings(waldur):
        for plan, rest in paired(offering["plans"], other["plans"]):
            components = {each["component"]["type"]: each for each in plan["components"]}
            for name, field in PER_COMPONENT.items():
                ours = {each: number(components[each][field]) for each in components}
                assert ours == {each: number(value) for each, value in rest[name].items()}, name
            prices += len(components)
    assert prices > 90


def number(value: Any) -> Decimal | None:
    """Give a number that is told as text or as a number; null stays null."""
    return None if value is None else Decimal(str(value))
