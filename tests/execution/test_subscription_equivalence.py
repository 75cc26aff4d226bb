"""Test that both executions return the same bytes for the events of subscriptions."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.api import schema
from gateway.db.tables.codes import EventKind, OrderState, ResourceState
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription, SubscriptionEvent
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext, RowBudget
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.event_types import EVENT_TYPES
from gateway.schema.types.object_event import ResyncReason, ResyncRequired, SubscriptionStarted
from tests.support.marketplaces import MEDIA_BASE_URL, Marketplace
from tests.support.subscriptions import admit_subscription

FRAGMENTS_DOCUMENT = """subscription { ...Root }
    fragment Root on Subscription { resourceChanged { ...EventFields } }
    fragment EventFields on ResourceEvent { resource { ...ResourceFields } }
    fragment ResourceFields on Resource { name offering { components { type } } }"""
UUID_VARIABLE_DOCUMENT = """subscription($uuid: UUID!, $first: Int) {
    resourceChanged(filter: {uuids: [$uuid]}) { ... on ResourceEvent { resource {
        offering { plans { name } } project { resources(first: $first) { nodes { uuid } } }
    } } }
}"""
SELECTIONS: Mapping[str, str] = {
    "all": """
        ... on ResourceEvent {
            cursor at kind previousState state changedFields uuid resource { uuid name }
        }
        ... on ResyncRequired { reason cursor }
        ... on SubscriptionStarted { cursor }""",
    "own fields": """
        ... on ResourceEvent { cursor at kind previousState state changedFields uuid }""",
    "no event fields": """
        ... on ResyncRequired { reason }""",
    "type names": """
        type: __typename
        ... on ResourceEvent { __typename resource { __typename project { __typename } } }""",
    "aliases": """
        ... on ResourceEvent {
            state: uuid one: resource { uuid: name } two: resource { uuid plan { name } }
        }""",
    "merged fields": """
        ... on ResourceEvent { resource { name } resource { project { name } } }""",
    "an error in a list": """
        ... on ResourceEvent {
            resource { project { resources(after: "x") { nodes { uuid } } } }
        }""",
    "an error under aliases": """
        ... on ResourceEvent {
            b: resource { c: project { d: resources(first: 1001) { nodes { uuid } } } }
        }""",
    "an error for too many rows": """
        ... on ResourceEvent { uuid resource { project { resources(first: 100) { nodes {
            project { resources(first: 100) { nodes { uuid } } }
        } } } } }""",
}
DIRECTIVES_DOCUMENT = """subscription($on: Boolean!) { resourceChanged { ... on ResourceEvent {
    kind @include(if: $on) resource @skip(if: $on) { name uuid @include(if: $on) }
} } }"""
ORDER_SELECTIONS: Mapping[str, str] = {
    "all of orders": """
        ... on OrderEvent {
            cursor at kind previousState state changedFields uuid
            order { uuid state type resource { name } project { name } createdBy { username } }
        }
        ... on ResyncRequired { reason cursor }""",
    "own fields of orders": """
        ... on OrderEvent { cursor at kind previousState state changedFields uuid }""",
    "restricted fields of orders": """
        ... on OrderEvent { order { attributes errorTraceback callbackUrl canTerminate } }""",
    "an error in an order": """
        ... on OrderEvent { uuid one: order { a: uuid project { resources(after: "x") {
            nodes { uuid }
        } } } }""",
}
DOCUMENTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{
        name: (f"subscription {{ alias: resourceChanged {{ {selection} }} }}", {})
        for name, selection in SELECTIONS.items()
    },
    **{
        name: (f"subscription {{ alias: orderChanged {{ {selection} }} }}", {})
        for name, selection in ORDER_SELECTIONS.items()
    },
    "fragments": (FRAGMENTS_DOCUMENT, {}),
    "a variable called uuid": (UUID_VARIABLE_DOCUMENT, {"uuid": "0" * 32, "first": 2}),
    "directives on": (DIRECTIVES_DOCUMENT, {"on": True}),
    "directives off": (DIRECTIVES_DOCUMENT, {"on": False}),
}
OLD_STATES: Mapping[str, Any] = {
    "resource": ResourceState.UPDATING,
    "order": OrderState.PENDING_PROVIDER,
}
NEW_STATES: Mapping[str, Any] = {"resource": ResourceState.OK, "order": OrderState.EXECUTING}
MAX_ROWS = 200
VIEWERS = ("staff", "owner", "nobody")
COMPILED_EXECUTOR, REFERENCE_EXECUTOR = (
    Executor(schema, execution=execution) for execution in ("compiled", "reference")
)


async def execute_event_as(
    demo: Marketplace,
    executor: Executor,
    subscription: PreparedSubscription,
    event: SubscriptionEvent,
    username: str,
) -> tuple[bytes, bool]:
    """Return the response to an event, and whether it is rejected; its SQL is recorded."""
    viewer = await demo.load_viewer(username)
    demo.database.recorded_sql = []
    context = RequestContext(
        demo.database,
        demo.statement_compiler,
        Requester(viewer),
        MEDIA_BASE_URL,
        RowBudget(MAX_ROWS),
    )
    result = await executor.execute_event(subscription, event, context)
    return result.encode(), result.is_rejected


def make_events(object_type: str, uuid: str) -> list[SubscriptionEvent]:
    """Return an event of each kind for an object, ResyncRequired and SubscriptionStarted."""
    object_events: list[SubscriptionEvent] = [
        EVENT_TYPES[f"{object_type}Changed"].event_class(
            cursor="a cursor",
            at=DateTime("2026-11-29 01:02:03.000400+00"),
            kind=kind,
            previous_state=OLD_STATES[object_type],
            state=None if kind is EventKind.HIDDEN else NEW_STATES[object_type],
            changed_fields=["state", "endDate"],
            uuid=UUID(uuid),
        )
        for kind in EventKind
    ]
    return [
        *object_events,
        ResyncRequired(reason=ResyncReason.TOO_SLOW, cursor="another"),
        SubscriptionStarted(cursor="a third"),
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_events_give_equal_results(demo: Marketplace, name: str) -> None:
    document, variables = DOCUMENTS[name]
    graphql_request = GraphQLRequest(document, dict(variables), None, "the-request")
    compiled_subscription, reference_subscription = (
        admit_subscription(executor, graphql_request)
        for executor in (COMPILED_EXECUTOR, REFERENCE_EXECUTOR)
    )
    assert isinstance(compiled_subscription, PreparedSubscription)
    assert isinstance(reference_subscription, PreparedSubscription)
    object_type = compiled_subscription.event_type.object_field
    objects = await demo.fetch_data(f"{{ {object_type}s(first: 3) {{ nodes {{ uuid }} }} }}")
    failure_count = 0
    for uuid in [node["uuid"] for node in objects[f"{object_type}s"]["nodes"]] + ["f" * 32]:
        for event in make_events(object_type, uuid):
            for username in VIEWERS:
                compiled_result = await execute_event_as(
                    demo, COMPILED_EXECUTOR, compiled_subscription, event, username
                )
                assert compiled_result == await execute_event_as(
                    demo, REFERENCE_EXECUTOR, reference_subscription, event, username
                )
                failure_count += len(json.loads(compiled_result[0]).get("errors", ())) > 0
    assert (failure_count > 0) == name.startswith("an error")


STATEMENT_COUNTS = {
    "subscription { resourceChanged { ... on ResourceEvent { kind uuid } } }": 0,
    "subscription { orderChanged { ... on OrderEvent { kind uuid } } }": 0,
    "subscription { resourceChanged { ... on ResourceEvent { resource { name } } } }": 1,
    "subscription { orderChanged { ... on OrderEvent { order { state } } } }": 1,
    """subscription { resourceChanged { ... on ResourceEvent { resource {
        project { name } offering { name } } } } }""": 1,
    """subscription { orderChanged { ... on OrderEvent { order {
        project { name } resource { name } createdBy { username } } } } }""": 1,
}


@pytest.mark.parametrize(
    ("document", "expected_count"), STATEMENT_COUNTS.items(), ids=range(len(STATEMENT_COUNTS))
)
async def test_an_event_needs_few_statements(
    demo: Marketplace, document: str, expected_count: int
) -> None:
    subscription = admit_subscription(COMPILED_EXECUTOR, GraphQLRequest(document, {}, None, "x"))
    assert isinstance(subscription, PreparedSubscription)
    object_type = subscription.event_type.object_field
    data = await demo.fetch_data(f"{{ {object_type}s(first: 1) {{ nodes {{ uuid }} }} }}", "owner")
    event, *_ = make_events(object_type, data[f"{object_type}s"]["nodes"][0]["uuid"])
    await execute_event_as(demo, COMPILED_EXECUTOR, subscription, event, "owner")
    assert len(demo.database.recorded_sql) == expected_count
