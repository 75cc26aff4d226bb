"""Every filter field against what REST's parameter means in plain SQL (domain.md §5.1)."""

from typing import Any

import pytest
from graphql import is_list_type

from tests.schema.lists.expected_filters import KNOWN, TOLD, VIEWED
from tests.support.filter_queries import ITSELF, ROWS, expected, filtered, kind, read
from tests.support.marketplaces import Marketplace

MOMENTS = {
    "created": "{0}.created >=",
    "createdBefore": "{0}.created <=",
    "modified": "{0}.modified >=",
    "modifiedBefore": "{0}.modified <=",
}
NAMED = {"uuid": "{0}.uuid =", "nameExact": "{0}.name =", "slug": "{0}.slug ="}
COMPARED = {
    "resources": {
        **NAMED,
        **MOMENTS,
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
        **NAMED,
        **MOMENTS,
        "type": "o.type =",
        "shared": "o.shared =",
        "billable": "o.billable =",
        "categoryUuid": "category.uuid =",
        "customerUuid": "provider.uuid =",
        "projectUuid": "p.uuid =",
        "parentUuid": "parent.uuid =",
    },
    "orders": {
        "uuid": NAMED["uuid"],
        "created": MOMENTS["created"],
        "modified": MOMENTS["modified"],
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
        **NAMED,
        "customerUuid": "c.uuid =",
        "created": MOMENTS["created"],
        "createdBefore": MOMENTS["createdBefore"],
    },
    "customers": {
        **NAMED,
        "created": MOMENTS["created"],
        "createdBefore": MOMENTS["createdBefore"],
    },
}
"""For each filter field the column and the comparison; the values are those that rows have."""
STATED: list[tuple[str, dict[str, Any], str]] = [
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
    ("resources", {"not": {}}, "false"),
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


@pytest.mark.parametrize("root", COMPARED)
def test_every_filter_field_is_tested(root: str) -> None:
    stated = {name for where, wanted, _ in (*STATED, *TOLD) if where == root for name in wanted}
    stated |= {field for where, field, *_ in (*KNOWN, *VIEWED) if where == root}
    joined = {"and", "or", "not"}
    assert set(kind(root).fields) == {*COMPARED[root], *stated, *joined}


@pytest.mark.parametrize(
    ("root", "field"), [(root, field) for root, fields in COMPARED.items() for field in fields]
)
async def test_compares_as_rest_does(demo: Marketplace, root: str, field: str) -> None:
    condition = COMPARED[root][field].format(ITSELF[root])
    column = condition.rsplit(" ", 1)[0]
    values = read(
        demo.url,
        f"select v from (select distinct {column} v from {ROWS[root]}) s where v is not null"
        " order by v",
    )
    assert values, "no row has a value to compare with"
    for value in {values[0], values[len(values) // 2], values[-1]}:
        plain: Any = value if isinstance(value, (bool, str)) else str(value)
        given = [plain] if is_list_type(kind(root).fields[field].type) else plain
        wanted = expected(demo.url, root, f"{condition} %s", value)
        assert await filtered(demo, root, {field: given}) == wanted


@pytest.mark.parametrize(("root", "wanted", "condition"), STATED)
async def test_joins_and_searches(
    demo: Marketplace, root: str, wanted: dict[str, Any], condition: str
) -> None:
    assert await filtered(demo, root, wanted) == expected(demo.url, root, condition)


async def test_both_spellings_of_a_uuid_are_one(demo: Marketplace) -> None:
    (uuid,) = read(demo.url, "select uuid from marketplace_resource order by id limit 1")
    for spelling in (str(uuid), uuid.hex, uuid.hex.upper()):
        assert await filtered(demo, "resources", {"uuid": [spelling]}) == {uuid.hex}


async def test_a_list_is_no_text_with_commas(demo: Marketplace) -> None:
    """REST has lists of uuids and slugs in one text; here a comma is no more than a sign."""
    found = read(demo.url, "select uuid from marketplace_offering order by id limit 2")
    both = [each.hex for each in found]
    of_both = expected(demo.url, "resources", "o.uuid = any(%s)", found)
    assert await filtered(demo, "resources", {"offeringUuid": both}) == of_both
    (one, _), wanted = both, expected(demo.url, "resources", "o.uuid = %s", found[0])
    assert await filtered(demo, "resources", {"offeringUuid": one}) == wanted
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.refused(document, f={"offeringUuid": ",".join(both)})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "offeringUuid" in error["message"]
    slugs = read(demo.url, "select slug from marketplace_offering order by id limit 2")
    assert await filtered(demo, "resources", {"offeringSlug": slugs}) == of_both
    assert await filtered(demo, "resources", {"offeringSlug": ",".join(slugs)}) == set()


async def test_a_filter_may_be_deep_but_not_bottomless(demo: Marketplace) -> None:
    wanted: dict[str, Any] = {"paused": True}
    for _ in range(6):
        wanted = {"not": wanted}
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.refused(document, f=wanted)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"][0] == "filter"


async def test_a_text_that_is_too_long_to_look_for_is_refused(demo: Marketplace) -> None:
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.refused(document, f={"or": [{"name": "x" * 1001}]})
    assert error["extensions"]["argument"] == ["filter", "or", 0, "name"]
