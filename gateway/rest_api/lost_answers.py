"""Lost answers: what came of a request whose answer never arrived.

A request that Waldur has carried out left an order of the viewer. It is recognised by its type, by
what it is for, and by its time; see `SELECT_CLAIMED_ORDERS`. If it has other values than the
request, such as other limits, then it is not certain that it came of it: the viewer may have placed
it elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.db.driver.encoding import hyphenate_uuid
from gateway.db.tables.codes import OrderType
from gateway.exact_json import decode_json, decode_json_or_none, encode_canonical_json
from gateway.marketplace.operation_call import Operation, OperationCall
from gateway.marketplace.operations.create_order import order_creation
from gateway.marketplace.operations.reallocate_limits import order_reallocation
from gateway.marketplace.operations.renew_resource import order_renewal
from gateway.marketplace.operations.restore_resource import order_restoration
from gateway.marketplace.operations.switch_plan import order_plan_switch
from gateway.marketplace.operations.terminate_resource import order_termination
from gateway.marketplace.operations.update_limits import order_limit_update
from gateway.marketplace.operations.update_options import update_options
from gateway.marketplace.problems import ChangeRefusedError, Conflict
from gateway.marketplace.unit_of_work import ChangeResult


@dataclass(frozen=True)
class ClaimedOrder:
    """An order that may have come of a claimed request."""

    id: int
    uuid: str
    attributes: str
    """The order's attributes as JSON."""
    limits: str | None
    """The order's limits as JSON."""
    plan_uuid: str | None
    resource_id: int
    resource_uuid: str
    resource_name: str
    project_uuid: str
    offering_uuid: str

    @property
    def changed_property(self) -> str | None:
        """What an order of type UPDATE changes, by what Waldur stores with it.

        That of another plan has nothing of the kind; the resource may have had no plan before.
        """
        attributes = decode_json(self.attributes)
        if not isinstance(attributes, Mapping):
            return None
        names = ("action", "old_options", "old_limits")
        return next((each for each in names if each in attributes), "plan")


OrderTest = Callable[[ClaimedOrder], bool]
ValueTest = Callable[[ClaimedOrder, Mapping[str, Any]], bool]
"""Returns whether an order has the values of a call's arguments."""


def _has_months(order: ClaimedOrder, arguments: Mapping[str, Any]) -> bool:
    months = decode_json(order.attributes).get("extension_months")
    return months is None or months == arguments["extension_months"]


def _has_limits(order: ClaimedOrder, arguments: Mapping[str, Any]) -> bool:
    limits = decode_json_or_none(order.limits)
    return encode_canonical_json(limits) == encode_canonical_json(arguments["limits"])


def _has_plan(order: ClaimedOrder, arguments: Mapping[str, Any]) -> bool:
    return order.plan_uuid == hyphenate_uuid(arguments["plan"])


@dataclass(frozen=True)
class OrderTrace:
    """How the orders of an operation are recognised."""

    type: OrderType
    changed_property: str | None = None
    """Of orders of type UPDATE; None for others."""
    has_values: ValueTest = lambda _order, _arguments: True


ORDER_TRACES: Mapping[Operation, OrderTrace] = {
    order_creation: OrderTrace(OrderType.CREATE),
    order_renewal: OrderTrace(OrderType.UPDATE, "action", _has_months),
    order_limit_update: OrderTrace(OrderType.UPDATE, "old_limits", _has_limits),
    order_reallocation: OrderTrace(OrderType.UPDATE, "old_limits"),
    order_plan_switch: OrderTrace(OrderType.UPDATE, "plan", _has_plan),
    update_options: OrderTrace(OrderType.UPDATE, "old_options"),
    order_termination: OrderTrace(OrderType.TERMINATE),
    order_restoration: OrderTrace(OrderType.RESTORE),
}
"""The traces of all operations with an idempotency key."""


def find_lost_result(call: OperationCall, orders: Sequence[ClaimedOrder]) -> ChangeResult | None:
    """Return what came of a call, of which these orders may be; None if nothing did.

    Raises ChangeRefusedError if that is not certain.
    """
    trace = ORDER_TRACES[call.operation]
    candidates = (
        [each for each in orders if each.changed_property == trace.changed_property]
        if (trace.type == OrderType.UPDATE)
        else orders
    )
    tests = _build_order_tests(call)
    found_orders = [[each for each in candidates if test(each)] for test in tests]
    if not any(found_orders):
        return None
    is_certain = all(len(each) == 1 for each in found_orders)
    if not is_certain or not trace.has_values(found_orders[0][0], call.arguments):
        raise ChangeRefusedError(_describe_uncertainty(found_orders))
    first_order, *target_orders = [each for (each,) in found_orders]
    target_ids = [each.id for each in target_orders] if target_orders else None
    return ChangeResult(first_order.resource_id, first_order.id, target_ids)


def _build_order_tests(call: OperationCall) -> list[OrderTest]:
    """Return a test for each order that a call places."""
    arguments = call.arguments
    if call.operation is order_creation:
        return [lambda order: _is_creation(order, arguments)]
    uuids = [arguments["uuid"], *[each["resource"] for each in arguments.get("targets", [])]]
    return [_build_resource_test(each) for each in uuids]


def _build_resource_test(uuid: str) -> OrderTest:
    return lambda order: order.resource_uuid == hyphenate_uuid(uuid)


def _is_creation(order: ClaimedOrder, arguments: Mapping[str, Any]) -> bool:
    """Return whether an order is for a new resource of this name, which may have another by now."""
    attributes = decode_json(order.attributes)
    ordered_name = attributes.get("name") if isinstance(attributes, Mapping) else None
    names = [str(each).strip() for each in (order.resource_name, ordered_name)]
    return (
        arguments["name"].strip() in names
        and order.project_uuid == hyphenate_uuid(arguments["project"])
        and order.offering_uuid == hyphenate_uuid(arguments["offering"])
    )


def _describe_uncertainty(found_orders: Sequence[Sequence[ClaimedOrder]]) -> Conflict:
    uuids = ", ".join(each.uuid.replace("-", "") for orders in found_orders for each in orders)
    return Conflict(
        message="The answer to the first request with this `idempotencyKey` was lost, and it is "
        f"not certain which of these orders came of it, if any: {uuids}. Read them, then choose a "
        "new key."
    )
