"""The orders that made, changed and ended the resources (domain.md §6)."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace import changes, messages
from gateway.demo.marketplace.changes import Wanted
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

CREATE, UPDATE, TERMINATE, RESTORE = range(1, 5)
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
_RESTORED, _TRIED = 3, 9
"""One in so many of the resources that can be was restored, and of others was tried in vain."""


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
        self._numbers = count()

    def add(self, resource: Resource) -> Switch | None:
        """Add the orders of a resource, and give the last switch of its plan."""
        born = self._rows.random.choice(_BORN.get(resource.state, (DONE,)))
        self._order(resource, CREATE, born, resource.created, changes.made(resource))
        if born != DONE:
            return None
        switch = self._changes(resource) if self._rows.chance(0.25) else None
        self._present(resource)
        if resource.state == OK:
            with self._rows.apart("orders"):
                self._further(resource)
        return switch

    def _present(self, resource: Resource) -> None:
        """Add the order that the resource's state comes from."""
        at = self._later(resource, 0.95)
        waiting = self._rows.random.choice(_WAITING)
        if resource.state == UPDATING:
            self._order(resource, UPDATE, waiting, at, self._wish(resource))
        elif resource.state == TERMINATING:
            self._order(resource, TERMINATE, waiting, at, _AS_IT_IS)
        elif resource.state == TERMINATED:
            self._order(resource, TERMINATE, DONE, at, _NO_LONGER)

    def _wish(self, resource: Resource) -> Wanted:
        """Give what an order wants that is not carried out yet."""
        offering, plan = resource.place.offering, resource.plan
        others = [each for each in offering.plans if each is not plan and not each.plan.archived]
        if offering.prepaid:
            return changes.renewal(resource, done=False)
        if offering.offer.resource_options and resource.key % 2:
            return changes.new_options(self._rows, resource)
        if plan and others and (resource.key % 3 == 0 or not resource.limits):
            return changes.switch(plan, others[0])
        return changes.more_limits(resource)

    def _changes(self, resource: Resource) -> Switch | None:
        """Add an order that changed the resource once."""
        at = self._later(resource, self._rows.random.uniform(0.1, 0.8))
        others = [each for each in resource.place.offering.plans if each is not resource.plan]
        if others and resource.plan and resource.state == OK and self._rows.chance(0.3):
            old = self._rows.random.choice(others)
            self._order(resource, UPDATE, DONE, at, changes.switch(old, resource.plan))
            return Switch(old, at)
        state = self._rows.random.choice((DONE, DONE, FAILED, REJECTED))
        self._order(resource, UPDATE, state, at, self._change(resource, state))
        return None

    def _change(self, resource: Resource, state: int) -> Wanted:
        if resource.place.offering.prepaid and (state != DONE or changes.renewable(resource)):
            return changes.renewal(resource, done=state == DONE)
        if resource.place.offering.offer.resource_options and self._rows.chance(0.5):
            return changes.new_options(self._rows, resource)
        return changes.grown_limits(resource)

    def _further(self, resource: Resource) -> None:
        """Add to some resources orders that came to nothing or were undone, and renewals."""
        turn, rest = divmod(resource.key, _TRIED)
        if resource.place.offering.prepaid:
            state = _RENEWALS[resource.key % len(_RENEWALS)]
            state = state if changes.renewable(resource) else REJECTED
            wanted = changes.renewal(resource, done=state == DONE)
            self._order(resource, UPDATE, state, self._later(resource, 0.9), wanted)
        elif resource.place.offering.restorable and resource.key % _RESTORED == 0:
            self._order(resource, TERMINATE, DONE, self._later(resource, 0.85), _NO_LONGER)
            self._order(resource, RESTORE, DONE, self._later(resource, 0.86), _AS_IT_IS)
        elif rest == 0:
            kind, state = _IN_VAIN[turn % len(_IN_VAIN)]
            wanted = changes.more_limits(resource) if kind == UPDATE else _NO_LONGER
            self._order(resource, kind, state, self._later(resource, 0.9), wanted)

    def _order(
        self, resource: Resource, kind: int, state: int, at: datetime, wanted: Wanted
    ) -> None:
        self.placed[resource.place.offering.key] += 1
        values = {
            **_usual(resource),
            **self._reviews(resource, state, at),
            **self._said(state, at),
            **wanted,
        }
        self._rows.add(
            tables.order,
            **values,
            type=kind,
            state=state,
            slug=f"order-{resource.key}-{kind}",
            created=at,
            modified=at + timedelta(minutes=3),
        )

    def _said(self, state: int, at: datetime) -> dict[str, Any]:
        """Give what an order's end, or the wish for it, leaves behind, and the talk about it."""
        number, outcome = next(self._numbers), _OUTCOMES.get(state)
        talk = messages.talk(number, at)
        return talk | outcome(self._rows, number, at) if outcome else talk

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


def _usual(resource: Resource) -> dict[str, Any]:
    """Give what an order says of the resource, unless it wants to change it."""
    return {
        "resource_id": resource.key,
        "offering_id": resource.place.offering.key,
        "project_id": resource.place.project.key,
        "plan_id": resource.plan and resource.plan.key,
        "limits": resource.limits,
        "cost": resource.cost,
        "created_by_id": resource.orderer,
    }


_AS_IT_IS: Wanted = {}
_NO_LONGER: Wanted = {"attributes": {}, "termination_comment": "No longer needed"}
_RENEWALS = (DONE, REJECTED, FAILED, CANCELED)
_IN_VAIN = ((UPDATE, CANCELED), (TERMINATE, FAILED), (UPDATE, FAILED), (TERMINATE, REJECTED))
_OUTCOMES: Mapping[int, Callable[[Rows, int, datetime], dict[str, Any]]] = {
    DONE: lambda _, __, at: messages.success(at),
    FAILED: lambda _, __, at: messages.failure(at),
    REJECTED: lambda _, number, __: messages.refusal(number),
    PENDING_CONSUMER: lambda *_: messages.wish(),
    PENDING_PROVIDER: lambda *_: messages.wish(),
    PENDING_START: lambda rows, _, __: messages.later(rows),
}
