"""The route of the REST API for each operation (rules.md §2).

`REST_ROUTES` maps each operation of `gateway.marketplace.operations` to a function that builds its
request. The function gets the unit of work after the dry run, with the facts of the resource or the
order, and the operation's arguments.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.marketplace.operation_call import Operation
from gateway.marketplace.operations.pull_resource import request_pull
from gateway.marketplace.operations.set_end_date import set_end_date
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.rest_request import RestRequest

RequestBuilder = Callable[[UnitOfWork, Mapping[str, Any]], Awaitable[RestRequest]]
"""Builds the request of an operation from its arguments."""


class Collection(Enum):
    """Collection of the REST API that has an action on a resource."""

    CONSUMER = "marketplace-resources"
    PROVIDER = "marketplace-provider-resources"


BOTH_COLLECTIONS = (Collection.CONSUMER, Collection.PROVIDER)


def choose_collection(unit_of_work: UnitOfWork, collections: tuple[Collection, ...]) -> Collection:
    """Return the consumer's collection if it has the action and the viewer sees the resource so."""
    facts = unit_of_work.locked_resource
    assert facts is not None
    if collections == BOTH_COLLECTIONS:
        is_consumer = is_seen_as_consumer(unit_of_work.viewer, facts)
        return Collection.CONSUMER if is_consumer else Collection.PROVIDER
    return collections[0]


def is_seen_as_consumer(viewer: Viewer, facts: ResourceFacts) -> bool:
    """Return whether a viewer sees a resource in the consumer's collection (domain.md §4.4)."""
    return (
        viewer.sees_everything
        or facts.project_id in viewer.consumer_projects
        or facts.id in viewer.resources
    )


def build_action(
    unit_of_work: UnitOfWork,
    uuid: str,
    action: str,
    *collections: Collection,
    **options: Any,
) -> RestRequest:
    """Return the request of an action on a resource; `options` are fields of the request."""
    collection = choose_collection(unit_of_work, collections or BOTH_COLLECTIONS).value
    path = f"/api/{collection}/{uuid}/{action}/"
    return RestRequest(path=path, route=f"{collection}/{action}", **options)


async def _build_pull(unit_of_work: UnitOfWork, arguments: Mapping[str, Any]) -> RestRequest:
    return build_action(unit_of_work, arguments["uuid"], "pull")


async def _build_end_date(unit_of_work: UnitOfWork, arguments: Mapping[str, Any]) -> RestRequest:
    body = {name: arguments[name] for name in ("end_date",) if name in arguments}
    return build_action(
        unit_of_work, arguments["uuid"], "set_end_date", body=body, is_repeatable=True
    )


REST_ROUTES: Mapping[Operation, RequestBuilder] = {
    request_pull: _build_pull,
    set_end_date: _build_end_date,
}
"""The builders of requests by operation."""
