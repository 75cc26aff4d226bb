"""Work queue of the demo's provider: due orders and pulls.

The rows are selected FOR UPDATE SKIP LOCKED, so that several processes can share the queue.
"""

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    MetaData,
    Table,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from gateway.db import tables
from gateway.db.admin import own_tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.driver.statement import Statement
from gateway.db.tables.codes import OPEN_ORDER_STATES, OrderState, ResourceState

_marketplace = Table(
    "marketplace", MetaData(schema="gateway"), Column("made_at", DateTime(timezone=True))
)
_order, _resource, _pull = tables.order.c, tables.resource.c, own_tables.pull.c
_project = tables.project.c
_due_before = bindparam("due_before", type_=DateTime(timezone=True))

SELECT_DUE_ORDER = Statement.from_element(
    select(_order.id)
    .select_from(tables.order.join(tables.resource, _resource.id == _order.resource_id))
    .where(
        _order.state == inline_literal(OrderState.EXECUTING),
        _order.modified <= _due_before,
        _order.modified > select(_marketplace.c.made_at).scalar_subquery(),
    )
    .order_by(_order.modified, _order.id)
    .limit(inline_literal(1))
    .with_for_update(of=tables.resource, skip_locked=True)
)
"""The oldest executing order that was due before `due_before`; locks the order's resource.

Orders from before the creation of the demo are excluded.
"""

_waits_for_project = _order.state == inline_literal(OrderState.PENDING_PROJECT)
_waits_for_start_date = _order.state == inline_literal(OrderState.PENDING_START_DATE)
_today = bindparam("today", type_=Date)
SELECT_STARTABLE_ORDER = Statement.from_element(
    select(_order.id)
    .select_from(
        tables.order.join(tables.resource, _resource.id == _order.resource_id).join(
            tables.project, _project.id == _resource.project_id
        )
    )
    .where(
        or_(
            and_(_waits_for_project, func.coalesce(_project.start_date, _today) <= _today),
            and_(_waits_for_start_date, func.coalesce(_order.start_date, _today) <= _today),
        ),
        _order.modified > select(_marketplace.c.made_at).scalar_subquery(),
    )
    .order_by(_order.modified, _order.id)
    .limit(inline_literal(1))
    .with_for_update(of=tables.resource, skip_locked=True)
)
"""The oldest order that has waited for a date until `today`; locks the order's resource.

Orders from before the creation of the demo are excluded.
"""

SELECT_DUE_PULL = Statement.from_element(
    select(_pull.id, _pull.resource_id)
    .where(_pull.requested_at <= _due_before)
    .order_by(_pull.requested_at, _pull.id)
    .limit(inline_literal(1))
    .with_for_update(skip_locked=True)
)
"""The oldest pull that was due before `due_before`, with its resource; locks the pull."""

SELECT_STUCK_RESOURCES = Statement.from_element(
    select(_resource.id)
    .where(
        _resource.state == inline_literal(ResourceState.UPDATING),
        _resource.modified <= bindparam("stuck_before", type_=DateTime(timezone=True)),
        _resource.modified > select(_marketplace.c.made_at).scalar_subquery(),
        ~exists().where(
            _order.resource_id == _resource.id,
            _order.state.in_([inline_literal(each) for each in OPEN_ORDER_STATES]),
        ),
    )
    .order_by(_resource.id)
    .with_for_update(skip_locked=True)
)
"""The resources that have been updating since `stuck_before`, without an open order; locks them.

Those that were not changed since the creation of the demo are excluded.
"""
