"""Resources of the demo marketplace, in the order of their creation."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from gateway.db import tables
from gateway.db.tables.codes import ResourceState
from gateway.demo.marketplace import backends, details
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.placement import (
    OLDEST_PLACEMENTS,
    DemoTenant,
    PlacementPlanner,
    ResourcePlacement,
)
from gateway.demo.marketplace.prices import PricedPlan
from gateway.demo.marketplace.rows import RowWriter

_STATES = (
    ResourceState.OK,
    ResourceState.TERMINATED,
    ResourceState.ERRED,
    ResourceState.UPDATING,
    ResourceState.CREATING,
    ResourceState.TERMINATING,
)
_WEIGHTS = (66, 80, 86, 91, 96, 100)
_OLDEST_AGE_DAYS = 720.0
"""Age in days of the first resource on the reference day."""


@dataclass
class DemoResource:
    """Resource with the values that its orders and records depend on."""

    key: int
    uuid: str
    name: str
    state: ResourceState
    created: datetime
    placement: ResourcePlacement
    plan: PricedPlan | None
    limits: dict[str, int]
    usages: dict[str, float]
    cost: Decimal | None
    ordered_by: int
    end_date: date | None = None
    """Its last day; set when the resource is added."""


class ResourceGenerator:
    """Generator of resources, spread evenly over the time from the first to the reference day."""

    def __init__(self, writer: RowWriter, planner: PlacementPlanner, count: int) -> None:
        self._writer = writer
        self._random = writer.random
        self._planner = planner
        self._count = count
        self._plan_counts: Counter[int] = Counter()

    def generate_resources(self) -> Iterator[DemoResource]:
        """Add and yield the resources, each with its backend object and endpoints."""
        for number in range(self._count):
            resource = self._draw_resource(number, self._planner.place_resource(number))
            self._add_resource(number, resource)
            yield resource

    def _draw_resource(self, number: int, placement: ResourcePlacement) -> DemoResource:
        (state,) = self._random.choices(_STATES, cum_weights=_WEIGHTS)
        limits = details.generate_limits(self._random, placement.offering)
        plan = self._choose_plan(placement.offering)
        age_days = (
            _OLDEST_AGE_DAYS * (1 - number / self._count) - self._random.random() / self._count
        )
        return DemoResource(
            key=number + 1,
            uuid=self._writer.generate_uuid(),
            name=details.generate_name(self._random, number),
            state=ResourceState.OK
            if number < len(OLDEST_PLACEMENTS) or placement.offering.spec.has_failing_orders
            else state,
            created=self._writer.days_ago(age_days),
            placement=placement,
            plan=plan,
            limits=limits,
            usages=details.generate_usages(self._random, placement.offering, limits),
            cost=details.estimate_cost(placement.offering, plan, limits),
            ordered_by=self._random.choice(placement.project.member_ids),
        )

    def _choose_plan(self, offering: DemoOffering) -> PricedPlan | None:
        """Return a random plan, or the first one if that is sold out; None without plans."""
        if not offering.plans:
            return None
        plan = self._random.choice(offering.plans)
        if plan.spec.max_amount is not None and self._plan_counts[plan.key] >= plan.spec.max_amount:
            plan = offering.plans[0]
        self._plan_counts[plan.key] += 1
        return plan

    def _add_resource(self, number: int, resource: DemoResource) -> None:
        placement, state, created = resource.placement, resource.state, resource.created
        content_type, object_id = backends.add_backend_object(
            self._writer, placement, resource.name, state, created
        )
        resource.end_date = end_date = details.choose_end_date(
            self._writer, number, placement.offering
        )
        has_requester = end_date is not None and (
            number < len(OLDEST_PLACEMENTS) or self._writer.draw_chance(0.6)
        )
        self._writer.add_row(
            tables.resource,
            uuid=resource.uuid,
            name=resource.name,
            slug=f"{resource.name[:40].lower()}-{resource.key}",
            description=f"{resource.name} for {placement.project.name}" if number % 3 else "",
            state=state,
            offering_id=placement.offering.key,
            plan_id=resource.plan and resource.plan.key,
            project_id=placement.project.key,
            parent_id=placement.parent and placement.parent.resource_id,
            content_type_id=content_type,
            object_id=object_id,
            limits=resource.limits,
            cost=resource.cost,
            end_date=end_date,
            end_date_requested_by_id=resource.ordered_by if has_requester else None,
            end_date_updated_at=created if has_requester else None,
            created=created,
            modified=created + (self._writer.days_ago(0) - created) * self._random.random(),
            last_sync=self._writer.days_ago(self._random.random()),
            **self._build_columns(resource),
        )
        self._add_endpoints(number, resource)
        if content_type is not None and object_id is not None:
            self._planner.register_tenant(
                DemoTenant(resource.key, object_id, placement.project), placement
            )

    def _build_columns(self, resource: DemoResource) -> dict[str, Any]:
        is_erred = resource.state == ResourceState.ERRED
        placement, random = resource.placement, self._random
        has_backend = resource.state != ResourceState.CREATING
        return {
            "attributes": details.generate_attributes(random, placement, resource.name),
            "options": details.generate_options(random, placement.offering),
            "backend_metadata": details.generate_backend_metadata(random, placement, resource.name),
            "report": details.generate_report(random, resource.key - 1),
            "current_usages": resource.usages if has_backend else {},
            "backend_id": f"be-{resource.key:06}" if has_backend else "",
            "effective_id": f"eff-{resource.key}" if self._writer.draw_chance(0.1) else "",
            "downscaled": self._writer.draw_chance(0.04),
            "paused": self._writer.draw_chance(0.04),
            "restrict_member_access": self._writer.draw_chance(0.04),
            "error_message": "The backend did not answer in time." if is_erred else "",
            "error_traceback": "Traceback (most recent call last): TimeoutError"
            if is_erred
            else "",
        }

    def _add_endpoints(self, number: int, resource: DemoResource) -> None:
        if number < len(OLDEST_PLACEMENTS) or self._writer.draw_chance(0.3):
            for name in self._random.sample(("Web", "SSH", "API"), self._random.randint(1, 2)):
                self._writer.add_row(
                    tables.resource_endpoint,
                    resource_id=resource.key,
                    name=name,
                    url=f"https://{name.lower()}.r{resource.key}.example.org/",
                )
