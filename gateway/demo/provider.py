"""The demo's provider: a worker that carries out orders and pulls, in place of real backends.

It also starts orders that have waited for a date, as tasks of Waldur do.

Each order and each pull is carried out in one transaction: if the provider is killed, nothing is
lost and nothing is done twice. Several providers can run at once. Orders that were created with the
demo are not carried out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from time import monotonic

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.admin.own_tables import pull
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.transactions import Transaction, TransactionPool
from gateway.db.queries.demo_due_work import (
    SELECT_DUE_ORDER,
    SELECT_DUE_PULL,
    SELECT_STARTABLE_ORDER,
    SELECT_STUCK_RESOURCES,
)
from gateway.db.sql.compiler import StatementCompiler
from gateway.db.tables.codes import (
    OPEN_ORDER_STATES,
    PENDING_ORDER_STATES,
    OrderState,
    OrderType,
    ResourceState,
)
from gateway.demo.marketplace.offers import FAIL_ORDERS_OPTION
from gateway.exact_json import encode_json
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.orders.fulfil import OrderExecutor, fail_order, fulfil_order
from gateway.marketplace.orders.place import continue_order
from gateway.marketplace.problems import ChangeRefusedError
from gateway.marketplace.resource_facts import load_resource_facts
from gateway.marketplace.rows import (
    ComponentRow,
    ComponentUsageRow,
    OfferingRow,
    OrderKeyRow,
    OrderRow,
    PlanPeriodRow,
    ResourceRow,
)
from gateway.marketplace.side_effects import update_permitted_columns, update_resource
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import UnitOfWork

ProviderTask = Callable[[Transaction], Awaitable[bool]]
"""Task of one transaction; it returns whether any work was due."""
log = logging.getLogger(__name__)
FAILED_OFFERING_MESSAGE = "The demo's provider fails all orders of this offering."
BROKEN_ORDER_MESSAGE = "The order can't be carried out."
DATABASE_UNAVAILABLE_ERRORS = (UnavailableError, TimedOutError)
UPDATE_TIMEOUT = timedelta(hours=1)
"""Time after which a resource without an open order is no longer updated."""
RELEASE_PAUSE_SECONDS = 60
"""Pause between two searches for such resources."""
IDLE_PAUSE_SECONDS, ERROR_PAUSE_SECONDS = 0.5, 2
"""Pauses when no work is due, and after an error."""
_USAGE_GROWTH_FACTOR = Decimal("1.07")
"""Growth of fractional usages with each pull; whole ones grow by 1."""


class DemoProvider:
    """Provider that carries out due orders and pulls."""

    def __init__(
        self,
        transaction_pool: TransactionPool,
        get_compiler: Callable[[], StatementCompiler],
        delay_seconds: int,
    ) -> None:
        """Carry out an order or a pull `delay_seconds` after it was placed or requested.

        `get_compiler` returns the compiler for the tables that there are at present.
        """
        self._transaction_pool, self._get_compiler = transaction_pool, get_compiler
        self._processing_delay = timedelta(seconds=delay_seconds)
        self._current_key: int | None = None
        """Key of the order or pull that is being carried out; None if none is."""
        self._next_release = 0.0
        """When stuck resources are looked for again, as time.monotonic() counts."""
        self._error_message = BROKEN_ORDER_MESSAGE
        """Error message of the order that is being carried out, if it fails."""

    async def run_forever(self) -> None:
        """Process due work until cancelled; errors are logged and the work is retried."""
        while True:
            try:
                pause_seconds = 0.0 if await self.process_due_work() else IDLE_PAUSE_SECONDS
            except DATABASE_UNAVAILABLE_ERRORS as error:
                log.warning("The demo's provider waits for the database: %s", error)
                pause_seconds = ERROR_PAUSE_SECONDS
            except Exception:
                log.exception(
                    "The demo's provider failed; it continues in %s s.", ERROR_PAUSE_SECONDS
                )
                pause_seconds = ERROR_PAUSE_SECONDS
            await asyncio.sleep(pause_seconds)

    async def process_due_work(self) -> bool:
        """Start one waiting order, carry out one due order and one due pull.

        Return whether any was due. Now and then, also release a resource that is stuck.
        """
        has_started_order = await self._run_with_fallback(
            self._start_order, self._fail_broken_order
        )
        has_processed_order = await self._run_with_fallback(
            self._process_order, self._fail_broken_order
        )
        if monotonic() >= self._next_release:
            self._next_release = monotonic() + RELEASE_PAUSE_SECONDS
            await self._transaction_pool.run_transaction(self._release_stuck_resources)
        return (
            await self._run_with_fallback(self._process_pulls, self._delete_broken_pull)
            or has_processed_order
            or has_started_order
        )

    async def _run_with_fallback(self, task: ProviderTask, fallback: ProviderTask) -> bool:
        """Run a task; if its order or pull raises an error, run `fallback` for it instead.

        Without the fallback a broken order or pull would be retried forever, before all others.
        Raises UnavailableError or TimedOutError if the database is unavailable.
        """
        self._current_key, self._error_message = None, BROKEN_ORDER_MESSAGE
        try:
            return await self._transaction_pool.run_transaction(task)
        except DATABASE_UNAVAILABLE_ERRORS:
            raise
        except ChangeRefusedError as error:
            self._error_message = error.problem.message
        except Exception:
            if self._current_key is None:
                raise
            log.exception("Order or pull %s can't be carried out.", self._current_key)
        return await self._transaction_pool.run_transaction(fallback)

    def _open_unit_of_work(self, writer: Transaction) -> UnitOfWork:
        return UnitOfWork(Viewer(is_staff=True), writer, self._get_compiler())

    async def _process_order(self, writer: Transaction) -> bool:
        unit_of_work = self._open_unit_of_work(writer)
        rows = await writer.execute_statement(
            SELECT_DUE_ORDER, {"due_before": unit_of_work.now - self._processing_delay}
        )
        if not rows:
            return False
        ((order_id,),) = rows
        self._current_key = order_id
        order = await _lock_order(unit_of_work, order_id, (OrderState.EXECUTING,))
        if order is None:
            return True
        offering = await unit_of_work.load_row(OfferingRow, order.offering_id)
        if get_option(encode_json(offering.plugin_options).decode(), FAIL_ORDERS_OPTION) is True:
            await fail_order(unit_of_work, order, FAILED_OFFERING_MESSAGE)
        else:
            if order.type is OrderType.CREATE:
                await _create_backend_object(unit_of_work, order.resource_id)
            await fulfil_order(unit_of_work, order)
        return True

    async def _start_order(self, writer: Transaction) -> bool:
        """Move an order on that has waited for the start of its project, or for its own."""
        unit_of_work = self._open_unit_of_work(writer)
        rows = await writer.execute_statement(SELECT_STARTABLE_ORDER, {"today": unit_of_work.today})
        for (order_id,) in rows:
            self._current_key = order_id
            order = await _lock_order(unit_of_work, order_id, PENDING_ORDER_STATES)
            if order is not None:
                facts = await load_resource_facts(unit_of_work.loader, order.resource_id)
                assert facts is not None
                await continue_order(unit_of_work, facts, order, ColumnValues(OrderRow))
        return bool(rows)

    async def _fail_broken_order(self, writer: Transaction) -> bool:
        """Fail the order that raised an error, or that a rule of the marketplace forbids."""
        assert self._current_key is not None
        unit_of_work = self._open_unit_of_work(writer)
        key = await unit_of_work.load_row(OrderKeyRow, self._current_key)
        await writer.lock_rows(tables.resource, key.resource_id)
        order = await _lock_order(unit_of_work, key.id, OPEN_ORDER_STATES)
        if order is not None:
            await fail_order(unit_of_work, order, self._error_message, OrderExecutor.AGENT)
        return True

    async def _process_pulls(self, writer: Transaction) -> bool:
        unit_of_work = self._open_unit_of_work(writer)
        rows = await writer.execute_statement(
            SELECT_DUE_PULL, {"due_before": unit_of_work.now - self._processing_delay}
        )
        for pull_id, resource_id in rows:
            self._current_key = pull_id
            await writer.lock_rows(tables.resource, resource_id)
            for resource in await unit_of_work.load_rows(ResourceRow, id=resource_id):
                await _apply_pull(unit_of_work, resource)
            await writer.delete_rows(pull, pull_id)
        return bool(rows)

    async def _delete_broken_pull(self, writer: Transaction) -> bool:
        """Delete the pull that raised an error; the resource is not changed."""
        assert self._current_key is not None
        await writer.delete_rows(pull, self._current_key)
        return True

    async def _release_stuck_resources(self, writer: Transaction) -> None:
        """Set resources to OK that failed changes of limits left updating (domain.md §6.7)."""
        unit_of_work = self._open_unit_of_work(writer)
        rows = await writer.execute_statement(
            SELECT_STUCK_RESOURCES, {"stuck_before": unit_of_work.now - UPDATE_TIMEOUT}
        )
        for (resource_id,) in rows:
            resource = await unit_of_work.load_row(ResourceRow, resource_id)
            state = ColumnValues(ResourceRow, state=ResourceState.OK)
            await update_permitted_columns(unit_of_work, resource, state)


async def _lock_order(
    unit_of_work: UnitOfWork, order_id: int, states: Sequence[OrderState]
) -> OrderRow | None:
    """Lock an order and return its row; return None if it is no longer in one of the states."""
    await unit_of_work.writer.lock_rows(tables.order, order_id)
    order = await unit_of_work.load_row(OrderRow, order_id)
    return order if order.state in states else None


async def _create_backend_object(unit_of_work: UnitOfWork, resource_id: int) -> None:
    """Update an ordered resource as if it was created at its backend, where it can be pulled."""
    resource = await unit_of_work.load_row(ResourceRow, resource_id)
    components = await unit_of_work.load_rows(ComponentRow, offering_id=resource.offering_id)
    values = ColumnValues(
        ResourceRow,
        backend_id=f"be-{resource_id:06}",
        backend_metadata={"runtime_state": "ACTIVE"},
        current_usages={each.type: 0 for each in components},
        last_sync=unit_of_work.now_text,
    )
    await update_resource(unit_of_work, resource, values)


async def _apply_pull(unit_of_work: UnitOfWork, resource: ResourceRow) -> None:
    """Update a resource as if from its backend: usages grow, and it is running."""
    usages = {name: _grow_usage(value) for name, value in resource.current_usages.items()}
    metadata = resource.backend_metadata if isinstance(resource.backend_metadata, dict) else {}
    values = ColumnValues(
        ResourceRow,
        current_usages=usages,
        backend_metadata={**metadata, "runtime_state": "ACTIVE"},
        last_sync=unit_of_work.now_text,
    )
    await update_permitted_columns(unit_of_work, resource, values)
    components = await unit_of_work.load_rows(ComponentRow, offering_id=resource.offering_id)
    for component in components:
        if component.type in usages:
            await _record_usage(unit_of_work, resource, component.id, usages[component.type])


def _grow_usage(value: float) -> float:
    if isinstance(value, int):
        return value + 1
    return float(round(Decimal(str(value)) * _USAGE_GROWTH_FACTOR, 2))


async def _record_usage(
    unit_of_work: UnitOfWork, resource: ResourceRow, component_id: int, value: float
) -> None:
    """Write the usage of a component in the present month, in the latest open plan period."""
    month = unit_of_work.today.replace(day=1)
    periods = await unit_of_work.load_rows(PlanPeriodRow, resource_id=resource.id, end=None)
    period = periods[-1].id if periods else None
    existing_rows = await unit_of_work.writer.select_rows(
        tables.component_usage,
        [tables.component_usage.c.id],
        {
            "resource_id": resource.id,
            "component_id": component_id,
            "plan_period_id": period,
            "billing_period": month,
        },
    )
    usage, now_text = str(value), unit_of_work.now_text
    if existing_rows:
        await unit_of_work.update_rows(
            ComponentUsageRow, existing_rows[0][0], usage=usage, date=now_text
        )
        return
    await unit_of_work.insert_row(
        ComponentUsageRow,
        resource_id=resource.id,
        component_id=component_id,
        plan_period_id=period,
        billing_period=month.isoformat(),
        usage=usage,
        date=now_text,
    )
