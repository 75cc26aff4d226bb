"""Test that both executions return the same bytes for the events of subscriptions."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.api import schema
from gateway.db.tables.codes import ResourceEventKind, ResourceState
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription, SubscriptionEvent
from gateway.schema.framework.context import RequestContext, RowBudget
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.resource_event import (
    ResourceEvent,
    ResyncReason,
    ResyncRequired,
)
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
        ... on ResyncRequired { reason cursor }""",
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
DOCUMENTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{
        name: (f"subscription {{ alias: resourceChanged {{ {selection} }} }}", {})
        for name, selection in SELECTIONS.items()
    },
    "fragments": (FRAGMENTS_DOCUMENT, {}),
    "a variable called uuid": (UUID_VARIABLE_DOCUMENT, {"uuid": "0" * 32, "first": 2}),
    "directives on": (DIRECTIVES_DOCUMENT, {"on": True}),
    "directives off": (DIRECTIVES_DOCUMENT, {"on": False}),
}
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
    """Return the response to an event, and whether it is rejected."""
    viewer = await demo.load_viewer(username)
    context = RequestContext(
        demo.database, demo.statement_compiler, viewer, MEDIA_BASE_URL, RowBudget(MAX_ROWS)
    )
    result = await executor.execute_event(subscription, event, context)
    return result.encode(), result.is_rejected


def make_events(uuid: str) -> list[SubscriptionEvent]:
    """Return an event of each kind for a resource, and ResyncRequired."""
    resource_events: list[SubscriptionEvent] = [
        ResourceEvent(
            cursor="a cursor",
            at=DateTime("2026-11-29 01:02:03.000400+00"),
            kind=kind,
            previous_state=ResourceState.UPDATING,
            state=None if kind is ResourceEventKind.HIDDEN else ResourceState.OK,
            changed_fields=["state", "endDate"],
            uuid=UUID(uuid),
        )
        for kind in ResourceEventKind
    ]
    return [*resource_events, ResyncRequired(reason=ResyncReason.TOO_SLOW, cursor="another")]


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_events_give_equal_results(demo: Marketplace, name: str) -> None:
    document, variables = DOCUMENTS[name]
    nodes = (await demo.fetch_data("{ resources(first: 3) { nodes { uuid } } }"))["resources"][
        "nodes"
    ]
    graphql_request = GraphQLRequest(document, dict(variables), None, "the-request")
    compiled_subscription, reference_subscription = (
        admit_subscription(executor, graphql_request)
        for executor in (COMPILED_EXECUTOR, REFERENCE_EXECUTOR)
    )
    assert isinstance(compiled_subscription, PreparedSubscription)
    assert isinstance(reference_subscription, PreparedSubscription)
    failure_count = 0
    for uuid in [node["uuid"] for node in nodes] + ["f" * 32]:
        for event in make_events(uuid):
            for username in VIEWERS:
                compiled_result = await execute_event_as(
                    demo, COMPILED_EXECUTOR, compiled_subscription, event, username
                )
                assert compiled_result == await execute_event_as(
                    demo, REFERENCE_EXECUTOR, reference_subscription, event, username
                )
                failure_count += len(json.loads(compiled_result[0]).get("errors", ())) > 0
    assert (failure_count > 0) == name.startswith("an error")
