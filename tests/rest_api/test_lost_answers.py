"""An order with other values than the request is not taken for what came of it."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.exact_json import ExactNumber
from gateway.marketplace.operation_call import Operation, OperationCall
from gateway.marketplace.operations.renew_resource import order_renewal
from gateway.marketplace.operations.switch_plan import order_plan_switch
from gateway.marketplace.operations.update_limits import order_limit_update
from gateway.marketplace.problems import ChangeRefusedError, Conflict
from gateway.rest_api.lost_answers import ClaimedOrder, find_lost_result

RESOURCE, PLAN, OTHER_PLAN = (
    f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "123"
)
PLAN_ARGUMENT = PLAN.replace("-", "")
ORDER = ClaimedOrder(
    id=7,
    uuid=OTHER_PLAN,
    attributes="{}",
    limits='{"cores": 5, "ram": 1.50}',
    plan_uuid=PLAN,
    resource_id=1,
    resource_uuid=RESOURCE,
    resource_name="Resource",
    project_uuid=RESOURCE,
    offering_uuid=RESOURCE,
)
LIMIT_ORDER = replace(ORDER, attributes='{"old_limits": {}}')
RENEWAL_ORDER = replace(ORDER, attributes='{"action": "renew", "extension_months": 12}')


@pytest.mark.parametrize(
    ("operation", "order", "arguments", "is_found"),
    [
        (
            order_limit_update,
            LIMIT_ORDER,
            {"limits": {"ram": ExactNumber("1.5"), "cores": 5}},
            True,
        ),
        (order_limit_update, LIMIT_ORDER, {"limits": {"cores": 5}}, False),
        (order_limit_update, replace(LIMIT_ORDER, limits=None), {"limits": {"cores": 5}}, False),
        (order_plan_switch, ORDER, {"plan": PLAN_ARGUMENT}, True),
        (order_plan_switch, ORDER, {"plan": "f" * 32}, False),
        (order_plan_switch, replace(ORDER, plan_uuid=None), {"plan": PLAN_ARGUMENT}, False),
        (order_renewal, RENEWAL_ORDER, {"extension_months": 12}, True),
        (order_renewal, RENEWAL_ORDER, {"extension_months": 24}, False),
        (
            order_renewal,
            replace(RENEWAL_ORDER, attributes='{"action": "renew"}'),
            {"extension_months": 24},
            True,
        ),
    ],
)
def test_values_of_an_order_are_compared(
    operation: Operation, order: ClaimedOrder, arguments: dict[str, Any], is_found: bool
) -> None:
    call = OperationCall(
        operation, "Input", {"uuid": RESOURCE.replace("-", ""), **arguments}, "key"
    )
    if is_found:
        assert find_lost_result(call, [order]) == (1, 7, None)
        return
    with pytest.raises(ChangeRefusedError) as raised:
        find_lost_result(call, [order])
    assert isinstance(raised.value.problem, Conflict)
    assert order.uuid.replace("-", "") in raised.value.problem.message
