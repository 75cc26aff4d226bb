"""Attachments that follow an order: what came of both requests is told."""

from typing import Any

import pytest

from tests.rest_api.conftest import RestScene
from tests.support.mutable_demo import MutableDemo
from tests.support.rest_wishes import ORDER, PDF, run_with_file, send_wish

OPEN_ORDER_SQL = """
select d.uuid, r.uuid from marketplace_order d
join marketplace_resource r on r.id = d.resource_id and r.state = 2
join marketplace_offering o on o.id = r.offering_id and o.name = 'Project file shares'
where r.limits ? 'capacity' order by d.id limit 1
"""
ATTACH_SQL = "update marketplace_order set attachment = %s where uuid = %s"
CREATION_PATH = "/waldur/api/marketplace-orders/"
ATTACHMENT_PATH = f"{CREATION_PATH}{ORDER}/update_attachment/"


async def test_a_file_is_attached_to_a_new_order(rest_scene: RestScene) -> None:
    requests = rest_scene.answer_all((201, {"uuid": ORDER}), (200, {}))
    result = (await send_wish(rest_scene.demo, "createOrder, attachment")).result
    assert result["__typename"] == "OrderCreated"
    assert [each.path for each in requests] == [CREATION_PATH, ATTACHMENT_PATH]
    assert "attachment" not in requests[0].body
    assert PDF in requests[1].content


@pytest.mark.parametrize(
    ("status", "body", "type_name"),
    [
        (400, {"attachment": ["Wrong type."]}, "InvalidInput"),
        (401, {"detail": "Invalid token."}, "Unavailable"),
        (403, {"detail": "No."}, "NotPermitted"),
        (404, {"detail": "No order."}, "NotFound"),
        (409, {"detail": "Valid states: pending."}, "Conflict"),
        (500, {}, "Unavailable"),
    ],
)
async def test_a_refused_file_does_not_hide_the_order(
    rest_scene: RestScene, status: int, body: Any, type_name: str
) -> None:
    requests = rest_scene.answer_all((201, {"uuid": ORDER}), (status, body))
    result = (await send_wish(rest_scene.demo, "createOrder, attachment")).result
    assert result["__typename"] == type_name
    assert result["message"].startswith(
        f"The order {ORDER} was placed, so do not place it again; but its attachment could not"
        " be stored."
    )
    assert "safe to send it again" not in result["message"]
    assert len(requests) == 2


async def test_an_order_without_a_name_gets_no_file(rest_scene: RestScene) -> None:
    requests = rest_scene.answer_all((201, {}))
    result = (await send_wish(rest_scene.demo, "createOrder, attachment")).result
    assert result["__typename"] == "Unavailable"
    assert result["message"].startswith("The order was placed, so do not place it again;")
    assert len(requests) == 1


@pytest.mark.parametrize("path", ["marketplace_order_attachments/a.pdf", "", None])
async def test_a_file_that_waldur_ignores_is_attached_afterwards(
    rest_scene: RestScene, path: str | None
) -> None:
    """Before 8.0.8 `update_limits` takes no file."""
    order, input_values = load_limit_update(rest_scene.demo)
    requests = rest_scene.answer_all((200, {"order_uuid": order}))
    rest_scene.demo.run_sql(ATTACH_SQL, path, order)
    result = await run_with_file(rest_scene.demo, "updateResourceLimits", input_values, PDF)
    assert (result["__typename"], result["order"]["uuid"]) == ("ResourceLimitsUpdated", order)
    later_paths = [each.path for each in requests[1:]]
    expected_path = f"{CREATION_PATH}{order}/update_attachment/"
    assert later_paths == ([] if path else [expected_path])


async def test_without_an_order_nothing_is_attached(rest_scene: RestScene) -> None:
    _, input_values = load_limit_update(rest_scene.demo)
    requests = rest_scene.answer_all((200, {"order_uuid": ORDER}))
    result = await run_with_file(rest_scene.demo, "updateResourceLimits", input_values, PDF)
    assert (result["__typename"], result["order"]) == ("ResourceLimitsUpdated", None)
    assert len(requests) == 1


def load_limit_update(demo: MutableDemo) -> tuple[str, dict[str, Any]]:
    """Return the uuid of a finished order, and the input for new limits of its resource."""
    ((order, resource),) = demo.run_sql(OPEN_ORDER_SQL)
    demo.run_sql("update marketplace_order set state = 3 where uuid = %s", order)
    return order.hex, {"uuid": resource.hex, "limits": {"capacity": 7, "snapshots": 1}}
