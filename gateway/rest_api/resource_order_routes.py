"""The routes of operations that place an order for a resource."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from gateway.marketplace.operation_call import Operation
from gateway.marketplace.operations.reallocate_limits import order_reallocation
from gateway.marketplace.operations.renew_resource import order_renewal
from gateway.marketplace.operations.restore_resource import order_restoration
from gateway.marketplace.operations.switch_plan import order_plan_switch
from gateway.marketplace.operations.terminate_resource import order_termination
from gateway.marketplace.operations.update_limits import order_limit_update
from gateway.marketplace.operations.update_options import update_options
from gateway.marketplace.option_rules import needs_option_order
from gateway.marketplace.rows import OfferingKeyRow
from gateway.rest_api.order_attachments import attach_missing_file
from gateway.rest_api.rest_action import (
    CONSUMER_ONLY,
    FIRST_CLIENT_VERSION,
    PROVIDER_ONLY,
    CheckedCall,
    RestAction,
    build_resource_request,
)
from gateway.rest_api.rest_request import RestRequest
from gateway.rest_api.rest_result import load_reallocation_result, load_restoration_result
from gateway.rest_api.rest_route import RestRoute, send_arguments

_RENEW = RestAction(name="renew", collections=CONSUMER_ONLY, since=FIRST_CLIENT_VERSION)
_UPDATE_LIMITS = RestAction(name="update_limits", collections=CONSUMER_ONLY)
_SWITCH_PLAN = RestAction(name="switch_plan", collections=CONSUMER_ONLY)
_REALLOCATE_LIMITS = RestAction(
    name="reallocate_limits",
    collections=CONSUMER_ONLY,
    since=FIRST_CLIENT_VERSION,
    input_paths={
        "targets.*.resource_uuid": ("targets", "*", "resource"),
        "targets.*.allocated_limits": ("targets", "*", "limits"),
    },
)
_UPDATE_OPTIONS = RestAction(name="update_options")
_UPDATE_OPTIONS_DIRECT = RestAction(
    name="update_options_direct",
    collections=PROVIDER_ONLY,
    since=FIRST_CLIENT_VERSION,
)
_TERMINATE = RestAction(name="terminate")
_RESTORE = RestAction(name="restore", since=FIRST_CLIENT_VERSION)


async def _build_renewal(call: CheckedCall) -> RestRequest:
    return _build_limit_request(call, _RENEW, "extension_months")


async def _build_limit_update(call: CheckedCall) -> RestRequest:
    return _build_limit_request(call, _UPDATE_LIMITS)


def _build_limit_request(call: CheckedCall, action: RestAction, *names: str) -> RestRequest:
    """Return the request of an order with limits, a comment and an attachment.

    Without limits, or with an empty object of them, the key is left out.
    """
    body = call.pick_arguments(*names, "limits", "request_comment")
    if not body.get("limits"):
        body.pop("limits", None)
    attachment = call.arguments.get("attachment")
    follow_up = None if attachment is None else attach_missing_file(attachment)
    return build_resource_request(call, action, body, attachment=attachment, follow_up=follow_up)


async def _build_plan_switch(call: CheckedCall) -> RestRequest:
    offering = await call.unit_of_work.load_row(OfferingKeyRow, call.facts.offering_id)
    url = call.build_plan_url(UUID(offering.uuid).hex, call.arguments["plan"])
    return build_resource_request(call, _SWITCH_PLAN, {"plan": url})


async def _build_reallocation(call: CheckedCall) -> RestRequest:
    targets = [
        {"resource_uuid": each["resource"], "allocated_limits": each["limits"]}
        for each in call.arguments["targets"]
    ]
    body = {"limits": call.arguments["limits"], "targets": targets}
    return build_resource_request(call, _REALLOCATE_LIMITS, body)


async def _build_options(call: CheckedCall) -> RestRequest:
    is_direct, rules = call.arguments["direct"], call.unit_of_work.current_rules
    body: dict[str, Any] = {"options": call.arguments["options"] or {}}
    return build_resource_request(
        call,
        _UPDATE_OPTIONS_DIRECT if is_direct else _UPDATE_OPTIONS,
        body,
        is_repeatable=is_direct or not needs_option_order(call.facts, rules),
    )


RESOURCE_ORDER_ROUTES: Mapping[Operation, RestRoute] = {
    order_renewal: RestRoute((_RENEW,), _build_renewal),
    order_limit_update: RestRoute((_UPDATE_LIMITS,), _build_limit_update),
    order_plan_switch: RestRoute((_SWITCH_PLAN,), _build_plan_switch),
    order_reallocation: RestRoute(
        (_REALLOCATE_LIMITS,), _build_reallocation, load_reallocation_result
    ),
    update_options: RestRoute((_UPDATE_OPTIONS, _UPDATE_OPTIONS_DIRECT), _build_options),
    order_termination: send_arguments(_TERMINATE, "attributes"),
    order_restoration: send_arguments(_RESTORE, load_result=load_restoration_result),
}
