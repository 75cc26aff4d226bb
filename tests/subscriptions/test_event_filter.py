"""Which events a filter lets through, and that it tells nothing of what the viewer can't see."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
import pytest

from gateway.execution.executor import Answer
from gateway.execution.graphql_request import Asking
from gateway.schema.framework.errors import BadInputError
from tests.subscriptions.follower import DOCUMENT, PUT, Following, kinds

FIRST, SECOND = 2001, 2002
CHANGES = (
    (FIRST, "project_id = 1"),
    (FIRST, "state = 6"),
    (FIRST, "name = 'x'"),
    (FIRST, "project_id = 2"),
    (FIRST, "offering_id = 18"),
    (FIRST, "project_id = 26"),
    (SECOND, "project_id = 3"),
)
"""Of two resources of the offering 1 that are in the project 26 at first, where the owner of the
projects 1 to 7, which are of the organisation 5, does not see them. In the end the second is
deleted."""
KINDS = (
    "CREATED",
    "STATE_CHANGED",
    "UPDATED",
    "UPDATED",
    "UPDATED",
    "HIDDEN",
    "CREATED",
    "DELETED",
)
"""As what the owner is told of that."""
ALL = "01234567"
EXPECTED: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({}, ALL),
    ({"uuids": [FIRST]}, "012345"),
    ({"uuids": [SECOND]}, "67"),
    ({"uuids": [FIRST, SECOND, SECOND]}, ALL),
    ({"uuids": []}, ""),
    ({"uuids": None}, ALL),
    ({"project": 1}, "0123"),
    ({"project": 2}, "345"),
    ({"project": 3}, "67"),
    ({"project": 26}, ""),
    ({"project": None}, ALL),
    ({"customer": 5}, ALL),
    ({"customer": 12}, ""),
    ({"customer": None}, ALL),
    ({"offering": 1}, "0123467"),
    ({"offering": 18}, "45"),
    ({"offering": 2}, ""),
    ({"offering": None}, ALL),
    ({"states": ["OK"]}, "067"),
    ({"states": ["TERMINATED"]}, "12345"),
    ({"states": ["OK", "TERMINATED"]}, ALL),
    ({"states": ["ERRED"]}, ""),
    ({"states": []}, ""),
    ({"states": None}, ALL),
    ({"kinds": ["CREATED"]}, "06"),
    ({"kinds": ["STATE_CHANGED"]}, "1"),
    ({"kinds": ["UPDATED"]}, "234"),
    ({"kinds": ["HIDDEN"]}, "5"),
    ({"kinds": ["DELETED", "HIDDEN"]}, "57"),
    ({"kinds": []}, ""),
    ({"kinds": None}, ALL),
    ({"uuids": [FIRST], "kinds": ["UPDATED", "DELETED"]}, "234"),
    ({"project": 2, "offering": 1}, "34"),
    ({"project": 1, "offering": 18}, ""),
    ({"project": 1, "customer": 5, "states": ["OK"]}, "0"),
    ({"project": 1, "customer": 12}, ""),
    ({"customer": 5, "states": ["TERMINATED"], "kinds": ["HIDDEN", "STATE_CHANGED"]}, "15"),
    (
        {
            "uuids": [FIRST],
            "project": 2,
            "customer": 5,
            "offering": 18,
            "states": ["TERMINATED"],
            "kinds": ["HIDDEN"],
        },
        "5",
    ),
)
TABLES = {
    "uuids": "marketplace_resource",
    "project": "structure_project",
    "customer": "structure_customer",
    "offering": "marketplace_offering",
}


def named(demo: Following, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Write uuids instead of ids."""
    found = dict(wanted)
    for name in TABLES.keys() & {name for name, value in wanted.items() if value is not None}:
        given = wanted[name]
        many = [demo.uuid(TABLES[name], each) for each in (given if name == "uuids" else [given])]
        found[name] = many if name == "uuids" else many[0]
    return found


async def test_each_field_of_a_filter_counts_alone_and_with_others(demo: Following) -> None:
    for id_ in (FIRST, SECOND):
        demo.sql(PUT, id_, 26, 1)
    await demo.settled()
    filters = [named(demo, wanted) for wanted, _ in EXPECTED]
    followers = [await demo.follow("owner", filter=each) for each in filters]
    for id_, change in CHANGES:
        demo.sql(f"update marketplace_resource set {change} where id = %s", id_)
    demo.sql("delete from marketplace_resource where id = %s", SECOND)
    everything, *told = await demo.told(*followers)
    assert tuple(kinds(everything)) == KINDS
    for (wanted, expected), found in zip(EXPECTED[1:], told, strict=True):
        assert found == [everything[int(number)] for number in expected], wanted
    for each in followers:
        each.end()


