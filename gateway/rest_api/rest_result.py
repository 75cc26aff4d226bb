"""Results of accepted requests: the keys of what has changed, as far as the viewer sees it.

An answer of another shape than expected has a result, too, without the order that it should name.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Table

from gateway.db import tables
from gateway.db.tables.codes import OrderType
from gateway.marketplace.problems import ChangeRefusedError
from gateway.marketplace.rows import OrderKeyRow
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.rest_api.rest_action import CheckedCall
from gateway.rest_api.rest_answer import RestAnswer

ResultLoader = Callable[[CheckedCall, RestAnswer], Awaitable[ChangeResult]]
"""Returns what an accepted request has changed."""


async def load_resource_result(call: CheckedCall, answer: RestAnswer) -> ChangeResult:
    """Return the resource, and the order that the answer names, if any."""
    order_uuid = answer.get_uuid("order_uuid")
    return ChangeResult(call.facts.id, await find_order_id(call.unit_of_work, order_uuid))


async def load_order_result(call: CheckedCall, _answer: RestAnswer) -> ChangeResult:
    """Return the order that the operation is about, and its resource."""
    return ChangeResult(call.order.resource_id, call.order.id)


async def load_adjustment_result(call: CheckedCall, _answer: RestAnswer) -> ChangeResult:
    """Return the resource, and the order that created it, if any."""
    orders = await call.unit_of_work.load_rows(
        OrderKeyRow, resource_id=call.facts.id, type=OrderType.CREATE
    )
    return ChangeResult(call.facts.id, orders[0].id if orders else None)


async def load_restoration_result(call: CheckedCall, answer: RestAnswer) -> ChangeResult:
    """Return the resource, and its order; before 8.0.9 Waldur answers with the resource only."""
    result = await load_resource_result(call, answer)
    if result.order_id is not None:
        return result
    orders = await call.unit_of_work.load_rows(
        OrderKeyRow, resource_id=call.facts.id, type=OrderType.RESTORE
    )
    return result._replace(order_id=max((each.id for each in orders), default=None))


async def load_reallocation_result(call: CheckedCall, answer: RestAnswer) -> ChangeResult:
    """Return the resource that gives limits, its order, and the order of each target."""
    unit_of_work = call.unit_of_work
    order_ids_by_resource: dict[int, int] = {}
    for uuid in answer.list_uuids("target_order_uuids")[: len(call.arguments["targets"])]:
        order_id = await find_order_id(unit_of_work, uuid)
        if order_id is not None:
            order = await unit_of_work.load_row(OrderKeyRow, order_id)
            order_ids_by_resource[order.resource_id] = order_id
    target_ids = [
        await _find_id(unit_of_work, tables.resource, each["resource"])
        for each in call.arguments["targets"]
    ]
    return ChangeResult(
        call.facts.id,
        await find_order_id(unit_of_work, answer.get_uuid("source_order_uuid")),
        [None if each is None else order_ids_by_resource.get(each) for each in target_ids],
    )


async def load_creation_result(call: CheckedCall, answer: RestAnswer) -> ChangeResult:
    """Return the created resource and its order."""
    resource_uuid = answer.get_uuid("marketplace_resource_uuid")
    return ChangeResult(
        await _find_id(call.unit_of_work, tables.resource, resource_uuid),
        await find_order_id(call.unit_of_work, answer.get_uuid("uuid")),
    )


async def find_order_id(unit_of_work: UnitOfWork, uuid: str | None) -> int | None:
    """Return the key of an order; None without a uuid, or if the viewer can't see the order."""
    return await _find_id(unit_of_work, tables.order, uuid)


async def _find_id(unit_of_work: UnitOfWork, table: Table[Any], uuid: str | None) -> int | None:
    if uuid is None:
        return None
    try:
        return await unit_of_work.find_visible_id(table, uuid)
    except ChangeRefusedError:
        return None
