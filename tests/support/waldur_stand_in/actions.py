"""What the actions of Waldur's REST API do, by our own operations (rules.md §1-§3).

This is the way back from requests to arguments. It is written from Waldur's behaviour, and must not
import anything of `gateway.rest_api`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gateway.marketplace.attachments import store_attachment
from gateway.marketplace.operation_call import Operation
from gateway.marketplace.operations import carry_out_order, provider_setters, staff_setters
from gateway.marketplace.operations.adjust_dates import adjust_dates
from gateway.marketplace.operations.carry_out_order import ReportedOrderState
from gateway.marketplace.operations.create_order import order_creation
from gateway.marketplace.operations.move_resource import move_to_project
from gateway.marketplace.operations.pull_resource import request_pull
from gateway.marketplace.operations.reallocate_limits import order_reallocation
from gateway.marketplace.operations.renew_resource import order_renewal
from gateway.marketplace.operations.restore_resource import order_restoration
from gateway.marketplace.operations.review_order import (
    approve_pending_order,
    cancel_open_order,
    reject_pending_order,
)
from gateway.marketplace.operations.set_end_date import set_end_date
from gateway.marketplace.operations.switch_plan import order_plan_switch
from gateway.marketplace.operations.terminate_resource import order_termination
from gateway.marketplace.operations.unlink_resource import unlink_resource
from gateway.marketplace.operations.update_limits import order_limit_update
from gateway.marketplace.operations.update_options import update_options
from gateway.marketplace.operations.update_resource import update_details
from gateway.marketplace.orders.order_access import lock_order
from gateway.marketplace.rows import OrderRow
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

Body = Mapping[str, Any]
_PROJECT_URL = re.compile(r"https?://[^/]+/api/projects/([0-9a-f]{32})/")
_OFFERING_URL = re.compile(r"https?://[^/]+/api/marketplace-public-offerings/([0-9a-f]{32})/")
_PLAN_URL = re.compile(
    r"https?://[^/]+/api/marketplace-public-offerings/[0-9a-f]{32}/plans/([0-9a-f]{32})/"
)


class InvalidLinkError(Exception):
    """A URL in a body leads to no object of the kind."""

    def __init__(self, field: str) -> None:
        """Name the field of the body."""
        super().__init__(field)
        self.field = field


class StandInAction(NamedTuple):
    """What an action does, and how it answers."""

    operation: Operation
    build_arguments: Callable[[Body], dict[str, Any]] = dict
    """Returns the arguments of the operation, without the object's uuid."""
    answer: str = "order"
    """Form of the answer to an accepted request; see `accepted_answers`."""
    order_state: str | None = None
    """The state of orders in which the action is allowed; None leaves that to the operation."""


def _choose(body: Body, *names: str) -> dict[str, Any]:
    """Return the named fields that a body has."""
    return {name: body[name] for name in names if name in body}


def _parse_link(pattern: re.Pattern[str], field: str, url: str) -> str:
    """Return the uuid in a URL."""
    match = pattern.fullmatch(url)
    if match is None:
        raise InvalidLinkError(field)
    return match[1]


def _parse_move(body: Body) -> dict[str, Any]:
    return {"project": _parse_link(_PROJECT_URL, "project", body["project"]["url"])}


def _parse_plan_switch(body: Body) -> dict[str, Any]:
    return {"plan": _parse_link(_PLAN_URL, "plan", body["plan"])}


def _parse_details(body: Body) -> dict[str, Any]:
    """Return new details; a missing end date clears it, like null."""
    return {**_choose(body, "name", "description"), "end_date": body.get("end_date")}


def _parse_flag(name: str) -> Callable[[Body], dict[str, Any]]:
    return lambda body: {"flag": {name: body.get(name, False)}}


def _parse_identifier(name: str) -> Callable[[Body], dict[str, Any]]:
    return lambda body: {"identifier": {name: body[name]}}


def _parse_error(body: Body) -> dict[str, Any]:
    message, traceback = body.get("error_message", ""), body.get("error_traceback", "")
    return {"state": {"erred": {"message": message, "traceback": traceback}}}


def _parse_ok(*, keep_errors: bool) -> Callable[[Body], dict[str, Any]]:
    return lambda _body: {"state": {"ok": {"keep_errors": keep_errors}}}


def _parse_options(*, direct: bool) -> Callable[[Body], dict[str, Any]]:
    return lambda body: {"options": body.get("options"), "direct": direct}


def _parse_reallocation(body: Body) -> dict[str, Any]:
    targets = [
        {"resource": each["resource_uuid"], "limits": each["allocated_limits"]}
        for each in body["targets"]
    ]
    return {"limits": body["limits"], "targets": targets}


def _parse_rejection(name: str) -> Callable[[Body], dict[str, Any]]:
    return lambda body: {"comment": body.get(name)}


def _parse_report(state: ReportedOrderState) -> Callable[[Body], dict[str, Any]]:
    return lambda body: {"state": state, **_choose(body, "error_message", "error_traceback")}


