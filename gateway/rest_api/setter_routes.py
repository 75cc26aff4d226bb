"""The routes of operations that change a resource at once, without an order."""

from collections.abc import Mapping

from gateway.marketplace.operation_call import Operation
from gateway.marketplace.operations import provider_setters
from gateway.marketplace.operations.adjust_dates import adjust_dates
from gateway.marketplace.operations.move_resource import move_to_project
from gateway.marketplace.operations.pull_resource import request_pull
from gateway.marketplace.operations.set_end_date import END_DATE_PERMISSION, set_end_date
from gateway.marketplace.operations.staff_setters import set_flag, set_slug
from gateway.marketplace.operations.unlink_resource import unlink_resource
from gateway.marketplace.operations.update_resource import update_details
from gateway.marketplace.preconditions import list_scopes, provider_scope
from gateway.marketplace.problems import build_invalid_input, raise_problem
from gateway.marketplace.rows import ResourceRow
from gateway.rest_api.rest_action import (
    FIRST_CLIENT_VERSION,
    PROVIDER_ONLY,
    CheckedCall,
    RestAction,
    build_resource_request,
)
from gateway.rest_api.rest_request import RestRequest
from gateway.rest_api.rest_result import load_adjustment_result
from gateway.rest_api.rest_route import RestRoute, send_arguments, send_choice

_PULL = RestAction(name="pull", since=FIRST_CLIENT_VERSION, is_repeatable=True)
_UNLINK = RestAction(name="unlink")
_MOVE = RestAction(
    name="move_resource",
    input_paths={"project": ("project",), "project.url": ("project",)},
    is_repeatable=True,
)
_UPDATE = RestAction(name="", method="PATCH", is_repeatable=True)
_ADJUST_DATES = RestAction(name="adjust_dates", since="8.0.9", is_repeatable=True)
_SET_END_DATE = RestAction(
    name="set_end_date",
    since="8.0.7",
    is_repeatable=True,
    consumer_permission=END_DATE_PERMISSION,
)
_SET_END_DATE_BY_STAFF = RestAction(name="set_end_date_by_staff", is_repeatable=True)
_SET_END_DATE_BY_PROVIDER = RestAction(
    name="set_end_date_by_provider", collections=PROVIDER_ONLY, is_repeatable=True
)
_SET_SLUG = RestAction(name="set_slug", is_repeatable=True)
_FLAG_ACTIONS = {
    flag: RestAction(
        name=f"set_{flag}", since=FIRST_CLIENT_VERSION, input_paths={flag: path}, is_repeatable=True
    )
    for flag, path in (
        ("paused", ("flag", "paused")),
        ("downscaled", ("flag", "downscaled")),
        ("restrict_member_access", ("flag", "restrictMemberAccess")),
    )
}


def _declare_provider_action(
    name: str, since: str = "", *, is_repeatable: bool = True, **input_paths: tuple[str, ...]
) -> RestAction:
    return RestAction(
        name=name,
        collections=PROVIDER_ONLY,
        since=since,
        is_repeatable=is_repeatable,
        input_paths=input_paths,
    )


_IDENTIFIER_ACTIONS = {
    "backend_id": _declare_provider_action(
        "set_backend_id", backend_id=("identifier", "backendId")
    ),
    "effective_id": _declare_provider_action(
        "set_effective_id", "8.0.7", effective_id=("identifier", "effectiveId")
    ),
}
_SET_METADATA = _declare_provider_action("set_backend_metadata")
_SET_ENDPOINTS = _declare_provider_action("set_endpoints", "8.0.9")
_SET_LIMITS = _declare_provider_action("set_limits", FIRST_CLIENT_VERSION)
_SET_AS_OK = _declare_provider_action("set_as_ok", FIRST_CLIENT_VERSION)
_SET_STATE_OK = _declare_provider_action("set_state_ok", FIRST_CLIENT_VERSION, is_repeatable=False)
_SET_AS_ERRED = _declare_provider_action(
    "set_as_erred",
    error_message=("state", "erred", "message"),
    error_traceback=("state", "erred", "traceback"),
)
_SUBMIT_REPORT = _declare_provider_action("submit_report")
_REFRESH_LAST_SYNC = _declare_provider_action("refresh_last_sync", FIRST_CLIENT_VERSION)


async def _build_move(call: CheckedCall) -> RestRequest:
    url = call.build_url(f"projects/{call.arguments['project']}")
    return build_resource_request(call, _MOVE, {"project": {"url": url}})


