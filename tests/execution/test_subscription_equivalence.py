"""Both executions tell subscribers of an event in the same words, errors included."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.api import schema
from gateway.execution.executor import Answering
from gateway.execution.graphql_request import Asking
from gateway.execution.subscription import Subscribing, Told
from gateway.marketplace.states import ResourceState
from gateway.schema.framework.context import Budget, Context
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.resource_event import (
    ResourceEvent,
    ResourceEventKind,
    ResyncReason,
    ResyncRequired,
)
from tests.support.marketplaces import MEDIA, Marketplace

FRAGMENTS = """subscription { ...Changes }
    fragment Changes on Subscription { resourceChanged { ...Its } }
    fragment Its on ResourceEvent { resource { ...Shown } }
    fragment Shown on Resource { name offering { components { type } } }"""
NAMED = """subscription($uuid: UUID!, $first: Int) {
    resourceChanged(filter: {uuids: [$uuid]}) { ... on ResourceEvent { resource {
        offering { plans { name } } project { resources(first: $first) { nodes { uuid } } }
    } } }
}"""
SELECTED: Mapping[str, str] = {
    "all": """
        ... on ResourceEvent {
            cursor at kind previousState state changedFields uuid resource { uuid name }
        }
        ... on ResyncRequired { reason cursor }""",
    "own fields": """
        ... on ResourceEvent { cursor at kind previousState state changedFields uuid }""",
    "nothing of events": """
        ... on ResyncRequired { reason }""",
    "names of types": """
        type: __typename
        ... on ResourceEvent { __typename resource { __typename project { __typename } } }""",
    "aliases": """
        ... on ResourceEvent {
            state: uuid one: resource { uuid: name } two: resource { uuid plan { name } }
        }""",
    "parts of one field": """
        ... on ResourceEvent { resource { name } resource { project { name } } }""",
    "an error in a list": """
        ... on ResourceEvent {
            resource { project { resources(after: "x") { nodes { uuid } } } }
        }""",
    "an error under aliases": """
        ... on ResourceEvent {
            b: resource { c: project { d: resources(first: 1001) { nodes { uuid } } } }
        }""",
    "an error for too much": """
        ... on ResourceEvent { uuid resource { project { resources(first: 100) { nodes {
            project { resources(first: 100) { nodes { uuid } } }
        } } } } }""",
}
SWITCHED = """subscription($on: Boolean!) { resourceChanged { ... on ResourceEvent {
    kind @include(if: $on) resource @skip(if: $on) { name uuid @include(if: $on) }
} } }"""
DOCUMENTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{
        name: (f"subscription {{ told: resourceChanged {{ {each} }} }}", {})
        for name, each in SELECTED.items()
    },
    "fragments": (FRAGMENTS, {}),
    "a variable called uuid": (NAMED, {"uuid": "0" * 32, "first": 2}),
    "switches on": (SWITCHED, {"on": True}),
    "switches off": (SWITCHED, {"on": False}),
}
MOST = 200
VIEWERS = ("staff", "owner", "nobody")
COMPILED, REFERENCE = (Answering(schema, execution=each) for each in ("compiled", "reference"))


async def tell(
    demo: Marketplace, answering: Answering, subscribed: Subscribing, what: Told, username: str
) -> tuple[bytes, bool]:
    """Give an answer's bytes, and whether there is no data."""
    viewer = await demo.viewer(username)
    context = Context(demo.database, demo.statements, viewer, MEDIA, Budget(MOST))
    answer = await answering.tell(subscribed, what, context)
    return answer.encoded(), answer.refused


def events(uuid: str) -> list[Told]:
    """Give an event of each kind, of a resource, and a word that some may have been missed."""
    made: list[Told] = [
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
    return [*made, ResyncRequired(reason=ResyncReason.TOO_SLOW, cursor="another")]


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_an_event_is_told_the_same(demo: Marketplace, name: str) -> None:
    document, variables = DOCUMENTS[name]
    nodes = (await demo.data("{ resources(first: 3) { nodes { uuid } } }"))["resources"]["nodes"]
    asking = Asking(document, dict(variables), None, "the-request")
    first, second = (each.subscription(asking) for each in (COMPILED, REFERENCE))
    assert isinstance(first, Subscribing)
    assert isinstance(second, Subscribing)
    failed = 0
    for uuid in [each["uuid"] for each in nodes] + ["f" * 32]:
        for what in events(uuid):
            for username in VIEWERS:
                compiled = await tell(demo, COMPILED, first, what, username)
                assert compiled == await tell(demo, REFERENCE, second, what, username)
                failed += len(json.loads(compiled[0]).get("errors", ())) > 0
    assert (failed > 0) == name.startswith("an error")
