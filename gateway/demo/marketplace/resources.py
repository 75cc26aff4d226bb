"""The resources of the demo marketplace, in the order of their making."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace import backends, details
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.placement import OLDEST, Place, Placement, Tenant
from gateway.demo.marketplace.prices import Priced
from gateway.demo.marketplace.rows import Rows

CREATING, OK, ERRED, UPDATING, TERMINATING, TERMINATED = range(1, 7)
_STATES = (OK, TERMINATED, ERRED, UPDATING, CREATING, TERMINATING)
_WEIGHTS = (66, 80, 86, 91, 96, 100)
_FIRST_DAYS = 720.0
"""How many days before the reference day the first resource was made."""


@dataclass
class Resource:
    """A resource with what its orders and records need to know of it."""

    key: int
    uuid: str
    name: str
    state: int
    created: datetime
    place: Place
    plan: Priced | None
    limits: dict[str, int]
    usages: dict[str, float]
    cost: Decimal | None
    orderer: int
    end: date | None = None
    """Its last day, known when it was added."""


class Resources:
    """The making of resources, one after the other."""

    def __init__(self, rows: Rows, placement: Placement, count: int) -> None:
        self._rows = rows
        self._random = rows.random
        self._placement = placement
        self._count = count
        self._taken: Counter[int] = Counter()

    def made(self) -> Iterator[Resource]:
        """Add the resources, each with its backend's object and its endpoints."""
        for number in range(self._count):
            resource = self._draw(number, self._placement.place(number))
            self._add(number, resource)
            yield resource

    def _draw(self, number: int, place: Place) -> Resource:
        (state,) = self._random.choices(_STATES, cum_weights=_WEIGHTS)
        limits = details.limits(self._random, place.offering)
        plan = self._plan(place.offering)
        days = _FIRST_DAYS * (1 - number / self._count) - self._random.random() / self._count
        return Resource(
            key=number + 1,
            uuid=self._rows.uuid(),
            name=details.name(self._random, number),
            state=OK if number < len(OLDEST) or place.offering.offer.fails else state,
            created=self._rows.ago(days),
            place=place,
            plan=plan,
            limits=limits,
            usages=details.usages(self._random, place.offering, limits),
            cost=details.cost(place.offering, plan, limits),
            orderer=self._random.choice(place.project.team),
        )

    def _plan(self, offering: Offering) -> Priced | None:
        """Choose a plan; one of which there are only so many is taken while it lasts."""
        if not offering.plans:
            return None
        chosen = self._random.choice(offering.plans)
        if chosen.plan.max_amount is not None and self._taken[chosen.key] >= chosen.plan.max_amount:
            chosen = offering.plans[0]
        self._taken[chosen.key] += 1
        return chosen

    def _add(self, number: int, resource: Resource) -> None:
        place, state, created = resource.place, resource.state, resource.created
        content_type, key = backends.add(self._rows, place, resource.name, state, created)
        resource.end = end = details.end(self._rows, number, place.offering)
        asked = end is not None and (number < len(OLDEST) or self._rows.chance(0.6))
        self._rows.add(
            tables.resource,
            uuid=resource.uuid,
            name=resource.name,
            slug=f"{resource.name[:40].lower()}-{resource.key}",
            description=f"{resource.name} for {place.project.name}" if number % 3 else "",
            state=state,
            offering_id=place.offering.key,
            plan_id=resource.plan and resource.plan.key,
            project_id=place.project.key,
            parent_id=place.parent and place.parent.resource,
            content_type_id=content_type,
            object_id=key,
            limits=resource.limits,
            cost=resource.cost,
            end_date=end,
            end_date_requested_by_id=resource.orderer if asked else None,
            end_date_updated_at=created if asked else None,
            created=created,
            modified=created + (self._rows.ago(0) - created) * self._random.random(),
            last_sync=self._rows.ago(self._random.random()),
            **self._texts(resource),
        )
        self._endpoints(number, resource)
        if content_type is not None and key is not None:
            self._placement.settle(Tenant(resource.key, key, place.project), place)

    def _texts(self, resource: Resource) -> dict[str, Any]:
        erred = resource.state == ERRED
        place, random = resource.place, self._random
        known = resource.state != CREATING
        return {
            "attributes": details.attributes(random, place, resource.name),
            "options": details.options(random, place.offering),
            "backend_metadata": details.metadata(random, place, resource.name),
            "report": details.report(random, resource.key - 1),
            "current_usages": resource.usages if known else {},
            "backend_id": f"be-{resource.key:06}" if known else "",
            "effective_id": f"eff-{resource.key}" if self._rows.chance(0.1) else "",
            "downscaled": self._rows.chance(0.04),
            "paused": self._rows.chance(0.04),
            "restrict_member_access": self._rows.chance(0.04),
            "error_message": "The backend did not answer in time." if erred else "",
            "error_traceback": "Traceback (most recent call last): TimeoutError" if erred else "",
        }

    def _endpoints(self, number: int, resource: Resource) -> None:
        if number < len(OLDEST) or self._rows.chance(0.3):
            for name in self._random.sample(("Web", "SSH", "API"), self._random.randint(1, 2)):
                self._rows.add(
                    tables.resource_endpoint,
                    resource_id=resource.key,
                    name=name,
                    url=f"https://{name.lower()}.r{resource.key}.example.org/",
                )
