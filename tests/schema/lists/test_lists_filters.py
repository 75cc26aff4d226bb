"""Every filter field against REST's semantics in plain SQL (domain.md §5.1)."""

from typing import Any

import pytest
from graphql import is_list_type

from tests.schema.lists.expected_filters import (
    UUID_FILTER_CASES,
    VALUE_FILTER_CASES,
    VIEWER_FILTER_CASES,
)
from tests.support.filter_queries import (
    FROM_CLAUSES,
    TABLE_ALIASES,
    get_filter_type,
    list_filtered_uuids,
    select_expected_uuids,
    select_first_column,
)
from tests.support.marketplaces import Marketplace

MOMENT_COMPARISONS = {
    "created": "{0}.created >=",
    "createdBefore": "{0}.created <=",
    "modified": "{0}.modified >=",
    "modifiedBefore": "{0}.modified <=",
}
NAME_COMPARISONS = {"uuid": "{0}.uuid =", "nameExact": "{0}.name =", "slug": "{0}.slug ="}
COMPARISONS_BY_LIST = {
    "resources": {
        **NAME_COMPARISONS,
        **MOMENT_COMPARISONS,
        "backendId": "nullif(r.backend_id, '') =",
        "endDate": "r.end_date >=",
        "endDateBefore": "r.end_date <=",
        "downscaled": "r.downscaled =",
        "paused": "r.paused =",
        "restrictMemberAccess": "r.restrict_member_access =",
        "hasTerminateDate": "(r.end_date is not null) =",
        "offeringUuid": "o.uuid =",
        "offeringSlug": "o.slug =",
        "offeringType": "o.type =",
        "offeringBillable": "o.billable =",
        "offeringShared": "o.shared =",
        "parentOfferingUuid": "parent.uuid =",
        "planUuid": "plan.uuid =",
        "projectUuid": "p.uuid =",
        "projectName": "p.name =",
        "customerUuid": "c.uuid =",
        "providerUuid": "provider.uuid =",
        "categoryUuid": "category.uuid =",
    },
    "offerings": {
        **NAME_COMPARISONS,
        **MOMENT_COMPARISONS,
        "type": "o.type =",
        "shared": "o.shared =",
        "billable": "o.billable =",
        "categoryUuid": "category.uuid =",
        "customerUuid": "provider.uuid =",
        "projectUuid": "p.uuid =",
        "parentUuid": "parent.uuid =",
    },
    "orders": {
        "uuid": NAME_COMPARISONS["uuid"],
        "created": MOMENT_COMPARISONS["created"],
        "modified": MOMENT_COMPARISONS["modified"],
        "resourceUuid": "r.uuid =",
        "offeringUuid": "o.uuid =",
        "offeringSlug": "o.slug =",
        "offeringType": "o.type =",
        "parentOfferingUuid": "parent.uuid =",
        "projectUuid": "p.uuid =",
        "customerUuid": "c.uuid =",
        "providerUuid": "provider.uuid =",
        "categoryUuid": "category.uuid =",
    },
    "projects": {
        **NAME_COMPARISONS,
        "customerUuid": "c.uuid =",
        "created": MOMENT_COMPARISONS["created"],
        "createdBefore": MOMENT_COMPARISONS["createdBefore"],
    },
    "customers": {
        **NAME_COMPARISONS,
        "created": MOMENT_COMPARISONS["created"],
        "createdBefore": MOMENT_COMPARISONS["createdBefore"],
    },
}
"""Column and comparison of each filter field; tests compare with values that rows have."""
SQL_FILTER_CASES: list[tuple[str, dict[str, Any], str]] = [
    ("resources", {"name": "TEST"}, "r.name ilike '%test%'"),
    ("resources", {"name": "%"}, "strpos(r.name, '%') > 0"),
    ("resources", {"name": "_"}, "strpos(r.name, '_') > 0"),
    ("resources", {"name": "\\"}, "strpos(r.name, '\\') > 0"),
    ("resources", {"state": ["OK", "ERRED"]}, "r.state in (2, 3)"),
    ("resources", {"state": []}, "false"),
    ("resources", {"state": None, "name": None}, "true"),
    ("resources", {"paused": True, "name": "a"}, "r.paused and r.name ilike '%a%'"),
    ("resources", {"or": [{"paused": True}, {"name": "a"}]}, "r.paused or r.name ilike '%a%'"),
    ("resources", {"or": []}, "false"),
    ("resources", {"and": []}, "true"),
    ("resources", {"and": [{"state": ["OK"]}, {"state": ["ERRED"]}]}, "false"),
    ("resources", {"not": {"paused": True}}, "not r.paused"),
    ("resources", {"not": {"endDate": "2026-01-01"}}, "(r.end_date >= '2026-01-01') is not true"),
    ("resources", {"not": {"or": []}}, "true"),
    ("resources", {"or": [{"or": []}, {"paused": True, "and": []}]}, "r.paused"),
    (
        "resources",
        {"or": [{"not": {"or": [{"paused": True}, {"downscaled": True}]}}, {"state": ["OK"]}]},
        "not (r.paused or r.downscaled) or r.state = 2",
    ),
    ("offerings", {"name": "CLOUD"}, "o.name ilike '%cloud%'"),
    ("offerings", {"description": "A"}, "o.description ilike '%a%'"),
    ("offerings", {"state": ["DRAFT", "PAUSED"]}, "o.state in (1, 3)"),
    ("orders", {"state": ["ERRED"]}, "d.state = 4"),
    ("orders", {"state": ["PENDING_CONSUMER", "DONE"]}, "d.state in (1, 3)"),
    ("orders", {"type": ["TERMINATE", "RESTORE"]}, "d.type in (3, 4)"),
    ("orders", {"resourceName": "TEST"}, "r.name ilike '%test%'"),
    ("orders", {"resourceName": "%"}, "strpos(r.name, '%') > 0"),
    (
        "orders",
        {"not": {"or": [{"state": ["DONE"]}, {"resourceName": "a"}]}},
        "(d.state = 3 or r.name ilike '%a%') is not true",
    ),
    ("projects", {"name": "E"}, "p.name ilike '%e%'"),
    ("customers", {"name": "A"}, "c.name ilike '%a%'"),
]


