"""Filters of the events of orders: they match what queries with the same filters list."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.execution.executor import GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.schema.framework.errors import BadInputError
from tests.subscriptions.follower import (
    INSERT_RESOURCE,
    ORDER_CHANGED_DOCUMENT,
    FollowedDemo,
    kinds_or_reasons,
)
from tests.support.subscriptions import admit_subscription

UPDATE_ORDERS = "update marketplace_order set output = left(output, 40) || 'x'"
MOVE_ORDER = "update marketplace_order set project_id = %s, offering_id = %s where id = %s"
INSERT_ORDER = """
insert into marketplace_order select (jsonb_populate_record(o, jsonb_build_object(
    'id', %s::int, 'uuid', gen_random_uuid(), 'slug', '', 'resource_id', %s::int
))).* from marketplace_order o where id = (select min(id) from marketplace_order)
"""
QUERY_ORDERS = """
query($filter: OrderFilter) { orders(first: 300, filter: $filter) { nodes { uuid } } }
"""
SELECT_ORDERS = """
select o.uuid, p.uuid, c.uuid, f.uuid, r.uuid
from marketplace_order o join structure_project p on p.id = o.project_id
join structure_customer c on c.id = p.customer_id
join marketplace_offering f on f.id = o.offering_id
join marketplace_resource r on r.id = o.resource_id order by o.id
"""
QUERY_FIELDS: Mapping[str, tuple[str, bool]] = {
    "uuids": ("uuid", True),
    "project": ("projectUuid", False),
    "customer": ("customerUuid", False),
    "offering": ("offeringUuid", True),
    "resource": ("resourceUuid", False),
    "states": ("state", True),
    "types": ("type", True),
}
"""The field of OrderFilter for each field of OrderEventFilter, and whether it is a list."""
USERNAMES = ("staff", "owner", "provider", "nobody")


def make_filters(demo: FollowedDemo) -> list[dict[str, Any]]:
    """Return filters of one and of several fields, with values of some orders."""
    rows = [[each.hex for each in row] for row in demo.execute_sql(SELECT_ORDERS)]
    filters: list[dict[str, Any]] = [
        {"uuids": [rows[0][0], rows[-1][0]]},
        {"uuids": []},
        *({"states": [each]} for each in ("DONE", "EXECUTING", "ERRED")),
        {"states": ["PENDING_CONSUMER", "PENDING_PROVIDER", "DONE"]},
        *({"types": [each]} for each in ("CREATE", "UPDATE", "TERMINATE", "RESTORE")),
        {"types": []},
        {"types": ["CREATE"], "states": ["DONE"]},
    ]
    for uuid, project, customer, offering, resource in rows[:: len(rows) // 4]:
        filters += [
            {"project": project},
            {"customer": customer},
            {"offering": offering},
            {"resource": resource},
            {"resource": resource, "types": ["CREATE"]},
            {"uuids": [uuid], "project": project, "customer": customer, "offering": offering},
            {"project": project, "resource": rows[0][4]},
        ]
    return filters


def convert_filter(event_filter: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filter of a query for the same orders."""
    return {
        field: [value] if is_list and not isinstance(value, list) else value
        for name, value in event_filter.items()
        for field, is_list in [QUERY_FIELDS[name]]
    }


async def test_filters_agree_with_queries(demo: FollowedDemo) -> None:
    await demo.wait_until_delivered()
    cases = [(username, each) for username in USERNAMES for each in make_filters(demo)]
    followers = [
        await demo.start_following(username, ORDER_CHANGED_DOCUMENT, filter=each)
        for username, each in cases
    ]
    demo.execute_sql(UPDATE_ORDERS)
    events_by_follower = await demo.take_events(*followers)
    assert sum(map(bool, events_by_follower)) > len(cases) // 3
    for (username, event_filter), events in zip(cases, events_by_follower, strict=True):
        data = await demo.query_data(
            QUERY_ORDERS, await demo.load_viewer(username), filter=convert_filter(event_filter)
        )
        assert {each["uuid"] for each in events} == {
            each["uuid"] for each in data["orders"]["nodes"]
        }, (username, event_filter)
    for each in followers:
        each.end_subscription()


async def test_kinds_and_states_are_those_for_the_viewer(demo: FollowedDemo) -> None:
    """Check that an order that moves to a hidden project matches by what was visible."""
    await demo.wait_until_delivered()
    ((id_, *place),) = demo.execute_sql(
        "select id, project_id, offering_id from marketplace_order order by id limit 1"
    )
    demo.execute_sql(f"update marketplace_order set state = 2 where id = {id_}")
    demo.execute_sql(MOVE_ORDER, 1, 18, id_)
    await demo.wait_until_delivered()
    hidden_project = demo.fetch_uuid("structure_project", 26)
    visible_project = demo.fetch_uuid("structure_project", 1)
    filters: list[dict[str, Any]] = [
        {},
        {"kinds": ["HIDDEN"]},
        {"kinds": ["CREATED"]},
        {"kinds": ["UPDATED", "STATE_CHANGED"]},
        {"project": visible_project},
        {"project": hidden_project},
        {"states": ["EXECUTING"]},
        {"states": ["DONE"]},
    ]
    followers = [
        await demo.start_following("owner", ORDER_CHANGED_DOCUMENT, filter=each) for each in filters
    ]
    demo.execute_sql(f"update marketplace_order set project_id = 26, state = 3 where id = {id_}")
    demo.execute_sql(f"update marketplace_order set state = 4 where id = {id_}")
    demo.execute_sql(MOVE_ORDER, 1, 18, id_)
    kinds_by_follower = [kinds_or_reasons(each) for each in await demo.take_events(*followers)]
    both = ["HIDDEN", "CREATED"]
    assert kinds_by_follower == [both, both[:1], both[1:], [], both, [], both[:1], []]
    demo.execute_sql(MOVE_ORDER, *place, id_)
    for each in followers:
        each.end_subscription()


