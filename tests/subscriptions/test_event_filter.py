"""Event filters: which events match, and that filters reveal nothing that is hidden."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from gateway.execution.executor import GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.schema.framework.errors import BadInputError
from tests.subscriptions.follower import (
    INSERT_RESOURCE,
    RESOURCE_CHANGED_DOCUMENT,
    FollowedDemo,
    kinds_or_reasons,
)
from tests.support.subscriptions import admit_subscription

MOVE_RESOURCE = "update marketplace_resource set project_id = %s, offering_id = %s where id = %s"
FIRST_RESOURCE_ID, SECOND_RESOURCE_ID = 2001, 2002
RESOURCE_CHANGES = (
    (FIRST_RESOURCE_ID, "project_id = 1"),
    (FIRST_RESOURCE_ID, "state = 6"),
    (FIRST_RESOURCE_ID, "name = 'x'"),
    (FIRST_RESOURCE_ID, "project_id = 2"),
    (FIRST_RESOURCE_ID, "offering_id = 18"),
    (FIRST_RESOURCE_ID, "project_id = 26"),
    (SECOND_RESOURCE_ID, "project_id = 3"),
)
"""Changes of two resources of offering 1. At first both are in project 26, where they are hidden
from the user `owner`, who owns customer 5 with the projects 1 to 7. At last the second resource is
deleted."""
EXPECTED_KINDS = (
    "CREATED",
    "STATE_CHANGED",
    "UPDATED",
    "UPDATED",
    "UPDATED",
    "HIDDEN",
    "CREATED",
    "DELETED",
)
"""Kinds of the events that the owner receives."""
ALL_EVENTS = "01234567"
EXPECTED_EVENTS_BY_FILTER: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({}, ALL_EVENTS),
    ({"uuids": [FIRST_RESOURCE_ID]}, "012345"),
    ({"uuids": [SECOND_RESOURCE_ID]}, "67"),
    ({"uuids": [FIRST_RESOURCE_ID, SECOND_RESOURCE_ID, SECOND_RESOURCE_ID]}, ALL_EVENTS),
    ({"uuids": []}, ""),
    ({"uuids": None}, ALL_EVENTS),
    ({"project": 1}, "0123"),
    ({"project": 2}, "345"),
    ({"project": 3}, "67"),
    ({"project": 26}, ""),
    ({"project": None}, ALL_EVENTS),
    ({"customer": 5}, ALL_EVENTS),
    ({"customer": 12}, ""),
    ({"customer": None}, ALL_EVENTS),
    ({"offering": 1}, "0123467"),
    ({"offering": 18}, "45"),
    ({"offering": 2}, ""),
    ({"offering": None}, ALL_EVENTS),
    ({"states": ["OK"]}, "067"),
    ({"states": ["TERMINATED"]}, "12345"),
    ({"states": ["OK", "TERMINATED"]}, ALL_EVENTS),
    ({"states": ["ERRED"]}, ""),
    ({"states": []}, ""),
    ({"states": None}, ALL_EVENTS),
    ({"kinds": ["CREATED"]}, "06"),
    ({"kinds": ["STATE_CHANGED"]}, "1"),
    ({"kinds": ["UPDATED"]}, "234"),
    ({"kinds": ["HIDDEN"]}, "5"),
    ({"kinds": ["DELETED", "HIDDEN"]}, "57"),
    ({"kinds": []}, ""),
    ({"kinds": None}, ALL_EVENTS),
    ({"uuids": [FIRST_RESOURCE_ID], "kinds": ["UPDATED", "DELETED"]}, "234"),
    ({"project": 2, "offering": 1}, "34"),
    ({"project": 1, "offering": 18}, ""),
    ({"project": 1, "customer": 5, "states": ["OK"]}, "0"),
    ({"project": 1, "customer": 12}, ""),
    ({"customer": 5, "states": ["TERMINATED"], "kinds": ["HIDDEN", "STATE_CHANGED"]}, "15"),
    (
        {
            "uuids": [FIRST_RESOURCE_ID],
            "project": 2,
            "customer": 5,
            "offering": 18,
            "states": ["TERMINATED"],
            "kinds": ["HIDDEN"],
        },
        "5",
    ),
)
TABLES_BY_FIELD = {
    "uuids": "marketplace_resource",
    "project": "structure_project",
    "customer": "structure_customer",
    "offering": "marketplace_offering",
}


def with_uuids(demo: FollowedDemo, id_filter: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter in which ids of the demo are replaced by uuids."""
    uuid_filter = dict(id_filter)
    for name in TABLES_BY_FIELD.keys() & {
        name for name, value in id_filter.items() if value is not None
    }:
        field_value = id_filter[name]
        uuids = [
            demo.fetch_uuid(TABLES_BY_FIELD[name], each)
            for each in (field_value if name == "uuids" else [field_value])
        ]
        uuid_filter[name] = uuids if name == "uuids" else uuids[0]
    return uuid_filter


async def test_filter_fields_alone_and_combined(demo: FollowedDemo) -> None:
    for id_ in (FIRST_RESOURCE_ID, SECOND_RESOURCE_ID):
        demo.execute_sql(INSERT_RESOURCE, id_, 26, 1)
    await demo.wait_until_delivered()
    filters = [with_uuids(demo, id_filter) for id_filter, _ in EXPECTED_EVENTS_BY_FILTER]
    followers = [await demo.start_following("owner", filter=each) for each in filters]
    for id_, change in RESOURCE_CHANGES:
        demo.execute_sql(f"update marketplace_resource set {change} where id = %s", id_)
    demo.execute_sql("delete from marketplace_resource where id = %s", SECOND_RESOURCE_ID)
    all_events, *events_by_follower = await demo.take_events(*followers)
    assert tuple(kinds_or_reasons(all_events)) == EXPECTED_KINDS
    for (id_filter, expected_indexes), events in zip(
        EXPECTED_EVENTS_BY_FILTER[1:], events_by_follower, strict=True
    ):
        assert events == [all_events[int(number)] for number in expected_indexes], id_filter
    for each in followers:
        each.end_subscription()


