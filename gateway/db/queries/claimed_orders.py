"""Statement that finds the orders that may have come of the request of an idempotency key."""

from typing import Any

from sqlalchemy import ColumnElement, and_, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.admin import own_tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.driver.statement import Statement
from gateway.db.sql.filters import equals_value
from gateway.db.tables.codes import OrderType

_CLOCK_TOLERANCE: ColumnElement[Any] = literal_column("interval '10 seconds'")
"""Time by which an order may precede the claim: Waldur's clock may differ from the database's."""
_LONGEST_DELAY: ColumnElement[Any] = literal_column("interval '30 minutes'")
"""Time after the claim within which the order of its request is stored at the latest."""
_key, _other_key = own_tables.idempotency_key.c, own_tables.idempotency_key.alias().c
_order, _resource, _project, _offering, _plan = (
    each.c for each in (tables.order, tables.resource, tables.project, tables.offering, tables.plan)
)


def _get_result_member(index: int) -> ColumnElement[Any]:
    """Return a member of the result of another key; see `ChangeResult`."""
    result = cast(_other_key.result, JSONB)
    return result.op("->", return_type=JSONB())(literal_column(str(index)))


def _is_timely(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Match times at which a request that was sent after the claim may have been carried out."""
    claimed_at = _key.claimed_at
    return column.between(claimed_at - _CLOCK_TOLERANCE, claimed_at + _LONGEST_DELAY)


_is_placed = and_(_order.created_by_id == _key.user_id, _is_timely(_order.created))
_is_approved = and_(
    _order.type == inline_literal(OrderType.TERMINATE),
    _order.consumer_reviewed_by_id == _key.user_id,
    _is_timely(_order.consumer_reviewed_at),
)
_belongs_to_other_key = (
    select(_other_key.id)
    .where(
        _other_key.user_id == _key.user_id,
        _other_key.id != _key.id,
        or_(
            _get_result_member(1) == func.to_jsonb(_order.id),
            _get_result_member(2).op("@>")(func.to_jsonb(_order.id)),
        ),
    )
    .exists()
)

SELECT_CLAIMED_ORDERS = Statement.from_element(
    select(
        _order.id,
        _order.uuid,
        _order.attributes,
        _order.limits,
        _plan.uuid,
        _order.resource_id,
        _resource.uuid,
        _resource.name,
        _project.uuid,
        _offering.uuid,
    )
    .select_from(
        own_tables.idempotency_key.join(tables.order, or_(_is_placed, _is_approved))
        .join(tables.resource, _resource.id == _order.resource_id)
        .join(tables.project, _project.id == _order.project_id)
        .join(tables.offering, _offering.id == _order.offering_id)
        .outerjoin(tables.plan, _plan.id == _order.plan_id)
    )
    .where(
        equals_value(_key.id, "id"),
        equals_value(_order.type, "type"),
        ~_belongs_to_other_key,
    )
    .order_by(_order.id)
)
"""Orders of a type that the user of a key has placed after it was claimed, or has approved then.

Those that are the result of another key are left out.
"""
