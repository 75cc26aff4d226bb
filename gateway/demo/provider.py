"""The demo's provider: it carries out orders and pulls, so that states really move.

Each is done in one transaction, so that a provider who is killed loses nothing
and does nothing twice; several can work at once. Orders that were there when
the demo was made are left as they are.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.admin.own_tables import pull
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.transactions import Writer, Writing
from gateway.db.queries.demo_due_work import due_order, due_pull, usage_of
from gateway.db.sql.compiler import Statements
from gateway.demo.marketplace.offers import FAILS
from gateway.marketplace.eligibility import option
from gateway.marketplace.orders.fulfil import done, failed
from gateway.marketplace.states import OrderState
from gateway.marketplace.unit_of_work import Change

Work = Callable[[Writer], Awaitable[bool]]
"""What is done in one transaction; it says whether there was anything to do."""
log = logging.getLogger(__name__)
REASON = "The demo's provider fails what is ordered from this offering."
BROKEN = "The order can't be carried out."
AWAY = (UnavailableError, TimedOutError)
PAUSE, TROUBLED = 0.5, 2
"""Seconds to wait when there is nothing to do, and when the database is away."""
_GROWTH = Decimal("1.07")


class Provider:
    """Carries out what is due."""

    def __init__(self, writing: Writing, statements: Statements, seconds: int) -> None:
        """Take so many `seconds` for each order and pull."""
        self._writing, self._statements = writing, statements
        self._patience = timedelta(seconds=seconds)
        self._doing: int | None = None
        """The key of the order or the pull that is being carried out."""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                pause = 0.0 if await self.step() else PAUSE
            except AWAY as error:
                log.warning("The demo's provider waits: %s", error)
                pause = TROUBLED
            except Exception:
                log.exception("The demo's provider is at a loss.")
                pause = TROUBLED
            await asyncio.sleep(pause)

    async def step(self) -> bool:
        """Carry out an order and a pull that are due; say whether there were any."""
        carried = await self._tried(self._order, self._broken)
        return await self._tried(self._pull, self._dropped) or carried

    async def _tried(self, work: Work, otherwise: Work) -> bool:
        """Do `work`, or `otherwise` if what it is at makes trouble, lest that hold up others."""
        self._doing = None
        try:
            return await self._writing.change(work)
        except AWAY:
            raise
        except Exception:
            if self._doing is None:
                raise
            log.exception("An order or a pull can't be carried out.")
        return await self._writing.change(otherwise)

    def _change(self, writer: Writer) -> Change:
        return Change(Viewer(staff=True), writer, self._statements)

    async def _order(self, writer: Writer) -> bool:
        change = self._change(writer)
        found = await writer.find(due_order(change.now - self._patience))
        if not found:
            return False
        ((id_,),) = found
        self._doing = id_
        order = await _executing(change, id_)
        if order is None:
            return True
        offering = await change.row(tables.offering, order.offering_id)
        if option(msgspec.json.encode(offering.plugin_options).decode(), FAILS) is True:
            await failed(change, order, REASON)
        else:
            await done(change, order)
        return True

    async def _broken(self, writer: Writer) -> bool:
        """Have the order that made trouble fail, so that it is not tried for ever."""
        assert self._doing is not None
        change = self._change(writer)
        order = await change.row(tables.order, self._doing)
        await writer.lock(tables.resource, order.resource_id)
        order = await _executing(change, order.id)
        if order is not None:
            await failed(change, order, BROKEN)
        return True

    async def _pull(self, writer: Writer) -> bool:
        change = self._change(writer)
        found = await writer.find(due_pull(change.now - self._patience))
        for id_, resource_id in found:
            self._doing = id_
            await writer.lock(tables.resource, resource_id)
            for resource in await change.rows(tables.resource, id=resource_id):
                await _pulled(change, resource)
            await writer.delete(pull, id_)
        return bool(found)

    async def _dropped(self, writer: Writer) -> bool:
        """Forget the pull that made trouble: the resource stays as it was."""
        assert self._doing is not None
        await writer.delete(pull, self._doing)
        return True


async def _executing(change: Change, id_: int) -> Any:
    """Give an order, which nobody else changes from now on; None if it is not to be carried out."""
    await change.writer.lock(tables.order, id_)
    order = await change.row(tables.order, id_)
    return order if OrderState(order.state) is OrderState.EXECUTING else None


async def _pulled(change: Change, resource: Any) -> None:
    """Have a resource be as its backend says: somewhat more is used, and it runs."""
    usages = {name: _grown(value) for name, value in resource.current_usages.items()}
    await change.save(
        tables.resource,
        resource.id,
        current_usages=usages,
        backend_metadata={**resource.backend_metadata, "runtime_state": "ACTIVE"},
        last_sync=change.now,
    )
    components = await change.rows(tables.component, offering_id=resource.offering_id)
    for each in components:
        if each.type in usages:
            await _metered(change, resource, each.id, usages[each.type])


def _grown(value: Any) -> Any:
    return float(round(Decimal(str(value)) * _GROWTH, 2)) if isinstance(value, float) else value + 1


async def _metered(change: Change, resource: Any, component: int, value: Any) -> None:
    """Note how much of a component was used this month."""
    month = change.today.replace(day=1)
    periods = await change.rows(tables.plan_period, resource_id=resource.id, end=None)
    period = periods[-1].id if periods else None
    known = await change.writer.find(usage_of(resource.id, component, period, month))
    told = {"usage": value, "date": change.now}
    if known:
        await change.save(tables.component_usage, known[0][0], **told)
        return
    await change.add(
        tables.component_usage,
        resource_id=resource.id,
        component_id=component,
        plan_period_id=period,
        billing_period=month,
        **told,
    )
