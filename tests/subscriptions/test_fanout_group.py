"""An event is worked out once for all who ask alike and see the same, and not more often."""

from itertools import count

import pytest

from tests.subscriptions.follower import DOCUMENT, Following, kinds

CHANGE = "update marketplace_resource set name = name || 'x' where id = 1"
PERSONAL = """subscription { resourceChanged { ... on ResourceEvent {
    kind resource { uuid canTerminate }
} } }"""
_names = count()


@pytest.fixture
def document() -> str:
    """Give a document that nobody asked yet."""
    return f"{DOCUMENT} # {next(_names)}"


def worked_out(demo: Following) -> int:
    """Give how many answers there were so far."""
    return demo.service._answering.counts.total()


async def test_many_cost_what_one_costs(demo: Following, document: str) -> None:
    everybody = [await demo.follow("staff", document) for _ in range(40)]
    assert len(demo.hub.groups) == 1
    before = worked_out(demo)
    for _ in range(10):
        demo.sql(CHANGE)
    told = await demo.told(*everybody)
    assert worked_out(demo) - before == 10
    assert kinds(told[0]) == ["UPDATED"] * 10
    assert told == [told[0]] * 40
    for each in everybody:
        each.end()
    assert demo.hub.groups == {}


async def test_who_they_are_does_not_matter_if_they_see_the_same(
    demo: Following, document: str
) -> None:
    staff, support, again = [
        await demo.follow(who, document) for who in ("staff", "support", "staff")
    ]
    owner = await demo.follow("owner", document)
    assert staff._group is again._group
    assert len({id(each._group) for each in (staff, support, owner)}) == 3
    before = worked_out(demo)
    demo.sql(CHANGE)
    told = await demo.told(staff, support, again, owner)
    assert worked_out(demo) - before == 3
    assert told == [told[0]] * 4
    for each in (staff, support, again, owner):
        each.end()


async def test_where_one_started_does_not_matter(demo: Following, document: str) -> None:
    cursor = demo.cursor()
    demo.sql(CHANGE)
    await demo.settled()
    late, early = (
        await demo.follow("staff", document),
        await demo.follow("staff", document, after=cursor),
    )
    assert late._group is early._group
    demo.sql(CHANGE)
    told = await demo.told(late, early)
    assert [len(each) for each in told] == [1, 2]
    assert told[0] == told[1][1:]
    late.end()
    early.end()


async def test_what_else_is_asked_matters(demo: Following, document: str) -> None:
    filters = [{}, {"kinds": ["UPDATED"]}, {"kinds": ["DELETED"]}]
    followers = [await demo.follow("staff", document, filter=each) for each in filters]
    other = await demo.follow("staff", document + "!")
    assert len(demo.hub.groups) == 4
    demo.sql(CHANGE)
    told = await demo.told(*followers, other)
    assert [len(each) for each in told] == [1, 1, 0, 1]
    for each in (*followers, other):
        each.end()


async def test_what_is_personal_is_worked_out_for_each(demo: Following) -> None:
    who = ("owner", "member", "member")
    followers = [await demo.follow(each, PERSONAL) for each in who]
    owner, member, again = followers
    assert member._group is again._group is not owner._group
    before = worked_out(demo)
    demo.sql(CHANGE)
    told = await demo.told(*followers)
    assert worked_out(demo) - before == 2
    may = [each[0]["resource"]["canTerminate"] for each in told]
    asked = "query($uuid: UUID!) { resource(uuid: $uuid) { canTerminate } }"
    for name, found in zip(who, may, strict=True):
        uuid = told[0][0]["resource"]["uuid"]
        data = await demo.data(asked, await demo.viewer(name), uuid=uuid)
        assert found == data["resource"]["canTerminate"]
    assert may[0] != may[1]
    for each in followers:
        each.end()
