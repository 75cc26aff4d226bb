"""A demo served in this process, whose subscribers have no transport: the demo reads at once."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg

from gateway.config.settings import load_settings
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import EventPosition
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from gateway.schema.framework.event_cursors import encode_event_cursor
from gateway.server.app import build_application
from gateway.server.endpoint import GatewayService
from gateway.server.factory import detect_installation
from gateway.subscriptions.hub import EventHub
from gateway.subscriptions.registry import SubscriptionRegistry
from gateway.subscriptions.subscriber import Subscriber, SubscriberMessage, SubscriberState
from tests.support.gateway_server import build_environment, load_user_tokens
from tests.support.marketplaces import LOCAL_ADDRESS
from tests.support.subscriptions import admit_subscription
from tests.support.time_limits import time_limit, wait_until

RESOURCE_CHANGED_DOCUMENT = """subscription($filter: ResourceEventFilter, $after: String) {
    resourceChanged(filter: $filter, after: $after) {
        ... on ResourceEvent {
            kind uuid previousState state changedFields cursor resource { uuid }
        }
        ... on ResyncRequired { reason cursor }
    }
}"""
ORDER_CHANGED_DOCUMENT = """subscription($filter: OrderEventFilter, $after: String) {
    orderChanged(filter: $filter, after: $after) {
        ... on OrderEvent {
            kind uuid previousState state changedFields cursor order { uuid }
        }
        ... on ResyncRequired { reason cursor }
    }
}"""
SELECT_NEWEST_POSITION = """
select xid::text::bigint, id from gateway.marketplace_event order by xid desc, id desc limit 1
"""
INSERT_RESOURCE = """
insert into marketplace_resource select (jsonb_populate_record(r, jsonb_build_object(
    'id', %s::int, 'uuid', gen_random_uuid(), 'slug', '',
    'parent_id', null, 'object_id', null, 'content_type_id', null,
    'project_id', %s::int, 'offering_id', %s::int
))).* from marketplace_resource r where id = 1
"""
"""Insert a resource; parameters are its id, the ids of its project and its offering."""


class FollowedDemo:
    """The service and its subscribers, with a connection in autocommit mode."""

    def __init__(
        self, service: GatewayService, connection: psycopg.Connection[Any], url: str
    ) -> None:
        self.service, self._connection, self.url = service, connection, url
        self.tokens = load_user_tokens(url)
        self._received_messages: defaultdict[Subscriber, list[SubscriberMessage]] = defaultdict(
            list
        )

    @property
    def subscription_registry(self) -> SubscriptionRegistry:
        """The subscriptions of the process."""
        return self.service._components.transport_services.subscription_registry

    @property
    def hub(self) -> EventHub:
        """The event hub of the process."""
        return self.subscription_registry.hub

    def execute_sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""
        cursor = self._connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def fetch_uuid(self, table: str, row_id: int) -> str:
        """Return the uuid of a row, as 32 hex digits."""
        ((uuid,),) = self.execute_sql(f"select uuid from {table} where id = %s", row_id)
        return str(uuid.hex)

    async def load_viewer(self, username: str | None) -> Viewer:
        """Return the viewer of a username; the anonymous viewer for None."""
        key = None if username is None else self.tokens[username]
        return await self.service._components.viewer_cache.authenticate(
            Credentials(key, LOCAL_ADDRESS)
        )

    async def query_data(self, query: str, viewer: Viewer, **variables: Any) -> Any:
        """Return the data of a query by a viewer."""
        context = self.service._components.create_context(Requester(viewer))
        return (await self.execute_query(query, context, **variables))["data"]

    async def execute_query(self, query: str, context: RequestContext, **variables: Any) -> Any:
        """Return the decoded response to a query."""
        result = await self.service._executor.execute(GraphQLRequest(query, variables), context)
        return msgspec.json.decode(result.encode())

    def parse_subscription(
        self, document: str = RESOURCE_CHANGED_DOCUMENT, **variables: Any
    ) -> PreparedSubscription:
        """Parse and validate a subscription."""
        subscription = admit_subscription(
            self.service._executor, GraphQLRequest(document, variables, None, "x")
        )
        assert isinstance(subscription, PreparedSubscription), subscription
        return subscription

    async def start_following(
        self,
        follower: str | Viewer | None = "staff",
        document: str = RESOURCE_CHANGED_DOCUMENT,
        **variables: Any,
    ) -> Subscriber:
        """Start a subscription and wait until it is live or has a message."""
        viewer = follower if isinstance(follower, Viewer) else await self.load_viewer(follower)
        subscription = self.parse_subscription(document, **variables)
        subscriber = await self.subscription_registry.start_subscription(
            subscription, viewer, str(follower)[:99], self._read_later
        )
        received_messages = self._received_messages[subscriber]
        await wait_until(lambda: not is_catching_up(subscriber) or bool(received_messages))
        return subscriber

    def _read_later(self, subscriber: Subscriber) -> None:
        asyncio.get_running_loop().call_soon(self._read_messages, subscriber)

    def _read_messages(self, subscriber: Subscriber) -> list[SubscriberMessage]:
        """Read all messages of a subscriber; return those that the test has not taken."""
        self._received_messages[subscriber] += subscriber.take_messages(10_000)
        return self._received_messages[subscriber]

    def current_cursor(self) -> str:
        """Return the cursor of the last published event."""
        return encode_event_cursor(self.hub.source.source_name, self.hub.source.position)

    async def wait_until_delivered(self) -> None:
        """Wait until all events of the table are delivered to all subscribers."""
        [newest_position] = self.execute_sql(SELECT_NEWEST_POSITION) or [(0, 0)]
        await wait_until(lambda: self._is_delivered(newest_position))

    def _is_delivered(self, newest_position: EventPosition) -> bool:
        groups = self.hub.groups.values()
        return self.hub.source.position >= newest_position and not any(
            group.queued_event_count or any(map(is_catching_up, group.members)) for group in groups
        )

    async def take_events(self, *followers: Subscriber) -> list[list[dict[str, Any]]]:
        """Return the events that each follower has received since the last call."""
        await self.wait_until_delivered()
        return [
            [decode_event(message.payload) for message in self.take_messages(each)]
            for each in followers
        ]

    def take_messages(
        self, subscriber: Subscriber, max_messages: int = 10_000
    ) -> list[SubscriberMessage]:
        """Return the messages that a subscriber has received and the test has not taken."""
        received_messages = self._read_messages(subscriber)
        taken_messages = received_messages[:max_messages]
        del received_messages[:max_messages]
        return taken_messages


def is_catching_up(subscriber: Subscriber) -> bool:
    """Return whether a subscriber reads missed events."""
    return subscriber.state is SubscriberState.CATCHING_UP


def decode_event(payload: bytes) -> dict[str, Any]:
    """Return the event of a message, which must have no errors."""
    result: dict[str, Any] = msgspec.json.decode(payload)
    assert "errors" not in result, result
    event: dict[str, Any]
    (event,) = result["data"].values()
    return event


def kinds_or_reasons(events: Sequence[dict[str, Any]]) -> list[str]:
    """Return the kinds of events, and the reasons of resyncs, in order."""
    return [each.get("kind") or each["reason"] for each in events]


@asynccontextmanager
async def follow_demo(url: str, **setting_values: str) -> AsyncIterator[FollowedDemo]:
    """Serve the demo at `url` in this process, without caching of viewers."""
    effective_settings = load_settings(
        build_environment(**{"database_url": url, "viewer_seconds": "0", **setting_values})
    )
    app = build_application(effective_settings, detect_installation(effective_settings))
    with psycopg.connect(url, autocommit=True) as connection:
        async with app.router.lifespan_context(app):
            followed_demo = FollowedDemo(app._service, connection, url)
            async with time_limit(10, "the feed to be attached"):
                await followed_demo.hub.source.wait_until_attached()
            yield followed_demo
