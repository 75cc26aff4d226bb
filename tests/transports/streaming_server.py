"""A gateway on a free port, and a WebSocket client that sends and receives single messages."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.config.settings import load_settings
from gateway.server.app import build_application
from gateway.server.factory import detect_installation
from gateway.subscriptions.subscriber import SubscriberState
from gateway.transports.services import TransportServices
from tests.support.gateway_server import load_user_tokens
from tests.support.listening_server import serve_on_free_port
from tests.support.marketplaces import EXECUTION_MODE
from tests.support.time_limits import scale_seconds, time_limit, wait_until

RESOURCE_CHANGED_SUBSCRIPTION = (
    "subscription { resourceChanged { ... on ResourceEvent { uuid cursor resource { name } } } }"
)
VIEWER_QUERY = "{ viewer { user { username } } }"
SUBPROTOCOLS = ("graphql-transport-ws",)
JSONObject = dict[str, Any]


@dataclass(frozen=True)
class ServedGateway:
    """A gateway that is being served, with the tokens of all users."""

    port: int
    database_url: str
    tokens: dict[str, str]
    optional_services: TransportServices | None = None
    """The services of its transports; None if it is served by another process."""

    @property
    def services(self) -> TransportServices:
        """The services of the transports of a gateway in this process."""
        assert self.optional_services is not None
        return self.optional_services

    @property
    def url(self) -> str:
        """URL of the GraphQL endpoint."""
        return f"http://127.0.0.1:{self.port}/graphql"

    def create_auth_header(self, username: str = "staff") -> dict[str, str]:
        """Return the header, or the `connection_init` payload, with a user's token."""
        return {"Authorization": f"Token {self.tokens[username]}"}

    def execute_sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def rename_resource(self, name: str, resource_id: int = 1) -> str:
        """Rename a resource and return its uuid."""
        update_name = "update marketplace_resource set name = %s where id = %s returning uuid"
        ((uuid,),) = self.execute_sql(update_name, name, resource_id)
        return str(uuid.hex)

    def count_subscriptions(self) -> int:
        """Return the number of active subscriptions."""
        return self.services.subscription_registry.quota.count


@asynccontextmanager
async def serve_gateway(
    url: str,
    server_options: JSONObject | None = None,
    *,
    connect_url: str | None = None,
    wrap_app: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **setting_values: str,
) -> AsyncIterator[ServedGateway]:
    """Serve the demo at `url` with some settings, and some options of uvicorn.

    The gateway connects to `connect_url`, if not None, such as a proxy of that database.
    `wrap_app` may put middleware around the application.
    """
    variables = {f"GATEWAY_{name.upper()}": value for name, value in setting_values.items()}
    effective_settings = load_settings(
        {
            "GATEWAY_DATABASE_URL": connect_url or url,
            "GATEWAY_EXECUTION": EXECUTION_MODE,
            **variables,
        }
    )
    installation = detect_installation(load_settings({"GATEWAY_DATABASE_URL": url}))
    app = build_application(effective_settings, installation)
    async with serve_on_free_port(
        wrap_app(app), effective_settings, **(server_options or {})
    ) as port:
        services = app._service._components.transport_services
        yield ServedGateway(port, url, load_user_tokens(url), services)


class WebSocketClient:
    """Client of one WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send_message(self, message_type: str, **members: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": message_type, **members}))

    async def receive_message(self) -> JSONObject:
        """Return the next message."""
        async with time_limit(10, "the next message of the WebSocket"):
            message: JSONObject = json.loads(await self.connection.recv())
        return message

    async def wait_closed(self) -> tuple[int, str]:
        """Skip messages until the server closes; return the close code and the close reason."""
        with pytest.raises(ConnectionClosed) as caught:
            async with time_limit(90, "the server to close the WebSocket"):
                await self._receive_all()
        close = caught.value.rcvd
        assert close is not None
        return close.code, close.reason

    async def _receive_all(self) -> None:
        while True:
            await self.receive_message()

    async def init_connection(self, **payload: Any) -> None:
        """Send `connection_init` and wait for `connection_ack`."""
        await self.send_message("connection_init", payload=payload)
        assert await self.receive_message() == {"type": "connection_ack"}

    async def start_operation(
        self, query: str, operation_id: str = "1", **payload_members: Any
    ) -> None:
        """Send a `subscribe` message."""
        await self.send_message(
            "subscribe", id=operation_id, payload={"query": query, **payload_members}
        )

    async def execute_query(
        self, query: str, operation_id: str = "1", **payload_members: Any
    ) -> JSONObject:
        """Execute a query until it is complete and return its result."""
        await self.start_operation(query, operation_id, **payload_members)
        message = await self.receive_message()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        assert await self.receive_message() == {"type": "complete", "id": operation_id}
        payload: JSONObject = message["payload"]
        return payload

    async def expect_error_code(
        self, query: str, operation_id: str = "1", **payload_members: Any
    ) -> str:
        """Start an operation that is rejected and return the code of its first error."""
        await self.start_operation(query, operation_id, **payload_members)
        message = await self.receive_message()
        assert (message["type"], message["id"]) == ("error", operation_id), message
        (error, *_) = message["payload"]
        return str(error["extensions"]["code"])

    async def receive_event(self) -> JSONObject:
        """Return the data of the next event."""
        message = await self.receive_message()
        assert message["type"] == "next", message
        event: JSONObject
        (event,) = message["payload"]["data"].values()
        return event


@asynccontextmanager
async def open_websocket(
    gateway: ServedGateway,
    subprotocols: tuple[str, ...] = SUBPROTOCOLS,
    *,
    uri: str | None = None,
    **connect_options: Any,
) -> AsyncIterator[WebSocketClient]:
    """Open a WebSocket to the gateway, by another URI if not None, without `connection_init`."""
    protocols = [Subprotocol(each) for each in subprotocols] or None
    address = gateway.url.replace("http", "ws")
    default_options: JSONObject = {
        "ping_interval": None,
        "compression": None,
        "proxy": None,
        "open_timeout": scale_seconds(10),
    }
    async with connect(
        uri or address, subprotocols=protocols, **{**default_options, **connect_options}
    ) as connection:
        yield WebSocketClient(connection)


@asynccontextmanager
async def open_authenticated_websocket(
    gateway: ServedGateway, username: str = "staff"
) -> AsyncIterator[WebSocketClient]:
    """Open a WebSocket whose `connection_init` with a user's token is acknowledged."""
    async with open_websocket(gateway) as websocket:
        await websocket.init_connection(**gateway.create_auth_header(username))
        yield websocket


async def wait_for_subscribers(gateway: ServedGateway, expected_count: int = 1) -> None:
    """Wait until exactly `expected_count` subscribers are live."""
    groups = gateway.services.subscription_registry.hub.groups
    await wait_until(
        lambda: (
            sum(
                each.state is SubscriberState.LIVE
                for group in groups.values()
                for each in group.members
            )
            == expected_count
        )
    )
