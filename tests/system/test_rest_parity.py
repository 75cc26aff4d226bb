"""Parity with REST: GraphQL results equal stored responses of Waldur (October 2024)."""

import re
from decimal import Decimal
from typing import Any

import pytest

from gateway.auth.errors import UnauthenticatedError
from tests.support.marketplaces import Marketplace
from tests.support.rest_answers import FIELDS_PER_COMPONENT, REST_ANSWER_INDEX, load_answer_body
from tests.support.rest_comparison import (
    CATALOGUE_FIELDS,
    DETAIL_ANSWERS,
    LIST_ANSWERS,
    ORDER_FIELDS,
    RESOURCE_FIELDS,
    TEAM_MEMBER_FIELDS,
    compare_rows,
    load_offering_pairs,
    load_order_pairs,
    load_page_pairs,
    load_resource_pair,
    load_team_pairs,
    pair_by_uuid,
)

PERSPECTIVES = {"marketplace-resources": "CONSUMER", "marketplace-provider-resources": "PROVIDER"}
LIST_COUNTS = re.findall(
    r"^\w*list_\w+ +GET +200 n=\d+ +total=(\d+) +(\w+) +/api/([\w-]+)/\?page_size=50$",
    REST_ANSWER_INDEX,
    re.MULTILINE,
)
DETAIL_STATUSES = re.findall(
    r"^detail_\w+ +GET +(200|404) .* (\w+) +/api/([\w-]+)/([0-9a-fA-F-]{32,36})/\s",
    REST_ANSWER_INDEX,
    re.MULTILINE,
)
COUNTED_LISTS = {
    "list_fields": "resources(visibleAs: CONSUMER)",
    "list_query": 'resources(visibleAs: CONSUMER, query: "web")',
    "list_state_filter": "resources(visibleAs: CONSUMER, filter: { state: [OK, ERRED] })",
    "projects_staff": "projects",
    "offerings_staff": "offerings",
    "customers_staff": "customers",
}


def get_rest_count(name: str) -> int:
    """Return the total count in a stored REST response."""
    match = re.search(rf"^{name} .* total=(\d+) ", REST_ANSWER_INDEX, re.MULTILINE)
    assert match
    return int(match[1])


def test_many_counts_are_compared() -> None:
    assert len(LIST_COUNTS) == 22
    assert len(DETAIL_STATUSES) == 19


@pytest.mark.parametrize(("count", "username", "endpoint"), LIST_COUNTS)
async def test_resource_counts_per_perspective_match_rest(
    waldur: Marketplace, count: str, username: str, endpoint: str
) -> None:
    query = f"{{ resources(visibleAs: {PERSPECTIVES[endpoint]}) {{ totalCount }} }}"
    data = await waldur.fetch_data(query, username)
    assert data["resources"]["totalCount"] == int(count)


@pytest.mark.parametrize(("name", "field"), COUNTED_LISTS.items())
async def test_list_counts_match_rest(waldur: Marketplace, name: str, field: str) -> None:
    data = await waldur.fetch_data(f"{{ list: {field} {{ totalCount }} }}", "staff")
    assert data["list"]["totalCount"] == get_rest_count(name)


async def test_category_count_matches_rest(waldur: Marketplace) -> None:
    data = await waldur.fetch_data("{ categories { uuid } }", "staff")
    assert len(data["categories"]) == get_rest_count("categories_staff")


@pytest.mark.parametrize(("status", "username", "endpoint", "uuid"), DETAIL_STATUSES)
async def test_each_perspective_has_the_resources_of_rest(
    waldur: Marketplace, status: str, username: str, endpoint: str, uuid: str
) -> None:
    data = await waldur.fetch_data(
        """query($side: VisibleAs!, $uuid: UUID!) {
            resources(visibleAs: $side, filter: { uuid: [$uuid] }) { totalCount }
        }""",
        username,
        side=PERSPECTIVES[endpoint],
        uuid=uuid,
    )
    assert data["resources"]["totalCount"] == (1 if status == "200" else 0)


async def test_users_rejected_by_rest_are_rejected(waldur: Marketplace) -> None:
    with pytest.raises(UnauthenticatedError):
        await waldur.execute_query("{ resources { totalCount } }", "inactive_user")
    assert await waldur.viewer_loader.load_token_holder("0" * 40) is None
    data = await waldur.fetch_data("{ viewer { user { uuid } } resources { totalCount } }", None)
    assert data == {"viewer": None, "resources": {"totalCount": 0}}


