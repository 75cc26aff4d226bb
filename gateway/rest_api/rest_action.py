"""Actions of the REST API, and their requests for one resource or order (rules.md §2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from gateway.db.access.viewer import Viewer
from gateway.marketplace.preconditions import customer_scope, project_scope
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import OrderRow
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.rest_request import FieldPath, RestRequest


class Collection(Enum):
    """Collection of the REST API."""

    CONSUMER = "marketplace-resources"
    PROVIDER = "marketplace-provider-resources"
    ORDERS = "marketplace-orders"


BOTH_COLLECTIONS = (Collection.CONSUMER, Collection.PROVIDER)
CONSUMER_ONLY, PROVIDER_ONLY = (Collection.CONSUMER,), (Collection.PROVIDER,)
ORDERS = (Collection.ORDERS,)
FIRST_CLIENT_VERSION = "8.0.5"
"""The first version with a published client: it has what a Waldur of October 2024 lacks."""


class CheckedCall(NamedTuple):
    """A call of an operation whose checks have passed, with what its request is built from."""

    unit_of_work: UnitOfWork
    """After the dry run, with the facts of the resource or the order."""
    arguments: Mapping[str, Any]
    api_url: str
    """URL of the REST API, for bodies that name objects by their URLs."""

    @property
    def facts(self) -> ResourceFacts:
        """The facts of the resource that the operation changes."""
        facts = self.unit_of_work.locked_resource
        assert facts is not None
        return facts

    @property
    def order(self) -> OrderRow:
        """The order that the operation changes."""
        order = self.unit_of_work.locked_order
        assert order is not None
        return order

    def pick_arguments(self, *names: str) -> dict[str, Any]:
        """Return arguments by name, without those that are left out or None."""
        values = {name: self.arguments.get(name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def build_url(self, path: str) -> str:
        """Return the URL by which bodies name an object."""
        return f"{self.api_url}/api/{path}/"

    def build_offering_url(self, offering_uuid: str) -> str:
        """Return the URL of an offering."""
        return self.build_url(f"marketplace-public-offerings/{offering_uuid}")

    def build_plan_url(self, offering_uuid: str, plan_uuid: str) -> str:
        """Return the URL of a plan of an offering."""
        return f"{self.build_offering_url(offering_uuid)}plans/{plan_uuid}/"


@dataclass(frozen=True, kw_only=True)
class RestAction:
    """An action on the objects of one or two collections; see `RestRequest` for its properties."""

    name: str
    """The last part of its path; empty for the object itself."""
    collections: tuple[Collection, ...] = BOTH_COLLECTIONS
    method: str = "POST"
    since: str = ""
    input_paths: Mapping[str, FieldPath] = field(default_factory=dict)
    is_repeatable: bool = False
    consumer_permission: str | None = None
    """The permission that the consumer's collection requires on the project or its organisation.

    None if both collections require the same: then the consumer's is always preferred.
    """

    def list_routes(self) -> list[str]:
        """Return the names of the routes: one for each collection."""
        return [self.name_route(each) for each in self.collections]

    def name_route(self, collection: Collection) -> str:
        """Return the name of the route in a collection."""
        return f"{collection.value}/{self.name}" if self.name else collection.value

    def choose_collection(self, viewer: Viewer, facts: ResourceFacts) -> Collection:
        """Return the collection for a viewer's request.

        It is the consumer's if that has the action and the viewer sees the resource there.
        """
        if self.collections != BOTH_COLLECTIONS:
            return self.collections[0]
        is_consumer = is_seen_as_consumer(viewer, facts) and (
            self.consumer_permission is None
            or viewer.has_permission(
                self.consumer_permission, project_scope(facts), customer_scope(facts)
            )
        )
        return Collection.CONSUMER if is_consumer else Collection.PROVIDER


def is_seen_as_consumer(viewer: Viewer, facts: ResourceFacts) -> bool:
    """Return whether a viewer sees a resource in the consumer's collection (domain.md §4.4)."""
    return (
        viewer.sees_everything
        or facts.project_id in viewer.consumer_projects
        or facts.id in viewer.resources
    )


def build_resource_request(
    call: CheckedCall,
    action: RestAction,
    body: Mapping[str, Any] | None = None,
    **options: Any,
) -> RestRequest:
    """Return the request of an action on a resource; `options` are other fields of the request."""
    collection = action.choose_collection(call.unit_of_work.viewer, call.facts)
    return _build_request(action, collection, call.arguments["uuid"], body, options)


def build_order_request(
    order_uuid: str, action: RestAction, body: Mapping[str, Any] | None = None, **options: Any
) -> RestRequest:
    """Return the request of an action on an order; `options` are other fields of the request."""
    return _build_request(action, Collection.ORDERS, order_uuid, body, options)


def _build_request(
    action: RestAction,
    collection: Collection,
    uuid: str,
    body: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> RestRequest:
    path = f"/api/{collection.value}/{uuid}/"
    return RestRequest(
        method=action.method,
        path=f"{path}{action.name}/" if action.name else path,
        route=action.name_route(collection),
        since=action.since,
        body=body,
        input_paths=action.input_paths,
        **{"is_repeatable": action.is_repeatable, **options},
    )