def _parse_creation(body: Body) -> dict[str, Any]:
    attributes = {**body.get("attributes", {})}
    plan = body.get("plan")
    return {
        "offering": _parse_link(_OFFERING_URL, "offering", body["offering"]),
        "project": _parse_link(_PROJECT_URL, "project", body["project"]),
        "plan": None if plan is None else _parse_link(_PLAN_URL, "plan", plan),
        "name": attributes.pop("name", ""),
        "attributes": attributes,
        "accept_terms_of_service": body.get("accepting_terms_of_service", False),
        **_choose(body, "limits", "start_date", "request_comment"),
    }


def _parse_termination(body: Body) -> dict[str, Any]:
    return {"attributes": body.get("attributes")}


async def _attach_file(
    unit_of_work: UnitOfWork, uuid: str, attachment: bytes, if_modified: str | None
) -> ChangeResult:
    """Attach a file to an order."""
    order = await lock_order(unit_of_work, uuid)
    path = await store_attachment(unit_of_work, attachment)
    await unit_of_work.update_rows(OrderRow, order.id, attachment=path)
    return ChangeResult(order.resource_id, order.id)


_END_DATE = StandInAction(set_end_date, lambda body: _choose(body, "end_date"), "empty")
RESOURCE_ACTIONS: Mapping[str, StandInAction] = {
    "": StandInAction(update_details, _parse_details, "details"),
    "pull": StandInAction(request_pull, answer="scheduled"),
    "unlink": StandInAction(unlink_resource, answer="no content"),
    "move_resource": StandInAction(move_to_project, _parse_move, "resource"),
    "renew": StandInAction(order_renewal),
    "switch_plan": StandInAction(order_plan_switch, _parse_plan_switch),
    "update_limits": StandInAction(order_limit_update),
    "reallocate_limits": StandInAction(order_reallocation, _parse_reallocation, "reallocation"),
    "terminate": StandInAction(order_termination, _parse_termination),
    "restore": StandInAction(order_restoration, lambda _: {}, "restoration"),
    "update_options": StandInAction(update_options, _parse_options(direct=False), "options"),
    "update_options_direct": StandInAction(update_options, _parse_options(direct=True), "status"),
    "set_end_date": _END_DATE,
    "set_end_date_by_staff": _END_DATE,
    "set_end_date_by_provider": _END_DATE,
    "adjust_dates": StandInAction(adjust_dates, answer="status"),
    "set_slug": StandInAction(staff_setters.set_slug, answer="status"),
    "set_downscaled": StandInAction(staff_setters.set_flag, _parse_flag("downscaled"), "status"),
    "set_paused": StandInAction(staff_setters.set_flag, _parse_flag("paused"), "status"),
    "set_restrict_member_access": StandInAction(
        staff_setters.set_flag, _parse_flag("restrict_member_access"), "status"
    ),
    "set_backend_id": StandInAction(
        provider_setters.set_identifier, _parse_identifier("backend_id"), "status"
    ),
    "set_effective_id": StandInAction(
        provider_setters.set_identifier, _parse_identifier("effective_id"), "status"
    ),
    "set_backend_metadata": StandInAction(provider_setters.set_backend_metadata, answer="status"),
    "set_endpoints": StandInAction(provider_setters.set_endpoints, answer="status"),
    "set_limits": StandInAction(provider_setters.set_limits, answer="status"),
    "set_as_erred": StandInAction(provider_setters.set_state, _parse_error, "empty"),
    "set_as_ok": StandInAction(provider_setters.set_state, _parse_ok(keep_errors=False), "empty"),
    "set_state_ok": StandInAction(
        provider_setters.set_state, _parse_ok(keep_errors=True), "status"
    ),
    "submit_report": StandInAction(provider_setters.submit_report, answer="status"),
    "refresh_last_sync": StandInAction(provider_setters.refresh_last_sync, answer="empty"),
}
ORDER_ACTIONS: Mapping[str, StandInAction] = {
    "": StandInAction(order_creation, _parse_creation, "new order"),
    "approve_by_consumer": StandInAction(
        approve_pending_order, answer="detail", order_state="pending-consumer"
    ),
    "approve_by_provider": StandInAction(
        approve_pending_order, lambda _: {}, "detail", "pending-provider"
    ),
    "reject_by_consumer": StandInAction(
        reject_pending_order,
        _parse_rejection("consumer_rejection_comment"),
        "detail",
        "pending-consumer",
    ),
    "reject_by_provider": StandInAction(
        reject_pending_order,
        _parse_rejection("provider_rejection_comment"),
        "detail",
        "pending-provider",
    ),
    "update_attachment": StandInAction(_attach_file, answer="detail"),
    "cancel": StandInAction(cancel_open_order, answer="canceled"),
    "set_state_executing": StandInAction(
        carry_out_order.apply_order_report, _parse_report(ReportedOrderState.EXECUTING), "detail"
    ),
    "set_state_done": StandInAction(
        carry_out_order.apply_order_report, _parse_report(ReportedOrderState.DONE), "detail"
    ),
    "set_state_erred": StandInAction(
        carry_out_order.apply_order_report, _parse_report(ReportedOrderState.ERRED), "detail"
    ),
    "retry": StandInAction(carry_out_order.retry_failed_order, answer="detail"),
}