@pytest.mark.parametrize("name", LIST_ANSWERS)
async def test_a_page_has_the_resources_and_fields_of_rest(waldur: Marketplace, name: str) -> None:
    pairs = await load_page_pairs(waldur, name)
    assert [row["uuid"] for row, _ in pairs] == [rest_row["uuid"] for _, rest_row in pairs]
    assert len(compare_rows(pairs, RESOURCE_FIELDS)) > 2500


@pytest.mark.parametrize("name", DETAIL_ANSWERS)
async def test_a_resource_has_the_fields_of_rest(waldur: Marketplace, name: str) -> None:
    assert len(compare_rows(await load_resource_pair(waldur, name), RESOURCE_FIELDS)) > 45


@pytest.mark.parametrize("name", DETAIL_ANSWERS)
async def test_orders_have_the_fields_of_rest(waldur: Marketplace, name: str) -> None:
    assert len(compare_rows(await load_order_pairs(waldur, name), ORDER_FIELDS)) > 20


async def test_a_team_has_the_members_of_rest(waldur: Marketplace) -> None:
    assert len(compare_rows(await load_team_pairs(waldur), TEAM_MEMBER_FIELDS)) == 16


async def test_lasting_limit_usage_matches_rest(waldur: Marketplace) -> None:
    """Usage of yearly limits is left out: it depended on the date of the REST responses."""
    compared_count = 0
    for name, (username, perspective) in LIST_ANSWERS.items():
        data = await waldur.fetch_data(
            f"""{{ resources(first: 50, visibleAs: {perspective}) {{ nodes {{
                limitUsage offering {{ components {{ type limitPeriod billingType }} }}
            }} }} }}""",
            username,
        )
        for row, rest_row in zip(data["resources"]["nodes"], load_answer_body(name), strict=True):
            assert (row["limitUsage"] is None) == (rest_row["limit_usage"] is None)
            components = row["offering"]["components"] if row["limitUsage"] else ()
            for component in components:
                is_limit = component["billingType"] == "LIMIT"
                if is_limit and component["limitPeriod"] in (None, "MONTH", "TOTAL"):
                    component_type = component["type"]
                    assert (
                        row["limitUsage"][component_type] == rest_row["limit_usage"][component_type]
                    ), component_type
                    compared_count += 1
    assert compared_count > 20


async def test_a_resource_has_the_plan_periods_of_rest(waldur: Marketplace) -> None:
    """REST has usages of its current month in a plan period; they are among all usages here."""
    (rest_period,) = load_answer_body("detail_plan_periods")
    data = await waldur.fetch_data(
        """query($uuid: UUID!) { resource(uuid: $uuid) {
            planPeriods { uuid plan { name uuid } start end }
            usages(from: "2026-11-01", to: "2026-11-01") {
                uuid usage description date recurring component { type name measuredUnit }
            }
        } }""",
        uuid=load_answer_body("detail_basic_options")["uuid"],
    )
    (period,) = data["resource"]["planPeriods"]
    assert period["uuid"] == rest_period["uuid"]
    assert period["plan"] == {"name": rest_period["plan_name"], "uuid": rest_period["plan_uuid"]}
    assert period["end"] == rest_period["end"]
    assert period["start"] == rest_period["start"]
    usages = {each["uuid"]: each for each in data["resource"]["usages"]}
    assert {*usages} == {each["uuid"] for each in rest_period["components"]}
    for rest_usage in rest_period["components"]:
        each = usages[rest_usage["uuid"]]
        assert [each["usage"], each["description"], each["recurring"]] == [
            rest_usage[name] for name in ("usage", "description", "recurring")
        ]
        assert list(each["component"].values()) == [
            rest_usage[name] for name in ("type", "name", "measured_unit")
        ]


async def test_the_catalogue_has_the_offerings_and_fields_of_rest(waldur: Marketplace) -> None:
    pairs = await load_offering_pairs(waldur)
    assert len(pairs) == get_rest_count("public_offerings_member")
    assert len(compare_rows(pairs, CATALOGUE_FIELDS)) > 900


async def test_plans_have_the_prices_and_amounts_of_rest(waldur: Marketplace) -> None:
    price_count = 0
    for offering, rest_offering in await load_offering_pairs(waldur):
        for plan, rest_plan in pair_by_uuid(offering["plans"], rest_offering["plans"]):
            components = {each["component"]["type"]: each for each in plan["components"]}
            for name, field in FIELDS_PER_COMPONENT.items():
                values_by_type = {each: to_decimal(components[each][field]) for each in components}
                assert values_by_type == {
                    each: to_decimal(value) for each, value in rest_plan[name].items()
                }, name
            price_count += len(components)
    assert price_count > 90


def to_decimal(value: Any) -> Decimal | None:
    """Return a number that is given as text or as a number; None stays None."""
    return None if value is None else Decimal(str(value))
