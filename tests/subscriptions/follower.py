"""A demo whose changes people follow, looked at from within the process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg

from gateway.config.settings import settings
from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import Position
from gateway.execution.graphql_request import Asking
from gateway.execution.subscription import Subscribing
from gateway.server.app import application
from gateway.server.endpoint import Service
from gateway.server.factory import installation_of
from gateway.subscriptions.cursors import encode
from gateway.subscriptions.hub import Hub
from gateway.subscriptions.registry import Running, Subscriptions
from tests.support.event_listener import until
from tests.support.gateway_server import _environment, tokens_at
from tests.support.marketplaces import LOCAL

DOCUMENT = """subscription($filter: ResourceEventFilter, $after: String) {
    resourceChanged(filter: $filter, after: $after) {
        ... on ResourceEvent {
            kind uuid previousState state changedFields cursor resource { uuid }
        }
        ... on ResyncRequired { reason cursor }
    }
}"""
NEWEST = """
select xid::text::bigint, id from gateway.resource_event order by xid desc, id desc limit 1
"""
PUT = """
insert into marketplace_resource select (jsonb_populate_record(r, jsonb_build_object(
    'id', %s::int, 'uuid', gen_random_uuid(), 'slug', '',
    'parent_id', null, 'object_id', null, 'content_type_id', null,
    'project_id', %s::int, 'offering_id', %s::int
))).* from marketplace_resource r where id = 1
"""
"""Make a resource with an id, in a project and of an offering."""


def nothing() -> None:
    """Send nothing: tests look themselves at what waits."""


class Following:
    """The service, and those who follow its changes; `sql` changes something at once."""

    def __init__(self, service: Service, connection: psycopg.Connection[Any], url: str) -> None:
        self.service, self._connection = service, connection
        self.tokens = tokens_at(url)

    @property
    def subscriptions(self) -> Subscriptions:
        """The subscriptions of the process."""
        return self.service._desk.subscriptions

    @property
    def hub(self) -> Hub:
        """The events of the process."""
        return self.subscriptions.hub

    def sql(self, statement: str, *given: Any) -> list[Any]:
        """Run a statement, and give the rows that it gives."""
        done = self._connection.execute(statement.encode(), given or None)
        return done.fetchall() if done.description else []

    def uuid(self, table: str, id_: int) -> str:
        """Give the uuid of a row, as 32 hex digits."""
        ((uuid,),) = self.sql(f"select uuid from {table} where id = %s", id_)
        return str(uuid.hex)

    async def viewer(self, username: str | None) -> Viewer:
        """Give the viewer of that name; without one the anonymous."""
        key = None if username is None else self.tokens[username]
        return await self.service._viewers.viewer(key, LOCAL)

    async def data(self, query: str, viewer: Viewer, **variables: Any) -> Any:
        """Give what a query shows a viewer."""
        service = self.service
        answer = await service._answering.answer(Asking(query, variables), service._context(viewer))
        return msgspec.json.decode(answer.encoded())["data"]

    def subscribed(self, document: str = DOCUMENT, **variables: Any) -> Subscribing:
        """Read a subscription."""
        read = self.service._answering.subscription(Asking(document, variables, None, "x"))
        assert isinstance(read, Subscribing), read
        return read

    async def follow(
        self, who: str | Viewer | None = "staff", document: str = DOCUMENT, **variables: Any
    ) -> Running:
        """Start a subscription."""
        viewer = who if isinstance(who, Viewer) else await self.viewer(who)
        subscribed = self.subscribed(document, **variables)
        running = await self.subscriptions.start(subscribed, viewer, str(who)[:99], nothing)
        await until(lambda: running._group is not None or len(running.subscriber) > 0)
        return running

    def cursor(self) -> str:
        """Give the cursor of now."""
        return encode(self.hub.source.kind or "", self.hub.source.position)

    async def settled(self) -> None:
        """Wait until everybody was told of all that the table has."""
        [newest] = self.sql(NEWEST) or [(0, 0)]
        await until(lambda: self._told(newest))

    def _told(self, newest: Position) -> bool:
        groups = self.hub.groups.values()
        return self.hub.source.position >= newest and not any(
            each.waiting or each.joining for each in groups
        )

    async def told(self, *followers: Running) -> list[list[dict[str, Any]]]:
        """Give what each was told since the last time."""
        await self.settled()
        return [texts(each) for each in followers]


def texts(running: Running) -> list[dict[str, Any]]:
    """Give what waits to be sent to a subscriber."""
    return [response(each.payload) for each in running.subscriber.drain(10_000)]


def response(payload: bytes) -> dict[str, Any]:
    """Give what a message without errors tells."""
    answer: dict[str, Any] = msgspec.json.decode(payload)
    assert "errors" not in answer, answer
    told: dict[str, Any] = answer["data"]["resourceChanged"]
    return told


def kinds(told: Sequence[dict[str, Any]]) -> list[str]:
    """Give the kinds of what was told, and the reasons to read anew."""
    return [each.get("kind") or each["reason"] for each in told]


@asynccontextmanager
async def following(url: str, **given: str) -> AsyncIterator[Following]:
    """Serve the demo at `url`; who somebody is, is asked anew each time."""
    effective = settings(_environment({"database_url": url, "viewer_seconds": "0", **given}))
    app = application(effective, installation_of(effective))
    with psycopg.connect(url, autocommit=True) as connection:
        async with app.router.lifespan_context(app):
            made = Following(app._service, connection, url)
            await made.hub.source.attach()
            yield made
