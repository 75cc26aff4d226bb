"""Answers of Waldur become the resource and the orders that a mutation returns."""

from typing import Any

import pytest

from tests.rest_api.conftest import RestScene
from tests.support.rest_wishes import send_wish

COPY_ORDER_SQL = """
insert into marketplace_order select (jsonb_populate_record(
    null::marketplace_order, to_jsonb(d) || jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_order', 'id')),
        'uuid', gen_random_uuid(), 'resource_id', r.id, 'state', 3, 'type', 2
    )
)).* from marketplace_resource r, (select * from marketplace_order order by id limit 1) d
where r.uuid = any(%s::uuid[]) returning uuid, id
"""
ODD_BODIES: dict[str, Any] = {
    "none": {},
    "null": {"order_uuid": None},
    "number": {"order_uuid": 5},
    "no uuid": {"order_uuid": "zzz"},
    "unknown": {"order_uuid": "f" * 32},
    "object": {"order_uuid": {"uuid": "1" * 32}},
    "list": ["order_uuid"],
    "text": "order_uuid",
    "JSON null": None,
}
"""Answers without an order that the viewer can see."""
REALLOCATE_MUTATION = """mutation ($input: ReallocateResourceLimitsInput!) {
    reallocateResourceLimits(input: $input) { __typename ... on ResourceLimitsReallocated {
        resource { uuid } order { uuid } targetOrders { uuid } } ... on Problem { message } } }"""


async def test_order_of_the_answer_is_returned(rest_scene: RestScene) -> None:
    """Its uuid may have hyphens."""
    demo = rest_scene.demo
    (uuid, *_) = await demo.find_operable_resources("TERMINATE_RESOURCE")
    ((order, _),) = demo.run_sql(COPY_ORDER_SQL, [uuid])
    for spelling in (order.hex, str(order)):
        rest_scene.answer_all((200, {"order_uuid": spelling}))
        result = await demo.run_mutation("terminateResource", uuid=uuid)
        assert (result["resource"]["uuid"], result["order"]["uuid"]) == (uuid, order.hex)


@pytest.mark.parametrize("name", ODD_BODIES)
async def test_answers_of_other_shapes_return_the_resource(
    rest_scene: RestScene, name: str
) -> None:
    demo = rest_scene.demo
    (uuid, *_) = await demo.find_operable_resources("TERMINATE_RESOURCE")
    rest_scene.answer_all((200, ODD_BODIES[name]))
    result = await demo.run_mutation("terminateResource", uuid=uuid)
    assert (result["resource"]["uuid"], result["order"]) == (uuid, None)


@pytest.mark.parametrize("name", ODD_BODIES)
async def test_odd_answers_to_other_mutations_are_accepted(
    rest_scene: RestScene, name: str
) -> None:
    rest_scene.answer_all((201, ODD_BODIES[name]))
    creation = (await send_wish(rest_scene.demo, "createOrder")).result
    assert (creation["resource"], creation["order"]) == (None, None)
    reallocation = (await send_wish(rest_scene.demo, "reallocateResourceLimits")).result
    assert (reallocation["__typename"], reallocation["order"]) == (
        "ResourceLimitsReallocated",
        None,
    )
    approval = (await send_wish(rest_scene.demo, "approveOrder, consumer")).result
    assert approval["order"] is not None


async def test_a_created_resource_is_returned_with_its_order(rest_scene: RestScene) -> None:
    demo = rest_scene.demo
    (uuid, *_) = await demo.find_operable_resources("TERMINATE_RESOURCE")
    ((order, _),) = demo.run_sql(COPY_ORDER_SQL, [uuid])
    rest_scene.answer_all((201, {"uuid": order.hex, "marketplace_resource_uuid": uuid}))
    result = (await send_wish(demo, "createOrder")).result
    assert (result["resource"]["uuid"], result["order"]["uuid"]) == (uuid, order.hex)


async def test_orders_of_targets_are_in_their_order(rest_scene: RestScene) -> None:
    """Whatever their order in the answer; one that is not there is null."""
    demo = rest_scene.demo
    uuid, *targets = (
        await demo.find_operable_resources(
            "REALLOCATE_RESOURCE_LIMITS",
            condition="o.name = 'Research object storage' and (r.limits ->> 'capacity')::int > 3",
        )
    )[:4]
    orders = {
        resource: demo.run_sql(COPY_ORDER_SQL, [resource])[0][0].hex
        for resource in (uuid, *targets)
    }
    body = {
        "source_order_uuid": orders[uuid],
        "target_order_uuids": [orders[targets[2]], "f" * 32, orders[targets[0]]],
    }
    rest_scene.answer_all((200, body))
    input_values = {
        "uuid": uuid,
        "limits": {"capacity": 3},
        "targets": [{"resource": each, "limits": {"capacity": 1}} for each in targets],
    }
    response = await demo.client.execute_query(REALLOCATE_MUTATION, input=input_values)
    result = response["data"]["reallocateResourceLimits"]
    assert result["order"] == {"uuid": orders[uuid]}
    assert result["targetOrders"] == [
        {"uuid": orders[targets[0]]},
        None,
        {"uuid": orders[targets[2]]},
    ]


async def test_adjusted_dates_return_the_order_that_created_the_resource(
    rest_scene: RestScene,
) -> None:
    rest_scene.answer_all((200, {"status": "Dates are adjusted."}))
    sent_wish = await send_wish(rest_scene.demo, "adjustResourceDates")
    uuid = sent_wish.result["resource"]["uuid"]
    orders = rest_scene.demo.run_sql(
        "select d.uuid from marketplace_order d join marketplace_resource r on r.id = d.resource_id"
        " where r.uuid = %s and d.type = 1 order by d.id",
        uuid,
    )
    expected_order = orders[0][0].hex if orders else None
    assert (sent_wish.result["order"] or {"uuid": None})["uuid"] == expected_order


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_order_that_is_reviewed_is_returned(rest_scene: RestScene, status: int) -> None:
    """The answers {detail} and no body say nothing about it."""
    answer = {"detail": "Order has been approved."} if status != 204 else None
    rest_scene.answer_all((status, answer))
    sent_wish = await send_wish(rest_scene.demo, "approveOrder, provider")
    assert sent_wish.result["order"]["uuid"] in sent_wish.placeholders
    assert sent_wish.result["resource"]["uuid"] in sent_wish.placeholders
