"""A server that is to a gateway what Waldur is: it checks requests and carries them out.

request ── path, verb, headers, body ──> violations, and Waldur's refusal
│ as the API describes it
v
user of the token, visibility by collection, state ──> 401, 404, 403, 409
│
v
our own operation, in a transaction with write access ──> the problem as Waldur's refusal
│
v
Waldur's answer
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from starlette.responses import JSONResponse, Response

from gateway.marketplace.operations.set_end_date import set_end_date
from gateway.marketplace.problems import Problem
from tests.support.rest_server import RecordedRequest, RestServer, run_rest_server
from tests.support.waldur_stand_in.accepted_answers import build_accepted_answer
from tests.support.waldur_stand_in.actions import (
    ORDER_ACTIONS,
    RESOURCE_ACTIONS,
    InvalidLinkError,
    StandInAction,
)
from tests.support.waldur_stand_in.api_description import (
    ORDER_COLLECTION,
    ApiRoute,
    list_versions,
    load_api_description,
)
from tests.support.waldur_stand_in.operation_runner import OperationRunner
from tests.support.waldur_stand_in.problem_answers import (
    RefusedRequestError,
    answer_forbidden,
    answer_missing_object,
    answer_missing_route,
    answer_problem,
    answer_wrong_state,
)
from tests.support.waldur_stand_in.request_body import read_body
from tests.support.waldur_stand_in.user_lookups import UserLookups, WaldurUser

Override = Callable[[RecordedRequest], Response | None]
"""Answers a request in Waldur's place; None leaves it to the stand-in."""
READ_METHODS = ("GET", "HEAD")
_ORDER_STATES = {1: "pending-consumer", 7: "pending-provider"}
_ORDER_STATE_SQL = "select state from marketplace_order where uuid = %s"
_END_DATE_NOTICE = timedelta(days=7)


class StandInCall(NamedTuple):
    """A request for an action, and the user who sends it."""

    request: RecordedRequest
    route: ApiRoute
    uuid: str
    """The object's uuid; empty if the action has none."""
    user: WaldurUser


