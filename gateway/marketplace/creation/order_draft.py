"""The draft of an order for a new resource: the rows that the request names, and their facts."""

from dataclasses import dataclass, replace
from typing import Any

from gateway.db import tables
from gateway.db.tables.codes import ResourceState
from gateway.marketplace.billing.plan_cost import load_priced_components
from gateway.marketplace.billing.renewal_pricing import PricedComponent
from gateway.marketplace.creation.creation_request import CreationRequest
from gateway.marketplace.orders.orderable_plan import find_orderable_plan
from gateway.marketplace.problems import ChangeRefusedError, Problem, build_invalid_input
from gateway.marketplace.resource_facts import ResourceFacts, load_facts_before_creation
from gateway.marketplace.rows import (
    ComponentRow,
    CustomerGroupRow,
    OfferingFormRow,
    OfferingGroupRow,
    OrderingProjectRow,
    PlanRow,
)
from gateway.marketplace.table_row import JsonObject
from gateway.marketplace.unit_of_work import UnitOfWork, build_not_found


@dataclass(frozen=True)
class OrderDraft:
    """A request with the rows that it names, as the viewer sees them."""

    request: CreationRequest
    facts: ResourceFacts
    """Facts of the resource, as if it was stored already."""
    offering: OfferingFormRow
    project: OrderingProjectRow
    plan: PlanRow | None
    """The plan; None without one, and if it can't be ordered."""
    plan_problem: Problem | None
    """Why the plan can't be ordered."""
    parent_types: frozenset[str]
    """Component types that only the offering's parent has: limits of these are left out."""
    components: tuple[ComponentRow, ...]
    priced_components: tuple[PricedComponent, ...]

    @property
    def attributes(self) -> JsonObject:
        """The answers to the order form, with the resource's name."""
        return {**_get_members(self.request.attributes), "name": self.request.name.strip()}

    @property
    def limits(self) -> JsonObject:
        """The limits of the resource; empty if they are not an object."""
        limits = _get_members(self.request.limits)
        return {name: limits[name] for name in limits if name not in self.parent_types}

    @property
    def is_prepaid(self) -> bool:
        """Whether the offering has a prepaid component."""
        return any(each.is_prepaid for each in self.components)


def _get_members(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


async def load_order_draft(unit_of_work: UnitOfWork, request: CreationRequest) -> OrderDraft:
    """Return the draft of an order.

    Raises ChangeRefusedError if the viewer can't see the offering, the project or the plan.
    """
    offering_id = await _find_named_id(unit_of_work, tables.offering, "offering", request.offering)
    project_id = await _find_named_id(unit_of_work, tables.project, "project", request.project)
    facts = await _load_facts(unit_of_work, offering_id, project_id)
    plan, plan_problem = await _find_plan(unit_of_work, request.plan, facts)
    offering = await unit_of_work.load_row(OfferingFormRow, offering_id)
    components = await unit_of_work.load_rows(ComponentRow, offering_id=offering_id)
    return OrderDraft(
        request,
        facts,
        offering,
        await unit_of_work.load_row(OrderingProjectRow, project_id),
        plan,
        plan_problem,
        await _find_parent_types(unit_of_work, offering, components),
        tuple(components),
        await load_priced_components(unit_of_work, offering_id, plan.id if plan else None),
    )


async def _find_parent_types(
    unit_of_work: UnitOfWork, offering: OfferingFormRow, components: list[ComponentRow]
) -> frozenset[str]:
    if offering.parent_id is None:
        return frozenset()
    rows = await unit_of_work.load_rows(ComponentRow, offering_id=offering.parent_id)
    return frozenset({each.type for each in rows} - {each.type for each in components})


async def _load_facts(unit_of_work: UnitOfWork, offering_id: int, project_id: int) -> ResourceFacts:
    facts = await load_facts_before_creation(
        unit_of_work.loader, _list_stored_values(unit_of_work, offering_id, project_id)
    )
    if facts is None:
        raise ChangeRefusedError(build_not_found("offering"))
    group_ids, member_ids = [
        {each.organizationgroup_id for each in rows}
        for rows in (
            await unit_of_work.load_rows(OfferingGroupRow, offering_id=offering_id),
            await unit_of_work.load_rows(CustomerGroupRow, customer_id=facts.customer_id),
        )
    ]
    return replace(facts, is_restricted=int(bool(group_ids) and not group_ids & member_ids))


def _list_stored_values(
    unit_of_work: UnitOfWork, offering_id: int, project_id: int
) -> dict[Any, Any]:
    """Return the columns of the resource that its facts are made of."""
    resource = tables.resource.c
    return {
        resource.id: 0,
        resource.state: ResourceState.CREATING.value,
        resource.modified: unit_of_work.now_text,
        resource.offering_id: offering_id,
        resource.project_id: project_id,
    }


async def _find_plan(
    unit_of_work: UnitOfWork, uuid: str | None, facts: ResourceFacts
) -> tuple[PlanRow | None, Problem | None]:
    """Return the plan, if there is one that can be ordered, or why it can't be."""
    if uuid is None:
        is_missing = facts.shared
        return None, build_invalid_input("plan", message="is required.") if is_missing else None
    try:
        return await find_orderable_plan(unit_of_work, facts.offering_id, uuid), None
    except ChangeRefusedError as error:
        return None, error.problem


async def _find_named_id(unit_of_work: UnitOfWork, table: Any, field_name: str, uuid: str) -> int:
    """Return the key of a row that the input names; raises ChangeRefusedError if it is hidden."""
    try:
        return await unit_of_work.find_visible_id(table, uuid)
    except ChangeRefusedError:
        noun = f"{'an' if field_name == 'offering' else 'a'} {field_name}"
        message = f"must be the uuid of {noun} that exists and that the viewer can see."
        raise ChangeRefusedError(build_invalid_input(field_name, message=message)) from None