async def test_a_filter_wants_what_a_query_by_the_same_place_shows(demo: Following) -> None:
    """Whoever sees a resource by one side may know where it is on the other."""
    looks = [
        (who, name, id_)
        for who in ("staff", "owner", "member", "provider", "service_manager", "resource_user")
        for name, ids in (("project", (1, 8, 26)), ("customer", (5, 6, 12)), ("offering", (1, 7)))
        for id_ in ids
    ]
    filters = [named(demo, {name: id_}) for _, name, id_ in looks]
    followers = [
        await demo.follow(look[0], filter=each) for look, each in zip(looks, filters, strict=True)
    ]
    demo.sql("update marketplace_resource set name = left(name, 40) || 'f'")
    told = await demo.told(*followers)
    assert any(told)
    for look, wanted, found in zip(looks, filters, told, strict=True):
        assert {each["uuid"] for each in found} == await listed(demo, look[0], wanted), look
    for each in followers:
        each.end()


async def listed(demo: Following, who: str, wanted: Mapping[str, str]) -> set[str]:
    """Give the uuids of the resources that a query lists which are at a place."""
    ((name, uuid),) = wanted.items()
    value = f'["{uuid}"]' if name == "offering" else f'"{uuid}"'
    wanted_there = f"first: 300, filter: {{ {name}Uuid: {value} }}"
    document = f"{{ resources({wanted_there}) {{ nodes {{ uuid }} }} }}"
    context = demo.service._context(await demo.viewer(who))
    answer = await demo.service._answering.answer(Asking(document, None), context)
    nodes = msgspec.json.decode(answer.encoded())["data"]["resources"]["nodes"]
    return {each["uuid"] for each in nodes}


HIDDEN_PLACES: tuple[Mapping[str, int], ...] = (
    {"project": 8},
    {"customer": 6},
    {"offering": 7},
)
SEEN_PLACES: tuple[Mapping[str, int], ...] = ({"project": 1}, {"customer": 5}, {"offering": 1})


async def test_a_filter_by_what_is_hidden_tells_nothing(demo: Following) -> None:
    id_ = 2003
    demo.sql(PUT, id_, 8, 7)
    await demo.settled()
    hidden = [await demo.follow("member", filter=named(demo, each)) for each in HIDDEN_PLACES]
    seen = [await demo.follow("member", filter=named(demo, each)) for each in SEEN_PLACES]
    for project, offering in ((1, 1), (8, 7)):
        place = "project_id = %s, offering_id = %s where id = %s"
        demo.sql(f"update marketplace_resource set {place}", project, offering, id_)
    assert await demo.told(*hidden) == [[], [], []]
    assert [kinds(each) for each in await demo.told(*seen)] == [["CREATED", "HIDDEN"]] * 3
    for each in (*hidden, *seen):
        each.end()


@pytest.mark.parametrize("spelling", [str, lambda each: str(each).upper(), lambda each: each.hex])
async def test_uuids_may_be_spelled_both_ways(demo: Following, spelling: Any) -> None:
    uuid = spelling(UUID(demo.uuid("marketplace_resource", 1)))
    project = spelling(UUID(demo.uuid("structure_project", 1)))
    followers = [
        await demo.follow(filter={"uuids": [uuid]}),
        await demo.follow(filter={"uuids": [uuid], "project": project}),
        await demo.follow(filter={"uuids": uuid}),
    ]
    demo.sql("update marketplace_resource set name = left(name, 40) || 'u' where id in (1, 2)")
    for told in await demo.told(*followers):
        assert [each["uuid"] for each in told] == [UUID(uuid).hex]
    for each in followers:
        each.end()


async def test_so_many_uuids_are_taken_and_not_more(demo: Following) -> None:
    many = [f"{number:032x}" for number in range(301)]
    running = await demo.follow(filter={"uuids": many[:300]})
    running.end()
    with pytest.raises(BadInputError) as refused:
        await demo.follow(filter={"uuids": many})
    assert refused.value.extensions == {
        "code": "BAD_USER_INPUT",
        "argument": ["filter", "uuids"],
    }
    assert demo.subscriptions.admission.count == 0


@pytest.mark.parametrize(
    "wrong", [{"uuids": ["x"]}, {"project": "x"}, {"kinds": ["GONE"]}, {"states": [2]}, {"at": 1}]
)
async def test_what_makes_no_sense_is_refused(demo: Following, wrong: Mapping[str, Any]) -> None:
    asking = Asking(DOCUMENT, {"filter": wrong}, None, "x")
    answer = demo.service._answering.subscription(asking)
    assert isinstance(answer, Answer)
    assert answer.refused
    (error,) = answer.response["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