@pytest.mark.parametrize("root", COMPARISONS_BY_LIST)
def test_every_filter_field_is_tested(root: str) -> None:
    case_fields = {
        name
        for list_name, filter_value, _ in (*SQL_FILTER_CASES, *VALUE_FILTER_CASES)
        if list_name == root
        for name in filter_value
    }
    case_fields |= {
        field
        for list_name, field, *_ in (*UUID_FILTER_CASES, *VIEWER_FILTER_CASES)
        if list_name == root
    }
    operators = {"and", "or", "not"}
    assert set(get_filter_type(root).fields) == {
        *COMPARISONS_BY_LIST[root],
        *case_fields,
        *operators,
    }


@pytest.mark.parametrize(
    ("root", "field"),
    [(root, field) for root, fields in COMPARISONS_BY_LIST.items() for field in fields],
)
async def test_each_field_compares_as_rest_does(demo: Marketplace, root: str, field: str) -> None:
    condition = COMPARISONS_BY_LIST[root][field].format(TABLE_ALIASES[root])
    column = condition.rsplit(" ", 1)[0]
    values = select_first_column(
        demo.url,
        f"""select v from (select distinct {column} v from {FROM_CLAUSES[root]}) s
            where v is not null order by v""",
    )
    assert values, "no row has a value to compare with"
    for value in {values[0], values[len(values) // 2], values[-1]}:
        literal: Any = value if isinstance(value, (bool, str)) else str(value)
        filter_value = (
            [literal] if is_list_type(get_filter_type(root).fields[field].type) else literal
        )
        expected_uuids = select_expected_uuids(demo.url, root, f"{condition} %s", value)
        assert await list_filtered_uuids(demo, root, {field: filter_value}) == expected_uuids


@pytest.mark.parametrize(("root", "filter_value", "condition"), SQL_FILTER_CASES)
async def test_filters_match_their_sql_conditions(
    demo: Marketplace, root: str, filter_value: dict[str, Any], condition: str
) -> None:
    assert await list_filtered_uuids(demo, root, filter_value) == select_expected_uuids(
        demo.url, root, condition
    )


async def test_both_spellings_of_a_uuid_are_one(demo: Marketplace) -> None:
    (uuid,) = select_first_column(
        demo.url, "select uuid from marketplace_resource order by id limit 1"
    )
    for spelling in (str(uuid), uuid.hex, uuid.hex.upper()):
        assert await list_filtered_uuids(demo, "resources", {"uuid": [spelling]}) == {uuid.hex}


async def test_lists_are_not_comma_separated_text(demo: Marketplace) -> None:
    """REST has lists as comma-separated text; here a comma has no special meaning."""
    offering_uuids = select_first_column(
        demo.url, "select uuid from marketplace_offering order by id limit 2"
    )
    both = [each.hex for each in offering_uuids]
    expected_of_both = select_expected_uuids(
        demo.url, "resources", "o.uuid = any(%s)", offering_uuids
    )
    assert await list_filtered_uuids(demo, "resources", {"offeringUuid": both}) == expected_of_both
    (one, _), expected_of_one = (
        both,
        select_expected_uuids(demo.url, "resources", "o.uuid = %s", offering_uuids[0]),
    )
    assert await list_filtered_uuids(demo, "resources", {"offeringUuid": one}) == expected_of_one
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.fetch_error(document, f={"offeringUuid": ",".join(both)})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "offeringUuid" in error["message"]
    slugs = select_first_column(
        demo.url, "select slug from marketplace_offering order by id limit 2"
    )
    assert await list_filtered_uuids(demo, "resources", {"offeringSlug": slugs}) == expected_of_both
    assert await list_filtered_uuids(demo, "resources", {"offeringSlug": ",".join(slugs)}) == set()


async def test_filter_depth_is_limited(demo: Marketplace) -> None:
    filter_value: dict[str, Any] = {"paused": True}
    for _ in range(6):
        filter_value = {"not": filter_value}
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.fetch_error(document, f=filter_value)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"][0] == "filter"


async def test_too_long_filter_text_is_rejected(demo: Marketplace) -> None:
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.fetch_error(document, f={"or": [{"name": "x" * 1001}]})
    assert error["extensions"]["argument"] == ["filter", "or", 0, "name"]
