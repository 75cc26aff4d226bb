"""Who is told of which event, as what, and what of it (domain.md §4.4, §4.5; design.md §8)."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from tests.subscriptions.follower import PUT, Following, kinds

WHO = (
    "staff",
    "support",
    "owner",
    "manager",
    "member",
    "provider",
    "service_manager",
    "resource_user",
    "nobody",
    None,
)
"""The owner has the projects 1 to 7, the manager 1 and 2, and the member 1. The provider has the
offerings 1 and 7, the manager of services 4 and 7, the user of a resource number 4."""
EVERYTHING = ("staff", "support")
OURS = ("owner", "manager", "member")
OFFERED = ("provider", "service_manager")
_ids = count(1000)
Told = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Scene:
    """What becomes of a resource that is somewhere, and who is told so; all others are not."""

    project: int
    offering: int
    change: str
    told: Told
    id: int | None = None
    """Which resource it is, if it is no new one."""

    async def play(self, demo: Following) -> int:
        """Have the resource where it is to be, and give its id."""
        if self.id is None:
            id_ = next(_ids)
            demo.sql(PUT, id_, self.project, self.offering)
        else:
            id_ = self.id
            place = "project_id = %s, offering_id = %s, state = 2"
            demo.sql(
                f"update marketplace_resource set {place} where id = %s",
                self.project,
                self.offering,
                id_,
            )
        return id_


SCENES = {
    "state changed": Scene(
        1, 1, "state = 3, name = 'x'", {"STATE_CHANGED": (*EVERYTHING, *OURS, "provider")}
    ),
    "updated": Scene(1, 1, "name = 'x'", {"UPDATED": (*EVERYTHING, *OURS, "provider")}),
    "looked after": Scene(1, 1, "modified = now(), last_sync = now()", {}),
    "updated, seen by a role on it": Scene(
        8, 7, "name = name || 'x'", {"UPDATED": (*EVERYTHING, *OFFERED, "resource_user")}, 4
    ),
    "moved where it is seen": Scene(
        1,
        1,
        "project_id = 2",
        {"UPDATED": (*EVERYTHING, "owner", "manager", "provider"), "HIDDEN": ("member",)},
    ),
    "moved within what the owner sees": Scene(
        5, 18, "project_id = 6", {"UPDATED": (*EVERYTHING, "owner")}
    ),
    "moved into sight": Scene(
        8,
        7,
        "project_id = 1",
        {"UPDATED": (*EVERYTHING, *OFFERED, "resource_user"), "CREATED": OURS},
        4,
    ),
    "moved out of sight": Scene(1, 18, "project_id = 8", {"UPDATED": EVERYTHING, "HIDDEN": OURS}),
    "moved where nobody sees it": Scene(26, 18, "project_id = 19", {"UPDATED": EVERYTHING}),
    "moved with another state": Scene(
        2,
        4,
        "project_id = 1, state = 6",
        {
            "STATE_CHANGED": (*EVERYTHING, "owner", "manager", "service_manager"),
            "CREATED": ("member",),
        },
    ),
    "of another offering": Scene(
        1,
        1,
        "offering_id = 4",
        {"UPDATED": (*EVERYTHING, *OURS), "HIDDEN": ("provider",), "CREATED": ("service_manager",)},
    ),
    "of another offering, with a role on it": Scene(
        8,
        7,
        "offering_id = 1",
        {"UPDATED": (*EVERYTHING, "provider", "resource_user"), "HIDDEN": ("service_manager",)},
        4,
    ),
    "in another project, of another offering": Scene(
        1,
        1,
        "project_id = 8, offering_id = 4",
        {"UPDATED": EVERYTHING, "HIDDEN": (*OURS, "provider"), "CREATED": ("service_manager",)},
    ),
    "seen from the other side": Scene(
        1,
        18,
        "project_id = 27, offering_id = 1",
        {"UPDATED": EVERYTHING, "HIDDEN": OURS, "CREATED": ("provider",)},
    ),
    "deleted": Scene(1, 1, "", {"DELETED": (*EVERYTHING, *OURS, "provider")}),
    "deleted where few see it": Scene(26, 4, "", {"DELETED": (*EVERYTHING, "service_manager")}),
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
async def test_each_is_told_what_became_of_it_to_them(demo: Following, scene: Scene) -> None:
    id_ = await scene.play(demo)
    await demo.settled()
    uuid = demo.uuid("marketplace_resource", id_)
    followers = {who: await demo.follow(who) for who in WHO}
    if scene.change:
        demo.sql(f"update marketplace_resource set {scene.change} where id = %s", id_)
    else:
        demo.sql("delete from marketplace_resource where id = %s", id_)
    told = dict(zip(WHO, await demo.told(*followers.values()), strict=True))
    expected = {who: [kind] for kind, them in scene.told.items() for who in them}
    assert {who: kinds(each) for who, each in told.items() if each} == expected
    for (each,) in filter(None, told.values()):
        assert_told(each, uuid)
    for running in followers.values():
        running.end()


def assert_told(told: dict[str, Any], uuid: str) -> None:
    """Look at what an event tells besides its kind."""
    gone = told["kind"] in {"HIDDEN", "DELETED"}
    new = told["kind"] == "CREATED"
    assert told["uuid"] == uuid
    assert told["resource"] == (None if gone else {"uuid": uuid})
    assert (told["state"] is None) == gone
    assert (told["previousState"] is None) == (gone or new)
    assert (told["changedFields"] == []) == (gone or new)
    if told["kind"] == "STATE_CHANGED":
        assert told["state"] != told["previousState"]
        assert "state" in told["changedFields"]
    if told["kind"] == "UPDATED":
        assert told["state"] == told["previousState"]


async def test_who_sees_a_new_resource_is_told_of_it(demo: Following) -> None:
    followers = [await demo.follow(who) for who in WHO]
    for project, offering in ((1, 1), (2, 18), (26, 7), (26, 18)):
        demo.sql(PUT, next(_ids), project, offering)
    found = await demo.told(*followers)
    told = {who: kinds(each) for who, each in zip(WHO, found, strict=True)}
    assert set().union(*told.values()) == {"CREATED"}
    assert {who: len(each) for who, each in told.items()} == {
        "staff": 4,
        "support": 4,
        "owner": 2,
        "manager": 2,
        "member": 1,
        "provider": 2,
        "service_manager": 1,
        "resource_user": 0,
        "nobody": 0,
        None: 0,
    }
    for each in followers:
        each.end()


async def test_what_was_hidden_is_gone_for_good_until_it_comes_back(demo: Following) -> None:
    id_ = next(_ids)
    demo.sql(PUT, id_, 1, 18)
    await demo.settled()
    member, owner = [await demo.follow(who) for who in ("member", "owner")]
    for change in ("project_id = 8", "name = 'y'", "state = 3", "project_id = 2", "project_id = 1"):
        demo.sql(f"update marketplace_resource set {change} where id = %s", id_)
    demo.sql("delete from marketplace_resource where id = %s", id_)
    of_member, of_owner = map(kinds, await demo.told(member, owner))
    assert of_member == ["HIDDEN", "CREATED", "DELETED"]
    assert of_owner == ["HIDDEN", "CREATED", "UPDATED", "DELETED"]
    member.end()
    owner.end()


async def test_roles_of_the_moment_count(demo: Following) -> None:
    id_ = next(_ids)
    demo.sql(PUT, id_, 1, 18)
    await demo.settled()
    member = await demo.follow("member")
    viewer = await demo.viewer("member")
    change = "update marketplace_resource set name = name || 'z' where id = %s"
    seen: list[int] = []
    for projects in (frozenset({1}), frozenset({2}), frozenset({1, 2})):
        member.seen(replace(viewer, consumer_projects=projects))
        demo.sql(change, id_)
        ((*told,),) = await demo.told(member)
        seen.append(len(told))
    assert seen == [1, 0, 1]
    member.end()
