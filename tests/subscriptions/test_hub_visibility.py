"""Visibility of events: which user receives which kind (domain.md §4.4, §4.5).

A user who sees the resource only before an event receives HIDDEN or DELETED, one who sees it only
after it receives CREATED.
"""

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
"""Users and their roles: `owner` on the projects 1 to 7, `manager` on 1 and 2, `member` on 1;
`provider` on the offerings 1 and 7, `service_manager` on 4 and 7; `resource_user` on resource 4."""
GLOBAL_VIEWERS = ("staff", "support")
CONSUMER_VIEWERS = ("owner", "manager", "member")
PROVIDER_VIEWERS = ("provider", "service_manager")
MOVE_RESOURCE = """
update marketplace_resource set project_id = %s, offering_id = %s, state = 2 where id = %s
"""
_resource_ids = count(1000)
UsersByKind = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class VisibilityScenario:
    """A change of a resource, and the users who receive an event of it; all others receive none."""

    project_id: int
    offering_id: int
    change: str
    users_by_kind: UsersByKind
    existing_resource_id: int | None = None
    """Id of the resource that is changed; None for a new resource."""

    async def prepare_resource(self, demo: FollowedDemo) -> int:
        """Insert the resource, or move an existing one, and return its id."""
        if self.existing_resource_id is None:
            resource_id = next(_resource_ids)
            demo.execute_sql(INSERT_RESOURCE, resource_id, self.project_id, self.offering_id)
        else:
            resource_id = self.existing_resource_id
            demo.execute_sql(MOVE_RESOURCE, self.project_id, self.offering_id, resource_id)
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
    "only untracked columns changed": VisibilityScenario(
        1, 1, "modified = now(), last_sync = now()", {}
    ),
    "updated, visible by a role on the resource": VisibilityScenario(
        8,
        7,
        "name = name || 'x'",
        {"UPDATED": (*GLOBAL_VIEWERS, *PROVIDER_VIEWERS, "resource_user")},
        4,
    ),
    "moved, visible to some users before and after": VisibilityScenario(
        1,
        1,
        "project_id = 2",
        {"UPDATED": (*GLOBAL_VIEWERS, "owner", "manager", "provider"), "HIDDEN": ("member",)},
    ),
    "moved between projects of the owner": VisibilityScenario(
        5, 18, "project_id = 6", {"UPDATED": (*GLOBAL_VIEWERS, "owner")}
    ),
    "moved to a project of consumers": VisibilityScenario(
        8,
        7,
        "project_id = 1",
        {
            "UPDATED": (*GLOBAL_VIEWERS, *PROVIDER_VIEWERS, "resource_user"),
            "CREATED": CONSUMER_VIEWERS,
        },
        4,
    ),
    "moved from a project of consumers": VisibilityScenario(
        1, 18, "project_id = 8", {"UPDATED": GLOBAL_VIEWERS, "HIDDEN": CONSUMER_VIEWERS}
    ),
    "moved between hidden projects": VisibilityScenario(
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
    "offering changed": VisibilityScenario(
        1,
        1,
        "offering_id = 4",
        {
            "UPDATED": (*GLOBAL_VIEWERS, *CONSUMER_VIEWERS),
            "HIDDEN": ("provider",),
            "CREATED": ("service_manager",),
        },
    ),
    "offering changed, visible by a role on the resource": VisibilityScenario(
        8,
        7,
        "offering_id = 1",
        {"UPDATED": (*GLOBAL_VIEWERS, "provider", "resource_user"), "HIDDEN": ("service_manager",)},
        4,
    ),
    "project and offering changed": VisibilityScenario(
        1,
        1,
        "project_id = 8, offering_id = 4",
        {
            "UPDATED": GLOBAL_VIEWERS,
            "HIDDEN": (*CONSUMER_VIEWERS, "provider"),
            "CREATED": ("service_manager",),
        },
    ),
    "moved from consumers to a provider": VisibilityScenario(
        1,
        18,
        "project_id = 27, offering_id = 1",
        {"UPDATED": GLOBAL_VIEWERS, "HIDDEN": CONSUMER_VIEWERS, "CREATED": ("provider",)},
    ),
    "deleted": VisibilityScenario(
        1, 1, "", {"DELETED": (*GLOBAL_VIEWERS, *CONSUMER_VIEWERS, "provider")}
    ),
    "deleted in a hidden project": VisibilityScenario(
        26, 4, "", {"DELETED": (*GLOBAL_VIEWERS, "service_manager")}
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
async def test_event_kind_for_each_viewer(demo: FollowedDemo, scenario: VisibilityScenario) -> None:
    resource_id = await scenario.prepare_resource(demo)
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
    """Assert that the fields of an event agree with its kind."""
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


async def test_hidden_resource_has_no_events_until_created_again(demo: FollowedDemo) -> None:
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
