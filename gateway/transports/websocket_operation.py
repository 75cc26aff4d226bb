"""An operation on a WebSocket: a query or mutation with one result, or a subscription."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.auth.errors import RefusedCredentialsError
from gateway.db.access.viewer import Viewer
from gateway.execution.errors import format_exception
from gateway.execution.executor import GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.operation_admission import AdmittedOperation
from gateway.execution.subscription import PreparedSubscription
from gateway.http.deadline import DeadlineExceededError
from gateway.marketplace.requester import Requester
from gateway.rate_limits.client_key import identify_client
from gateway.subscriptions.subscriber import Subscriber, SubscriberMessage
from gateway.transports.graphql_transport_ws import (
    encode_message,
    encode_next_prefix,
    make_close_error,
)
from gateway.transports.rate_charging import admit_and_charge

if TYPE_CHECKING:
    from gateway.transports.websocket import WebSocketConnection


class WebSocketOperation:
    """An operation of a WebSocket, from its `subscribe` message until it is complete.

    A task executes the query or mutation, or starts the subscription; afterwards a
    subscription needs no task: its `Subscriber` wakes the connection's `OutgoingBuffer`. The
    operation leaves `WebSocketConnection.operations` with its last message (`complete` or
    `error`), which frees its id, or by `end_operation`:

        RUNNING --- result and `complete` ----------------------> ended, id free
          |  |  |
          |  |  +-- `error` ------------------------------------> ended, id free
          |  +----- token rejected -----------------------------> the connection is closed
          v
        SUBSCRIBED --- client's `complete`, end of connection --> ended (end_operation)
    """

    def __init__(
        self, socket: "WebSocketConnection", operation_id: str, graphql_request: GraphQLRequest
    ) -> None:
        """Start the operation."""
        self._socket, self._operation_id = socket, operation_id
        self._graphql_request = graphql_request
        self._next_prefix = encode_next_prefix(operation_id)
        self._subscriber: Subscriber | None = None
        self.is_executing = False
        """Whether a query or mutation is running."""
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._run_operation())

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue the subscription with the viewer's current roles."""
        if self._subscriber is not None:
            self._subscriber.viewer_changed(viewer)

    def end_operation(self) -> None:
        """Cancel the operation and free its resources; nothing more is sent."""
        if self._task is not None:
            self._task.cancel()
            self._task = None  # a cancelled task refers to this object, by its traceback
        if self._subscriber is not None:
            self._subscriber.end_subscription()
            self._subscriber = None

    async def _run_operation(self) -> None:
        try:
            await self._start_operation()
        except RefusedCredentialsError as error:
            self._socket.close(make_close_error(error, self._graphql_request.request_id))
        except Exception as error:  # noqa: BLE001 - an error ends its operation only
            self._send_errors([format_exception(error, self._graphql_request.request_id)])

    async def _start_operation(self) -> None:
        services, credentials = self._socket.services, self._socket.credentials
        assert credentials is not None
        executor, address = services.executor, credentials.address
        operation = await admit_and_charge(
            services, self._graphql_request, self._socket.viewer, address
        )
        if isinstance(operation, GraphQLResult):
            self._send_errors(operation.response["errors"])
            return
        subscription = executor.prepare_subscription(operation)
        if isinstance(subscription, GraphQLResult):
            self._send_errors(subscription.response["errors"])
        elif subscription is not None:
            await self._start_subscription(subscription)
        else:
            await self._execute_in_time(operation)

    async def _execute_in_time(self, operation: AdmittedOperation) -> None:
        services, credentials = self._socket.services, self._socket.credentials
        assert credentials is not None
        self.is_executing = True
        viewer = await services.session_monitor.viewer_cache.authenticate(credentials)
        requester = Requester(viewer, credentials, self._graphql_request.request_id)
        context = services.create_context(requester)
        try:
            async with asyncio.timeout(services.settings.request_seconds):
                result = await services.executor.execute_operation(operation, context)
        except TimeoutError:
            raise DeadlineExceededError from None
        self._send_result(result)

    async def _start_subscription(self, subscription: PreparedSubscription) -> None:
        services, viewer = self._socket.services, self._socket.viewer
        on_ready = partial(self._socket.outgoing.mark_ready, self._encode_event)
        assert self._socket.credentials is not None
        user_key = identify_client(viewer, self._socket.credentials.address)
        self._subscriber = await services.subscription_registry.start_subscription(
            subscription, viewer, user_key, on_ready
        )
        self._subscriber.viewer_changed(self._socket.viewer)  # it may have changed meanwhile

    def _encode_event(self, message: SubscriberMessage) -> bytes:
        return b"%b%b}" % (self._next_prefix, message.payload)

    def _send_result(self, result: GraphQLResult) -> None:
        if result.is_rejected:
            self._send_errors(result.response["errors"])
        else:
            self._socket.outgoing.add_answer(self._next_prefix + result.encode() + b"}")
            self._send_last_message(encode_message("complete", id=self._operation_id))

    def _send_errors(self, errors: Any) -> None:
        self._send_last_message(encode_message("error", id=self._operation_id, payload=errors))

    def _send_last_message(self, message: bytes) -> None:
        """Send the last message, after which the client may use the id again."""
        self._socket.outgoing.add_answer(message)
        self._socket.remove_operation(self._operation_id)
