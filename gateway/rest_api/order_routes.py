"""The routes of operations on orders, and of orders for new resources."""

from collections.abc import Mapping

from gateway.db.tables.codes import OrderState
from gateway.marketplace.operation_call import Operation
from gateway.marketplace.operations.carry_out_order import (
    ReportedOrderState,
    apply_order_report,
    retry_failed_order,
)
from gateway.marketplace.operations.create_order import order_creation
from gateway.marketplace.operations.review_order import (
    approve_pending_order,
    cancel_open_order,
    reject_pending_order,
)
from gateway.rest_api.order_attachments import UPDATE_ATTACHMENT, attach_file
from gateway.rest_api.rest_action import (
    ORDERS,
    CheckedCall,
    Collection,
    RestAction,
    build_order_request,
)
from gateway.rest_api.rest_request import FieldPath, RestRequest
from gateway.rest_api.rest_result import load_creation_result, load_order_result
from gateway.rest_api.rest_route import RestRoute


def _declare_action(name: str, since: str = "", **input_paths: FieldPath) -> RestAction:
    return RestAction(name=name, collections=ORDERS, since=since, input_paths=input_paths)


_CREATE = RestAction(
    name="",
    collections=ORDERS,
    input_paths={
        "accepting_terms_of_service": ("acceptTermsOfService",),
        "attributes.name": ("name",),
        "name": ("name",),
    },
)
_APPROVALS = {
    OrderState.PENDING_CONSUMER: _declare_action("approve_by_consumer"),
    OrderState.PENDING_PROVIDER: _declare_action("approve_by_provider"),
}
_REJECTIONS = {
    OrderState.PENDING_CONSUMER: _declare_action(
        "reject_by_consumer", consumer_rejection_comment=("comment",)
    ),
    OrderState.PENDING_PROVIDER: _declare_action(
        "reject_by_provider", provider_rejection_comment=("comment",)
    ),
}
_CANCEL = _declare_action("cancel")
_REPORTS = {
    ReportedOrderState.EXECUTING: _declare_action("set_state_executing"),
    ReportedOrderState.DONE: _declare_action("set_state_done"),
    ReportedOrderState.ERRED: _declare_action("set_state_erred"),
}
_RETRY = _declare_action("retry", "8.0.7")


async def _build_creation(call: CheckedCall) -> RestRequest:
    arguments, attachment = call.arguments, call.arguments.get("attachment")
    body = {
        "offering": call.build_offering_url(arguments["offering"]),
        "project": call.build_url(f"projects/{arguments['project']}"),
        "attributes": {**(arguments.get("attributes") or {}), "name": arguments["name"].strip()},
        **call.pick_arguments("request_comment", "start_date"),
    }
    if arguments.get("plan") is not None:
        body["plan"] = call.build_plan_url(arguments["offering"], arguments["plan"])
    if arguments.get("limits"):
        body["limits"] = arguments["limits"]
    if arguments.get("accept_terms_of_service"):
        body["accepting_terms_of_service"] = True
    return RestRequest(
        path=f"/api/{Collection.ORDERS.value}/",
        route=_CREATE.name_route(Collection.ORDERS),
        body=body,
        input_paths=_CREATE.input_paths,
        follow_up=None if attachment is None else attach_file(attachment),
    )


async def _build_approval(call: CheckedCall) -> RestRequest:
    action = _APPROVALS[call.order.state]
    body: dict[str, object] | None = {} if call.order.state is OrderState.PENDING_PROVIDER else None
    return build_order_request(call.arguments["uuid"], action, body)


async def _build_rejection(call: CheckedCall) -> RestRequest:
    action = _REJECTIONS[call.order.state]
    (name,) = action.input_paths
    comment = call.arguments.get("comment")
    return build_order_request(call.arguments["uuid"], action, {name: comment} if comment else {})


async def _build_report(call: CheckedCall) -> RestRequest:
    state = call.arguments["state"]
    body = None
    if state is ReportedOrderState.ERRED:
        body = call.pick_arguments("error_message", "error_traceback")
    return build_order_request(call.arguments["uuid"], _REPORTS[state], body)


def _send_action(action: RestAction) -> RestRoute:
    async def build_request(call: CheckedCall) -> RestRequest:
        return build_order_request(call.arguments["uuid"], action)

    return RestRoute((action,), build_request, load_order_result)


ORDER_ROUTES: Mapping[Operation, RestRoute] = {
    order_creation: RestRoute((_CREATE, UPDATE_ATTACHMENT), _build_creation, load_creation_result),
    approve_pending_order: RestRoute((*_APPROVALS.values(),), _build_approval, load_order_result),
    reject_pending_order: RestRoute((*_REJECTIONS.values(),), _build_rejection, load_order_result),
    cancel_open_order: _send_action(_CANCEL),
    apply_order_report: RestRoute((*_REPORTS.values(),), _build_report, load_order_result),
    retry_failed_order: _send_action(_RETRY),
}
