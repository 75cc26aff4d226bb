"""Who is told of which event, as what, and what of it (domain.md §4.4, §4.5; design.md §8)."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from tests.subscriptions.follower import INSERT_RESOURCE, FollowedDemo, kinds_or_reasons

USERNAMES = (
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
GLOBAL_VIEWERS = ("staff", "support")
CONSUMER_VIEWERS = ("owner", "manager", "member")
PROVIDER_VIEWERS = ("provider", "service_manager")
_resource_ids = count(1000)
UsersByKind = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class VisibilityScenario:
    """What becomes of a resource that is somewhere, and who is told so; all others are not."""

    project_id: int
    offering_id: int
    change: str
    users_by_kind: UsersByKind
    existing_resource_id: int | None = None
    """Which resource it is, if it is no new one."""

    async def place_resource(self, demo: FollowedDemo) -> int:
        """Have the resource where it is to be, and give its id."""
        if self.existing_resource_id is None:
            resource_id = next(_resource_ids)
            demo.execute_sql(INSERT_RESOURCE, resource_id, self.project_id, self.offering_id)
        else:
            resource_id = self.existing_resource_id
            place = "project_id = %s, offering_id = %s, state = 2"
            demo.execute_sql(
                f"update marketplace_resource set {place} where id = %s",
                self.project_id,
                self.offering_id,
                resource_id,
            )
        return resource_id


SCENARIOS = {
    "state changed": VisibilityScenario(
        1,
        1,
        "state = 3, name = 'x'",
        {"STATE_CHANGED": (*GLOBAL_VIEWERS, *CONSUMER_VIEWERS, "provider")},
    ),
    "updated": VisibilityScenario(
        1, 1, "name = 'x'", {"UPDATED": (*GLOBAL_VIEWERS, *CONSUMER_VIEWERS, "provider")}
    ),
    "looked after": VisibilityScenario(1, 1, "modified = now(), last_sync = now()", {}),
    "updated, seen by a role on it": VisibilityScenario(
        8,
        7,
        "name = name || 'x'",
        {"UPDATED": (*GLOBAL_VIEWERS, *PROVIDER_VIEWERS, "resource_user")},
        4,
    ),
    "moved where it is seen": VisibilityScenario(
        1,
        1,
        "project_id = 2",
        {"UPDATED": (*GLOBAL_VIEWERS, "owner", "manager", "provider"), "HIDDEN": ("member",)},
    ),
    "moved within what the owner sees": VisibilityScenario(
        5, 18, "project_id = 6", {"UPDATED": (*GLOBAL_VIEWERS, "owner")}
    ),
    "moved into sight": VisibilityScenario(
        8,
        7,
        "project_id = 1",
        {
            "UPDATED": (*GLOBAL_VIEWERS, *PROVIDER_VIEWERS, "resource_user"),
            "CREATED": CONSUMER_VIEWERS,
        },
        4,
    ),
    "moved out of sight": VisibilityScenario(
        1, 18, "project_id = 8", {"UPDATED": GLOBAL_VIEWERS, "HIDDEN": CONSUMER_VIEWERS}
    ),
    "moved where nobody sees it": VisibilityScenario(
        26, 18, "project_id = 19", {"UPDATED": GLOBAL_VIEWERS}
    ),
    "moved with another state": VisibilityScenario(
        2,
        4,
        "project_id = 1, state = 6",
        {
            "STATE_CHANGED": (*GLOBAL_VIEWERS, "owner", "manager", "service_manager"),
            "CREATED": ("member",),
        },
    ),
    "of another offering": VisibilityScenario(
        1,
        1,
        "offering_id = 4",
        {
            "UPDATED": (*GLOBAL_VIEWERS, *CONSUMER_VIEWERS),
            "HIDDEN": ("provider",),
            "CREATED": ("service_manager",),
        },
    ),
    "of another offering, with a role on it": VisibilityScenario(
        8,
        7,
        "offering_id = 1",
        {"UPDATED": (*GLOBAL_VIEWERS, "provider", "resource_user"), "HIDDEN": ("service_manager",)},
        4,
    ),
    "in another project, of another offering": VisibilityScenario(
        1,
        1,
        "project_id = 8, offering_id = 4",
        {
            "UPDATED": GLOBAL_VIEWERS,
            "HIDDEN": (*CONSUMER_VIEWERS, "provider"),
            "CREATED": ("service_manager",),
        },
    ),
    "seen from the other side": VisibilityScenario(
        1,
        18,
        "project_id = 27, offering_id = 1",
        {"UPDATED": GLOBAL_VIEWERS, "HIDDEN": CONSUMER_VIEWERS, "CREATED": ("provider",)},
    ),
    "deleted": VisibilityScenario(
        1, 1, "", {"DELETED": (*GLOBAL_VIEWERS, *CONSUMER_VIEWERS, "provider")}
    ),
    "deleted where few see it": VisibilityScenario(
        26, 4, "", {"DELETED": (*GLOBAL_VIEWERS, "service_manager")}
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
async def test_event_kind_for_each_viewer(demo: FollowedDemo, scenario: VisibilityScenario) -> None:
    resource_id = await scenario.place_resource(demo)
    await demo.wait_until_delivered()
    uuid = demo.fetch_uuid("marketplace_resource", resource_id)
    followers = {username: await demo.start_following(username) for username in USERNAMES}
    if scenario.change:
        demo.execute_sql(
            f"update marketplace_resource set {scenario.change} where id = %s", resource_id
        )
    else:
        demo.execute_sql("delete from marketplace_resource where id = %s", resource_id)
    events_by_user = dict(zip(USERNAMES, await demo.take_events(*followers.values()), strict=True))
    expected_kinds = {
        username: [kind] for kind, users in scenario.users_by_kind.items() for username in users
    }
    assert {
        username: kinds_or_reasons(each) for username, each in events_by_user.items() if each
    } == expected_kinds
    for (each,) in filter(None, events_by_user.values()):
        assert_event_fields(each, uuid)
    for active_subscription in followers.values():
        active_subscription.end_subscription()


def assert_event_fields(event: dict[str, Any], uuid: str) -> None:
    """Look at what an event tells besides its kind."""
    is_gone = event["kind"] in {"HIDDEN", "DELETED"}
    is_new = event["kind"] == "CREATED"
    assert event["uuid"] == uuid
    assert event["resource"] == (None if is_gone else {"uuid": uuid})
    assert (event["state"] is None) == is_gone
    assert (event["previousState"] is None) == (is_gone or is_new)
    assert (event["changedFields"] == []) == (is_gone or is_new)
    if event["kind"] == "STATE_CHANGED":
        assert event["state"] != event["previousState"]
        assert "state" in event["changedFields"]
    if event["kind"] == "UPDATED":
        assert event["state"] == event["previousState"]


async def test_created_event_for_each_viewer(demo: FollowedDemo) -> None:
    followers = [await demo.start_following(username) for username in USERNAMES]
    for project, offering in ((1, 1), (2, 18), (26, 7), (26, 18)):
        demo.execute_sql(INSERT_RESOURCE, next(_resource_ids), project, offering)
    events_by_follower = await demo.take_events(*followers)
    kinds_by_user = {
        username: kinds_or_reasons(each)
        for username, each in zip(USERNAMES, events_by_follower, strict=True)
    }
    assert set().union(*kinds_by_user.values()) == {"CREATED"}
    assert {username: len(each) for username, each in kinds_by_user.items()} == {
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
        each.end_subscription()


async def test_hidden_resource_is_silent_until_created_again(demo: FollowedDemo) -> None:
    resource_id = next(_resource_ids)
    demo.execute_sql(INSERT_RESOURCE, resource_id, 1, 18)
    await demo.wait_until_delivered()
    member_follower, owner_follower = [
        await demo.start_following(username) for username in ("member", "owner")
    ]
    for change in ("project_id = 8", "name = 'y'", "state = 3", "project_id = 2", "project_id = 1"):
        demo.execute_sql(f"update marketplace_resource set {change} where id = %s", resource_id)
    demo.execute_sql("delete from marketplace_resource where id = %s", resource_id)
    member_kinds, owner_kinds = map(
        kinds_or_reasons, await demo.take_events(member_follower, owner_follower)
    )
    assert member_kinds == ["HIDDEN", "CREATED", "DELETED"]
    assert owner_kinds == ["HIDDEN", "CREATED", "UPDATED", "DELETED"]
    member_follower.end_subscription()
    owner_follower.end_subscription()


async def test_current_roles_decide(demo: FollowedDemo) -> None:
    resource_id = next(_resource_ids)
    demo.execute_sql(INSERT_RESOURCE, resource_id, 1, 18)
    await demo.wait_until_delivered()
    member_follower = await demo.start_following("member")
    viewer = await demo.load_viewer("member")
    change = "update marketplace_resource set name = name || 'z' where id = %s"
    event_counts: list[int] = []
    for projects in (frozenset({1}), frozenset({2}), frozenset({1, 2})):
        member_follower.viewer_changed(replace(viewer, consumer_projects=projects))
        demo.execute_sql(change, resource_id)
        ((*events,),) = await demo.take_events(member_follower)
        event_counts.append(len(events))
    assert event_counts == [1, 0, 1]
    member_follower.end_subscription()