async def _build_update(call: CheckedCall) -> RestRequest:
    """Return the request with the current end date unless another is given.

    Waldur clears the end date of a resource if it is left out.
    """
    body = call.pick_arguments("name", "description")
    if "end_date" in call.arguments:
        body["end_date"] = call.arguments["end_date"]
        return build_resource_request(call, _UPDATE, body)
    body["end_date"] = await _load_end_date(call)
    note = (
        f"Waldur checks the end date in each update: the current one, {body['end_date']}, was sent."
    )
    return build_resource_request(
        call, _UPDATE, body, refusal_note=note if body["end_date"] else ""
    )


async def _build_end_date(call: CheckedCall) -> RestRequest:
    body = {name: call.arguments[name] for name in ("end_date",) if name in call.arguments}
    action = _choose_older_action(call)
    if action is None:
        return build_resource_request(call, _SET_END_DATE, body)
    # The older actions clear the date if it is left out.
    older_body = body or {"end_date": await _load_end_date(call)}
    note = (
        f"This Waldur has only the older action {action.name}, by which the date must be at least 7"
        " days ahead, and the resource must not be on an invoice of the last 90 days."
    )
    return build_resource_request(
        call,
        _SET_END_DATE,
        body,
        fallback=build_resource_request(call, action, older_body),
        fallback_note=note if older_body["end_date"] else "",
    )


def _choose_older_action(call: CheckedCall) -> RestAction | None:
    """Return the action by which the viewer sets an end date in older versions; None without one.

    These have none for consumers.
    """
    viewer = call.unit_of_work.viewer
    scopes = list_scopes(call.facts)
    if viewer.acts_as_staff(scopes):
        return _SET_END_DATE_BY_STAFF
    is_provider = viewer.has_permission(END_DATE_PERMISSION, provider_scope(call.facts))
    is_permitted = is_provider or viewer.acts_as_staff_or_support(scopes)
    return _SET_END_DATE_BY_PROVIDER if is_permitted else None


async def _load_end_date(call: CheckedCall) -> str | None:
    resource = await call.unit_of_work.load_row(ResourceRow, call.facts.id)
    return resource.end_date


async def _build_limits(call: CheckedCall) -> RestRequest:
    """Return the request; raises ChangeRefusedError for an empty object, which never leaves us."""
    limits = call.arguments["limits"]
    if not limits:
        message = "must have the limit of one component at least, got an empty object."
        raise_problem(build_invalid_input("limits", message=message))
    return build_resource_request(call, _SET_LIMITS, {"limits": limits})


async def _build_state(call: CheckedCall) -> RestRequest:
    ((choice, details),) = call.arguments["state"].items()
    if choice == "ok":
        action = _SET_STATE_OK if details["keep_errors"] else _SET_AS_OK
        return build_resource_request(call, action)
    texts = {"error_message": details["message"], "error_traceback": details["traceback"]}
    body = {name: text for name, text in texts.items() if text}
    return build_resource_request(call, _SET_AS_ERRED, body)


SETTER_ROUTES: Mapping[Operation, RestRoute] = {
    request_pull: send_arguments(_PULL),
    move_to_project: RestRoute((_MOVE,), _build_move),
    set_end_date: RestRoute(
        (_SET_END_DATE, _SET_END_DATE_BY_STAFF, _SET_END_DATE_BY_PROVIDER), _build_end_date
    ),
    adjust_dates: send_arguments(
        _ADJUST_DATES, "start_date", "end_date", "comment", load_result=load_adjustment_result
    ),
    update_details: RestRoute((_UPDATE,), _build_update),
    set_slug: send_arguments(_SET_SLUG, "slug"),
    set_flag: send_choice("flag", _FLAG_ACTIONS),
    unlink_resource: send_arguments(_UNLINK),
    provider_setters.set_identifier: send_choice("identifier", _IDENTIFIER_ACTIONS),
    provider_setters.set_backend_metadata: send_arguments(_SET_METADATA, "backend_metadata"),
    provider_setters.set_endpoints: send_arguments(_SET_ENDPOINTS, "endpoints"),
    provider_setters.set_limits: RestRoute((_SET_LIMITS,), _build_limits),
    provider_setters.set_state: RestRoute((_SET_AS_OK, _SET_STATE_OK, _SET_AS_ERRED), _build_state),
    provider_setters.submit_report: send_arguments(_SUBMIT_REPORT, "report"),
    provider_setters.refresh_last_sync: send_arguments(_REFRESH_LAST_SYNC),
}