async def insert_resource_with_order(demo: FollowedDemo, id_: int) -> str:
    """Insert a resource and its order, both with this id; return the resource's uuid."""
    demo.execute_sql(INSERT_RESOURCE, id_, 1, 1)
    demo.execute_sql(INSERT_ORDER, id_, id_)
    await demo.wait_until_delivered()
    return demo.fetch_uuid("marketplace_resource", id_)


@pytest.mark.parametrize("is_together", [True, False])
async def test_orders_whose_resource_is_gone_match_by_its_uuid(
    demo: FollowedDemo, *, is_together: bool
) -> None:
    """Neither the gateway nor a client that comes back has seen an event of the order before."""
    cursor = demo.current_cursor()
    resource = await insert_resource_with_order(demo, 7001)
    other = await insert_resource_with_order(demo, 7002)
    filters: list[dict[str, Any]] = [{"resource": resource}, {"resource": other}]
    followers = [
        await demo.start_following("staff", ORDER_CHANGED_DOCUMENT, filter=each) for each in filters
    ]
    deletions = [
        f"delete from marketplace_{each} where id = 7001" for each in ("order", "resource")
    ]
    for statement in ["; ".join(deletions)] if is_together else deletions:
        demo.execute_sql(statement)
    assert [*map(kinds_or_reasons, await demo.take_events(*followers))] == [["DELETED"], []]
    demo.hub._scope_uuid_cache.clear_cache()
    late_followers = [
        await demo.start_following("staff", ORDER_CHANGED_DOCUMENT, filter=each, after=cursor)
        for each in filters
    ]
    late_events = await demo.take_events(*late_followers)
    assert [*map(kinds_or_reasons, late_events)] == [["CREATED", "DELETED"], ["CREATED"]]
    demo.execute_sql("delete from marketplace_order where id = 7002")
    demo.execute_sql("delete from marketplace_resource where id = 7002")
    for each in (*followers, *late_followers):
        each.end_subscription()


async def test_a_project_that_moved_matches_its_present_organisation(
    demo: FollowedDemo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await demo.wait_until_delivered()
    ((id_, project_id, customer_id),) = demo.execute_sql(
        "select o.id, p.id, p.customer_id from marketplace_order o"
        " join structure_project p on p.id = o.project_id order by o.id limit 1"
    )
    ((other_id,),) = demo.execute_sql(
        f"select id from structure_customer where id <> {customer_id} order by id limit 1"
    )
    followers = [
        await demo.start_following(
            "staff",
            ORDER_CHANGED_DOCUMENT,
            filter={"customer": demo.fetch_uuid("structure_customer", each)},
        )
        for each in (customer_id, other_id)
    ]
    update_sql = f"update marketplace_order set output = output || 'x' where id = {id_}"
    demo.execute_sql(update_sql)
    assert [*map(len, await demo.take_events(*followers))] == [1, 0]
    move_project = "update structure_project set customer_id = %s where id = %s"
    demo.execute_sql(move_project, other_id, project_id)
    monkeypatch.setattr("gateway.db.events.scope_uuids.MAX_AGE_SECONDS", 0)
    demo.execute_sql(update_sql)
    assert [*map(len, await demo.take_events(*followers))] == [0, 1]
    demo.execute_sql(move_project, customer_id, project_id)
    for each in followers:
        each.end_subscription()


async def test_number_of_uuids_is_limited(demo: FollowedDemo) -> None:
    uuids = [f"{number:032x}" for number in range(301)]
    with pytest.raises(BadInputError, match="at most 300"):
        await demo.start_following("staff", ORDER_CHANGED_DOCUMENT, filter={"uuids": uuids})


@pytest.mark.parametrize(
    "invalid_filter", [{"resource": "x"}, {"states": ["OK"]}, {"types": ["DONE"]}, {"kinds": [1]}]
)
async def test_invalid_filters_are_refused(
    demo: FollowedDemo, invalid_filter: Mapping[str, Any]
) -> None:
    graphql_request = GraphQLRequest(ORDER_CHANGED_DOCUMENT, {"filter": invalid_filter}, None, "x")
    result = admit_subscription(demo.service._executor, graphql_request)
    assert isinstance(result, GraphQLResult)
    assert result.response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