async def test_scope_filter_agrees_with_query(demo: FollowedDemo) -> None:
    """A scope filter matches the resources that a query with the same filter lists."""
    cases = [
        (username, name, id_)
        for username in ("staff", "owner", "member", "provider", "service_manager", "resource_user")
        for name, ids in (("project", (1, 8, 26)), ("customer", (5, 6, 12)), ("offering", (1, 7)))
        for id_ in ids
    ]
    filters = [with_uuids(demo, {name: id_}) for _, name, id_ in cases]
    followers = [
        await demo.start_following(case[0], filter=each)
        for case, each in zip(cases, filters, strict=True)
    ]
    demo.execute_sql("update marketplace_resource set name = left(name, 40) || 'f'")
    events_by_follower = await demo.take_events(*followers)
    assert any(events_by_follower)
    for case, uuid_filter, events in zip(cases, filters, events_by_follower, strict=True):
        assert {each["uuid"] for each in events} == await query_resource_uuids(
            demo, case[0], uuid_filter
        ), case
    for each in followers:
        each.end_subscription()


async def query_resource_uuids(
    demo: FollowedDemo, username: str, uuid_filter: Mapping[str, str]
) -> set[str]:
    """Return the uuids of the resources that a query with one scope filter lists."""
    ((name, uuid),) = uuid_filter.items()
    value = f'["{uuid}"]' if name == "offering" else f'"{uuid}"'
    arguments = f"first: 300, filter: {{ {name}Uuid: {value} }}"
    document = f"{{ resources({arguments}) {{ nodes {{ uuid }} }} }}"
    data = await demo.query_data(document, await demo.load_viewer(username))
    return {each["uuid"] for each in data["resources"]["nodes"]}


HIDDEN_SCOPES: tuple[Mapping[str, int], ...] = ({"project": 8}, {"customer": 6}, {"offering": 7})
VISIBLE_SCOPES: tuple[Mapping[str, int], ...] = ({"project": 1}, {"customer": 5}, {"offering": 1})


async def test_filter_by_hidden_scope_matches_nothing(demo: FollowedDemo) -> None:
    id_ = 2003
    demo.execute_sql(INSERT_RESOURCE, id_, 8, 7)
    await demo.wait_until_delivered()
    hidden_followers = [
        await demo.start_following("member", filter=with_uuids(demo, each))
        for each in HIDDEN_SCOPES
    ]
    visible_followers = [
        await demo.start_following("member", filter=with_uuids(demo, each))
        for each in VISIBLE_SCOPES
    ]
    for project, offering in ((1, 1), (8, 7)):
        demo.execute_sql(MOVE_RESOURCE, project, offering, id_)
    assert await demo.take_events(*hidden_followers) == [[], [], []]
    assert [kinds_or_reasons(each) for each in await demo.take_events(*visible_followers)] == [
        ["CREATED", "HIDDEN"]
    ] * 3
    for each in (*hidden_followers, *visible_followers):
        each.end_subscription()


@pytest.mark.parametrize("spell_uuid", [str, lambda each: str(each).upper(), lambda each: each.hex])
async def test_uuids_match_in_all_spellings(demo: FollowedDemo, spell_uuid: Any) -> None:
    uuid = spell_uuid(UUID(demo.fetch_uuid("marketplace_resource", 1)))
    project = spell_uuid(UUID(demo.fetch_uuid("structure_project", 1)))
    followers = [
        await demo.start_following(filter={"uuids": [uuid]}),
        await demo.start_following(filter={"uuids": [uuid], "project": project}),
        await demo.start_following(filter={"uuids": uuid}),
    ]
    demo.execute_sql(
        "update marketplace_resource set name = left(name, 40) || 'u' where id in (1, 2)"
    )
    for events in await demo.take_events(*followers):
        assert [each["uuid"] for each in events] == [UUID(uuid).hex]
    for each in followers:
        each.end_subscription()


async def test_number_of_uuids_is_limited(demo: FollowedDemo) -> None:
    uuids = [f"{number:032x}" for number in range(301)]
    active_subscription = await demo.start_following(filter={"uuids": uuids[:300]})
    active_subscription.end_subscription()
    with pytest.raises(BadInputError) as caught:
        await demo.start_following(filter={"uuids": uuids})
    assert caught.value.extensions == {
        "code": "BAD_USER_INPUT",
        "argument": ["filter", "uuids"],
    }
    assert demo.subscription_registry.quota.count == 0


@pytest.mark.parametrize(
    "invalid_filter",
    [{"uuids": ["x"]}, {"project": "x"}, {"kinds": ["GONE"]}, {"states": [2]}, {"at": 1}],
)
async def test_invalid_filters_are_refused(
    demo: FollowedDemo, invalid_filter: Mapping[str, Any]
) -> None:
    graphql_request = GraphQLRequest(
        RESOURCE_CHANGED_DOCUMENT, {"filter": invalid_filter}, None, "x"
    )
    result = admit_subscription(demo.service._executor, graphql_request)
    assert isinstance(result, GraphQLResult)
    assert result.is_rejected
    (error,) = result.response["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
