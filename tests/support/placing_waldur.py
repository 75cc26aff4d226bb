"""A REST API that places orders in a database as Waldur does, and loses answers on demand."""

import asyncio
import threading
from collections.abc import Awaitable
from enum import Enum
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.db.queries.tokens import load_tokens_by_username
from gateway.db.tables.codes import OrderState, OrderType, ResourceState
from tests.support.rest_server import RecordedRequest

COPY_ROW_SQL = """
insert into {table} overriding system value
select (jsonb_populate_record(null::{table}, to_jsonb(t) || jsonb_build_object(
    'id', (select max(id) + 1 from {table}), 'created', now(), 'modified', now()) || %s)).*
from {table} t where t.id = %s
"""
ORDER_TYPES: dict[str, tuple[OrderType, dict[str, Any]]] = {
    "renew": (OrderType.UPDATE, {"action": "renew", "old_limits": {}}),
    "update_limits": (OrderType.UPDATE, {"old_limits": {}}),
    "terminate": (OrderType.TERMINATE, {}),
}
_STORED = ("extension_months",)
"""Members of bodies that Waldur stores in the attributes of orders."""


class Fate(Enum):
    """What happens to a request."""

    ANSWERED = "answered"
    FAILED = "answered with 500 after it was done"
    CUT = "done, but the answer is cut in the middle"
    SILENT = "done, but never answered"
    LOST = "not done, and never answered"
    REFUSED = "answered with 400"


class _CutResponse(Response):
    """A response that ends in the middle."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send a part of the body, and end the connection."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"order_uuid": "'})


class PlacingWaldur:
    """The responder of a `RestServer` that places the order of each request.

    `fates` are those of the next requests; all others are answered. Requests that are not answered
    wait until `finish` is called.
    """

    def __init__(self, url: str) -> None:
        """Place orders in a marketplace."""
        self.url = url
        self.fates: list[Fate] = []
        self.order_uuids: list[str] = []
        self.running_count = self.most_running_count = 0
        """Numbers of requests that are under way: at present, and at most at the same time."""
        self.answers_may_come = threading.Event()
        """Without it, requests are done and answered when it is set."""
        self.answers_may_come.set()
        self.is_waiting = False
        """Whether a request was done, or lost, and is not answered."""
        self._finished = threading.Event()
        with psycopg.connect(url) as connection:
            self.user_names = {
                f"Token {token}": name
                for name, token in load_tokens_by_username(connection).items()
            }

    def finish(self) -> None:
        """Answer all requests that wait."""
        self.answers_may_come.set()
        self._finished.set()

    def __call__(self, request: RecordedRequest) -> Response | Awaitable[Response]:
        """Place an order, and answer as the next fate says."""
        return self._count_running(
            self._respond(request, self.fates.pop(0) if self.fates else Fate.ANSWERED)
        )

    async def _count_running(self, response: Awaitable[Response]) -> Response:
        self.running_count += 1
        self.most_running_count = max(self.most_running_count, self.running_count)
        try:
            return await response
        finally:
            self.running_count -= 1

    async def _respond(self, request: RecordedRequest, fate: Fate) -> Response:
        await _await_event(self.answers_may_come)
        if fate is Fate.REFUSED:
            return JSONResponse({"non_field_errors": ["Not today."]}, 400)
        answer = {} if fate is Fate.LOST else self._place_order(request)
        if fate in (Fate.SILENT, Fate.LOST):
            self.is_waiting = True
            await _await_event(self._finished)
        if fate is Fate.CUT:
            return _CutResponse()
        return JSONResponse(answer, 500 if fate is Fate.FAILED else 200)

    def _place_order(self, request: RecordedRequest) -> dict[str, str]:
        user_name = self.user_names[request.headers["authorization"]]
        with psycopg.connect(self.url) as connection:
            ((user_id,),) = connection.execute(
                "select id from core_user where username = %s", [user_name]
            ).fetchall()
            *_, uuid, action, _ = request.path.split("/")
            if uuid == "api":
                return self._create_resource(connection, request.body, user_id)
            ((resource_id,),) = connection.execute(
                "update marketplace_resource set state = %s where uuid = %s returning id",
                [ResourceState.UPDATING, uuid],
            ).fetchall()
            type_, attributes = ORDER_TYPES[action]
            stored = {name: request.body[name] for name in request.body or () if name in _STORED}
            values = {"type": type_, "attributes": attributes | stored}
            return {"order_uuid": self._insert_order(connection, resource_id, user_id, values)}

    def _create_resource(
        self, connection: psycopg.Connection[Any], body: Any, user_id: int
    ) -> dict[str, str]:
        resource_uuid = uuid4().hex
        ids = {
            f"{name}_id": connection.execute(
                f"select id from {table} where uuid = %s",
                [body[name].rstrip("/").rpartition("/")[2]],
            ).fetchall()[0][0]
            for name, table in (
                ("offering", "marketplace_offering"),
                ("project", "structure_project"),
            )
        }
        ((template_id,),) = connection.execute(
            "select min(id) from marketplace_resource"
        ).fetchall()
        values = {
            "uuid": resource_uuid,
            "name": body["attributes"]["name"].strip(),  # as Django REST framework does
            "state": ResourceState.CREATING,
            "content_type_id": None,
            "object_id": None,
            **ids,
        }
        _copy_row(connection, "marketplace_resource", values, template_id)
        ((resource_id,),) = connection.execute(
            "select id from marketplace_resource where uuid = %s", [resource_uuid]
        ).fetchall()
        order_values = {"type": OrderType.CREATE, "attributes": body["attributes"], **ids}
        uuid = self._insert_order(connection, resource_id, user_id, order_values)
        return {"uuid": uuid, "marketplace_resource_uuid": resource_uuid}

    def _insert_order(
        self,
        connection: psycopg.Connection[Any],
        resource_id: int,
        user_id: int,
        values: dict[str, Any],
    ) -> str:
        uuid = uuid4().hex
        ((template_id, offering_id, project_id),) = connection.execute(
            "select (select min(id) from marketplace_order), offering_id, project_id"
            " from marketplace_resource where id = %s",
            [resource_id],
        ).fetchall()
        fixed_values = {
            "uuid": uuid,
            "resource_id": resource_id,
            "offering_id": offering_id,
            "project_id": project_id,
            "created_by_id": user_id,
            "state": OrderState.EXECUTING,
            "consumer_reviewed_at": None,
            "consumer_reviewed_by_id": None,
            "old_plan_id": None,
        }
        _copy_row(connection, "marketplace_order", {**fixed_values, **values}, template_id)
        self.order_uuids.append(uuid)
        return uuid


def _copy_row(
    connection: psycopg.Connection[Any], table: str, values: dict[str, Any], template_id: int
) -> None:
    statement = COPY_ROW_SQL.format(table=table)
    connection.execute(statement.encode(), [Jsonb(values), template_id])


async def _await_event(event: threading.Event) -> None:
    await asyncio.to_thread(event.wait)
