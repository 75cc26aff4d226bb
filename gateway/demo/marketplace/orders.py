"""The orders that made, changed and ended the resources (domain.md §6)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.prices import Priced
from gateway.demo.marketplace.resources import (
    CREATING,
    ERRED,
    OK,
    TERMINATED,
    TERMINATING,
    UPDATING,
    Resource,
)
from gateway.demo.marketplace.rows import Rows

CREATE, UPDATE, TERMINATE = range(1, 4)
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
) = range(1, 10)
_WAITING = (PENDING_CONSUMER, PENDING_PROVIDER, EXECUTING, EXECUTING)
_BORN = {
    CREATING: (*_WAITING, PENDING_PROJECT, PENDING_START),
    ERRED: (DONE, FAILED),
    TERMINATED: (DONE, DONE, DONE, CANCELED, REJECTED),
}
_REVIEWED = {EXECUTING, DONE, FAILED, PENDING_PROVIDER}


@dataclass(frozen=True)
class Switch:
    """A change of plan from an old one to the present one."""

    old: Priced
    at: datetime


class Orders:
    """The making of orders; `owners` review them, by their organisations' names."""

    def __init__(self, rows: Rows, owners: Mapping[str, int]) -> None:
        self._rows = rows
        self._owners = owners
        self.placed: Counter[int] = Counter()
        """How many orders were added, by offering."""

    def add(self, resource: Resource) -> Switch | None:
        """Add the orders of a resource, and give the last switch of its plan."""
        born = self._rows.random.choice(_BORN.get(resource.state, (DONE,)))
        self._order(resource, CREATE, born, resource.created, {"name": resource.name})
        if born != DONE:
            return None
        switch = self._changes(resource) if self._rows.chance(0.25) else None
        self._present(resource)
        return switch

    def _present(self, resource: Resource) -> None:
        """Add the order that the resource's state comes from."""
        at = self._later(resource, 0.95)
        waiting = self._rows.random.choice(_WAITING)
        if resource.state == UPDATING:
            self._order(resource, UPDATE, waiting, at, {"old_limits": resource.limits})
        elif resource.state == TERMINATING:
            self._order(resource, TERMINATE, waiting, at, {})
        elif resource.state == TERMINATED:
            self._order(resource, TERMINATE, DONE, at, {})

    def _changes(self, resource: Resource) -> Switch | None:
        """Add an order that changed the resource once."""
        at = self._later(resource, self._rows.random.uniform(0.1, 0.8))
        others = [each for each in resource.place.offering.plans if each is not resource.plan]
        if others and resource.state == OK and self._rows.chance(0.3):
            old = self._rows.random.choice(others)
            self._order(resource, UPDATE, DONE, at, {}, old_plan_id=old.key)
            return Switch(old, at)
        self._order(
            resource,
            UPDATE,
            self._rows.random.choice((DONE, DONE, FAILED, REJECTED)),
            at,
            self._change(resource),
        )
        return None

    def _change(self, resource: Resource) -> dict[str, Any]:
        asked = resource.place.offering.offer.resource_options
        if resource.place.offering.prepaid:
            return {"action": "renew", "extension_months": 6, "old_limits": resource.limits}
        if asked and self._rows.chance(0.5):
            return {"old_options": {}, "new_options": {asked[0]: None}}
        return {"old_limits": {name: value // 2 for name, value in resource.limits.items()}}

    def _order(
        self,
        resource: Resource,
        kind: int,
        state: int,
        at: datetime,
        attributes: dict[str, Any],
        **more: Any,
    ) -> None:
        self.placed[resource.place.offering.key] += 1
        self._rows.add(
            tables.order,
            resource_id=resource.key,
            offering_id=resource.place.offering.key,
            project_id=resource.place.project.key,
            plan_id=resource.plan and resource.plan.key,
            type=kind,
            state=state,
            slug=f"order-{resource.key}-{kind}",
            attributes=attributes,
            limits=resource.limits,
            cost=resource.cost,
            created_by_id=resource.orderer,
            created=at,
            modified=at + timedelta(minutes=3),
            **self._reviews(resource, state, at),
            **_outcome(kind, state, at),
            **more,
        )

    def _reviews(self, resource: Resource, state: int, at: datetime) -> dict[str, Any]:
        if state not in _REVIEWED:
            return {}
        found: dict[str, Any] = {
            "consumer_reviewed_by_id": self._owners[resource.place.project.customer],
            "consumer_reviewed_at": at + timedelta(minutes=1),
        }
        if state != PENDING_PROVIDER:
            found["provider_reviewed_by_id"] = self._owners[resource.place.offering.offer.provider]
            found["provider_reviewed_at"] = at + timedelta(minutes=2)
        return found

    def _later(self, resource: Resource, share: float) -> datetime:
        """Give the moment at that share of the time since the resource was made."""
        return resource.created + (self._rows.ago(0) - resource.created) * share


def _outcome(kind: int, state: int, at: datetime) -> dict[str, Any]:
    """Give what an order's end, or the wish for it, leaves behind."""
    if state == DONE:
        ended = {"completed_at": at + timedelta(minutes=3), "output": "Carried out."}
        return ended | ({"termination_comment": "No longer needed"} if kind == TERMINATE else {})
    return _SAID.get(state, {})


_SAID = {
    FAILED: {"error_message": "The backend refused.", "error_traceback": "Traceback: Refused"},
    REJECTED: {"provider_rejection_comment": "There is no room at present."},
    PENDING_CONSUMER: {"request_comment": "Please, for the course in spring."},
    PENDING_PROVIDER: {"request_comment": "Please, for the course in spring."},
}
