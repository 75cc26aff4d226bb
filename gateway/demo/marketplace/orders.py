"""Orders that created, changed and terminated the resources (domain.md §6)."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from gateway.db import tables
from gateway.db.tables.codes import OrderState, OrderType, ResourceState
from gateway.demo.marketplace import changes, messages
from gateway.demo.marketplace.changes import ChangeColumns
from gateway.demo.marketplace.prices import PricedPlan
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

CREATE, UPDATE, TERMINATE, RESTORE = OrderType
(
    PENDING_CONSUMER,
    EXECUTING,
    DONE,
    FAILED,
    CANCELED,
    REJECTED,
    PENDING_PROVIDER,
    PENDING_PROJECT,
    PENDING_START,
) = OrderState
_WAITING_STATES = (PENDING_CONSUMER, PENDING_PROVIDER, EXECUTING, EXECUTING)
_CREATION_ORDER_STATES = {
    ResourceState.CREATING: (*_WAITING_STATES, PENDING_PROJECT, PENDING_START),
    ResourceState.ERRED: (DONE, FAILED),
    ResourceState.TERMINATED: (DONE, DONE, DONE, CANCELED, REJECTED),
}
_REVIEWED_STATES = {EXECUTING, DONE, FAILED, PENDING_PROVIDER}
_RESTORE_INTERVAL, _FAILED_ATTEMPT_INTERVAL = 3, 9
"""One restorable resource in so many was restored; one other in so many has a failed order."""


@dataclass(frozen=True)
class PlanSwitch:
    """Switch from a former plan to the present one."""

    old_plan: PricedPlan
    switched_at: datetime


class OrderGenerator:
    """Generator of orders, which the owners of the organisations review.

    `owner_ids` has the owner of each organisation by slug. For each resource it adds, in this
    order: the order that created it; for one in four an order that changed it; the order that
    its present state comes from; and for some more orders that failed, were rejected or undone.
    """

    def __init__(self, writer: RowWriter, owner_ids: Mapping[str, int]) -> None:
        self._writer = writer
        self._owner_ids = owner_ids
        self.counts_by_offering: Counter[int] = Counter()
        """Number of orders by offering."""
        self._numbers = count()

    def add_orders(self, resource: DemoResource) -> PlanSwitch | None:
        """Add the orders of a resource; return its plan switch, None without one."""
        creation_state = self._writer.random.choice(
            _CREATION_ORDER_STATES.get(resource.state, (DONE,))
        )
        self._add_order(
            resource, CREATE, creation_state, resource.created, changes.request_creation(resource)
        )
        if creation_state != DONE:
            return None
        switch = self._add_past_change(resource) if self._writer.draw_chance(0.25) else None
        self._add_current_order(resource)
        if resource.state == ResourceState.OK:
            with self._writer.use_random_stream("orders"):
                self._add_further_orders(resource)
        return switch

    def _add_current_order(self, resource: DemoResource) -> None:
        """Add the order that the resource's present state comes from, if any."""
        created = self._lifetime_moment(resource, 0.95)
        waiting_state = self._writer.random.choice(_WAITING_STATES)
        if resource.state == ResourceState.UPDATING:
            self._add_order(
                resource, UPDATE, waiting_state, created, self._choose_pending_change(resource)
            )
        elif resource.state == ResourceState.TERMINATING:
            self._add_order(resource, TERMINATE, waiting_state, created, _UNCHANGED)
        elif resource.state == ResourceState.TERMINATED:
            self._add_order(resource, TERMINATE, DONE, created, _TERMINATION)

    def _choose_pending_change(self, resource: DemoResource) -> ChangeColumns:
        """Return the requested change of an order that is not yet carried out."""
        offering, plan = resource.placement.offering, resource.plan
        other_plans = [
            each for each in offering.plans if each is not plan and not each.spec.is_archived
        ]
        if offering.is_prepaid:
            return changes.request_renewal(resource, is_done=False)
        if offering.spec.resource_options and resource.key % 2:
            return changes.request_new_options(self._writer, resource)
        if plan and other_plans and (resource.key % 3 == 0 or not resource.limits):
            return changes.request_plan_switch(plan, other_plans[0])
        return changes.request_more_limits(resource)

    def _add_past_change(self, resource: DemoResource) -> PlanSwitch | None:
        """Add a past order for a change; return the plan switch, None if it is another change."""
        created = self._lifetime_moment(resource, self._writer.random.uniform(0.1, 0.8))
        other_plans = [
            each for each in resource.placement.offering.plans if each is not resource.plan
        ]
        if (
            other_plans
            and resource.plan
            and resource.state == ResourceState.OK
            and self._writer.draw_chance(0.3)
        ):
            old_plan = self._writer.random.choice(other_plans)
            self._add_order(
                resource,
                UPDATE,
                DONE,
                created,
                changes.request_plan_switch(old_plan, resource.plan),
            )
            return PlanSwitch(old_plan, created)
        state = self._writer.random.choice((DONE, DONE, FAILED, REJECTED))
        self._add_order(resource, UPDATE, state, created, self._choose_past_change(resource, state))
        return None

    def _choose_past_change(self, resource: DemoResource, state: int) -> ChangeColumns:
        if resource.placement.offering.is_prepaid and (
            state != DONE or changes.can_be_renewed(resource)
        ):
            return changes.request_renewal(resource, is_done=state == DONE)
        if resource.placement.offering.spec.resource_options and self._writer.draw_chance(0.5):
            return changes.request_new_options(self._writer, resource)
        return changes.request_grown_limits(resource)

    def _add_further_orders(self, resource: DemoResource) -> None:
        """Add orders that failed, were rejected or were undone, and renewals, to some resources."""
        attempt_number, remainder = divmod(resource.key, _FAILED_ATTEMPT_INTERVAL)
        if resource.placement.offering.is_prepaid:
            state = _RENEWAL_STATES[resource.key % len(_RENEWAL_STATES)]
            state = state if changes.can_be_renewed(resource) else REJECTED
            change_columns = changes.request_renewal(resource, is_done=state == DONE)
            self._add_order(
                resource, UPDATE, state, self._lifetime_moment(resource, 0.9), change_columns
            )
        elif resource.placement.offering.can_restore and resource.key % _RESTORE_INTERVAL == 0:
            self._add_order(
                resource, TERMINATE, DONE, self._lifetime_moment(resource, 0.85), _TERMINATION
            )
            self._add_order(
                resource, RESTORE, DONE, self._lifetime_moment(resource, 0.86), _UNCHANGED
            )
        elif remainder == 0:
            order_type, state = _FAILED_ATTEMPTS[attempt_number % len(_FAILED_ATTEMPTS)]
            change_columns = (
                changes.request_more_limits(resource) if order_type == UPDATE else _TERMINATION
            )
            self._add_order(
                resource, order_type, state, self._lifetime_moment(resource, 0.9), change_columns
            )

    def _add_order(
        self,
        resource: DemoResource,
        order_type: int,
        state: int,
        created: datetime,
        change_columns: ChangeColumns,
    ) -> None:
        self.counts_by_offering[resource.placement.offering.key] += 1
        values = {
            **_resource_columns(resource),
            **self._review_columns(resource, state, created),
            **self._describe_outcome(state, created),
            **change_columns,
        }
        self._writer.add_row(
            tables.order,
            **values,
            type=order_type,
            state=state,
            slug=f"order-{resource.key}-{order_type}",
            created=created,
            modified=created + timedelta(minutes=3),
        )

    def _describe_outcome(self, state: int, created: datetime) -> dict[str, Any]:
        """Return the columns of an order's outcome and of its conversation."""
        number, outcome = next(self._numbers), _OUTCOMES.get(state)
        conversation = messages.generate_conversation(number, created)
        return conversation | outcome(self._writer, number, created) if outcome else conversation

    def _review_columns(
        self, resource: DemoResource, state: int, created: datetime
    ) -> dict[str, Any]:
        if state not in _REVIEWED_STATES:
            return {}
        columns: dict[str, Any] = {
            "consumer_reviewed_by_id": self._owner_ids[resource.placement.project.customer_slug],
            "consumer_reviewed_at": created + timedelta(minutes=1),
        }
        if state != PENDING_PROVIDER:
            columns["provider_reviewed_by_id"] = self._owner_ids[
                resource.placement.offering.spec.provider
            ]
            columns["provider_reviewed_at"] = created + timedelta(minutes=2)
        return columns

    def _lifetime_moment(self, resource: DemoResource, share: float) -> datetime:
        """Return the moment at a share (0 to 1) of the time from the resource's creation to now."""
        return resource.created + (self._writer.days_ago(0) - resource.created) * share