class WaldurStandIn:
    """A running stand-in for one version of Waldur."""

    def __init__(
        self, server: RestServer, runner: OperationRunner, lookups: UserLookups, version: str
    ) -> None:
        """Answer the requests of a server."""
        self.server, self._runner, self._lookups = server, runner, lookups
        self.use_version(version)
        self.violations: list[str] = []
        """What no client may send to Waldur."""
        self.override: Override = lambda _request: None
        server.respond = self.respond

    @property
    def url(self) -> str:
        """The URL of the API."""
        return self.server.url

    def use_version(self, version: str) -> None:
        """Switch to the routes and answers of a version."""
        self.version = version
        self._description = load_api_description(version)

    def take_requests(self) -> list[RecordedRequest]:
        """Return the requests to change something that came since the last call."""
        requests = [each for each in self.server.requests if each.method not in READ_METHODS]
        self.server.requests.clear()
        return requests

    async def respond(self, request: RecordedRequest) -> Response:
        """Check a request, carry it out, and answer it."""
        self._check_headers(request)
        answer = self.override(request)
        if answer is not None:
            return answer
        try:
            uuid, route = self._find_route(request)
            user = self._authenticate(request)
            if uuid is not None and not self._lookups.is_visible(user, route.collection, uuid):
                return answer_missing_object(_get_noun(route))
            return await self._carry_out(StandInCall(request, route, uuid or "", user))
        except RefusedRequestError as error:
            return error.answer

    def _find_route(self, request: RecordedRequest) -> tuple[str | None, ApiRoute]:
        uuid, routes = self._description.list_routes(request.path)
        for route in routes:
            if route.method == request.method or (route.method, request.method) == READ_METHODS:
                return uuid, route
        if routes:
            self._add_violation(request, "unknown method")
            message = f'Method "{request.method}" not allowed.'
            raise RefusedRequestError(JSONResponse({"detail": message}, 405))
        descriptions = map(load_api_description, list_versions())
        if not any(each.list_routes(request.path)[1] for each in descriptions):
            self._add_violation(request, "no version has this route")
        raise RefusedRequestError(answer_missing_route())

    def _authenticate(self, request: RecordedRequest) -> WaldurUser:
        user = self._lookups.find_user(request.headers.get("authorization", ""))
        if user is not None and user.is_active:
            return user
        message = "Invalid token." if user is None else "User inactive or deleted."
        raise RefusedRequestError(JSONResponse({"detail": message}, 401))

    async def _carry_out(self, call: StandInCall) -> Response:
        if call.request.method in READ_METHODS:
            return JSONResponse({})
        is_order = call.route.collection == ORDER_COLLECTION
        action = (ORDER_ACTIONS if is_order else RESOURCE_ACTIONS)[call.route.action]
        self._check_rules(call, action)
        values = self._read_values(call)
        try:
            arguments = action.build_arguments(values)
        except InvalidLinkError as error:
            self._add_violation(call.request, f"{error.field} is no URL of Waldur")
            return JSONResponse({error.field: ["Invalid hyperlink - No URL match."]}, 400)
        if call.route.has_uuid:
            arguments |= {"uuid": call.uuid, "if_modified": None}
        result = await self._runner.run_operation(call.user, action.operation, arguments)
        if isinstance(result, Problem):
            return answer_problem(result, _get_noun(call.route))
        return build_accepted_answer(action.answer, self.version, result, self._lookups.fetch_row)

    def _check_rules(self, call: StandInCall, action: StandInAction) -> None:
        """Refuse what our operation does not check as the action does."""
        if action.order_state is not None:
            (state,) = self._lookups.fetch_row(_ORDER_STATE_SQL, call.uuid)
            if _ORDER_STATES.get(state) != action.order_state:
                raise RefusedRequestError(answer_wrong_state(action.order_state))
        if action.operation is not set_end_date:
            return
        user, collection = call.user, call.route.collection
        is_permitted = self._lookups.may_set_end_date(user, collection, call.uuid)
        if not is_permitted or (
            call.route.action == "set_end_date_by_staff" and not call.user.is_staff
        ):
            raise RefusedRequestError(answer_forbidden())

    def _read_values(self, call: StandInCall) -> Mapping[str, Any]:
        """Return the values of a body; refuse invalid ones."""
        body = read_body(call.route, call.request)
        for fault in body.form_faults:
            self._add_violation(call.request, fault)
        errors: Any = body.field_errors or [*body.form_faults]
        if not errors and call.route.action.startswith("set_end_date_by"):
            errors = self._find_end_date_errors(call.uuid, body.values.get("end_date"))
        if errors:
            raise RefusedRequestError(JSONResponse(errors, 400))
        return body.values

    def _find_end_date_errors(self, uuid: str, end_date: str | None) -> Any:
        """Return why a deprecated action refuses a date (rules.md §2); None if it is accepted."""
        if end_date is None:
            return None
        if self._lookups.is_invoiced(uuid):
            return ["Resource has been used for the last 90 days."]
        if date.fromisoformat(end_date) < datetime.now(UTC).date() + _END_DATE_NOTICE:
            return {"end_date": ["Please set at least 7 days in advance."]}
        return None

    def _check_headers(self, request: RecordedRequest) -> None:
        if request.method in READ_METHODS:
            return
        for name in ("authorization", "x-request-id"):
            if not request.headers.get(name):
                self._add_violation(request, f"no {name}")
        if request.headers.get("accept") != "application/json":
            self._add_violation(request, "does not accept JSON")

    def _add_violation(self, request: RecordedRequest, text: str) -> None:
        content = request.content[:200].decode(errors="replace")
        self.violations.append(f"{request.method} {request.path} {content}: {text}")


def _get_noun(route: ApiRoute) -> str:
    return "Order" if route.collection == ORDER_COLLECTION else "Resource"


@contextmanager
def run_waldur_stand_in(database_url: str, version: str = "8.0.9") -> Iterator[WaldurStandIn]:
    """Yield a stand-in that carries requests out in a marketplace of our own."""
    runner = OperationRunner(database_url)
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        run_rest_server(runner.open) as server,
    ):
        yield WaldurStandIn(server, runner, UserLookups(connection), version)