def _resource_columns(resource: DemoResource) -> dict[str, Any]:
    """Return the columns of an order that are copied from the resource."""
    return {
        "resource_id": resource.key,
        "offering_id": resource.placement.offering.key,
        "project_id": resource.placement.project.key,
        "plan_id": resource.plan and resource.plan.key,
        "limits": resource.limits,
        "cost": resource.cost,
        "created_by_id": resource.ordered_by,
    }


_UNCHANGED: ChangeColumns = {}
_TERMINATION: ChangeColumns = {"attributes": {}, "termination_comment": "No longer needed"}
_RENEWAL_STATES = (DONE, REJECTED, FAILED, CANCELED)
_FAILED_ATTEMPTS = (
    (UPDATE, CANCELED),
    (TERMINATE, FAILED),
    (UPDATE, FAILED),
    (TERMINATE, REJECTED),
)
_OUTCOMES: Mapping[int, Callable[[RowWriter, int, datetime], dict[str, Any]]] = {
    DONE: lambda _, __, at: messages.describe_success(at),
    FAILED: lambda _, __, at: messages.describe_failure(at),
    REJECTED: lambda _, number, __: messages.describe_rejection(number),
    PENDING_CONSUMER: lambda *_: messages.describe_request(),
    PENDING_PROVIDER: lambda *_: messages.describe_request(),
    PENDING_START: lambda writer, _, __: messages.describe_delayed_start(writer),
}
