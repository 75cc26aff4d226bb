"""Choosing a resource's options (domain.md §5.9)."""

from typing import Any

from gateway.db import tables
from gateway.marketplace.eligibility import option
from gateway.marketplace.option_answers import check_answers
from gateway.marketplace.orders.place import Wish, place
from gateway.marketplace.preconditions import DIRECTLY, ResourceOperation, by_order
from gateway.marketplace.problems import invalid, refuse
from gateway.marketplace.side_effects import changed, revised
from gateway.marketplace.unit_of_work import Change, Changed

OPERATION = ResourceOperation.UPDATE_RESOURCE_OPTIONS


async def update_options(
    change: Change, uuid: str, options: Any, modified: str | None, *, direct: bool
) -> Changed:
    """Change some of a resource's options: at once or, if the offering says so, by an order.

    `direct` is the provider's way, without an order.
    """
    checks = DIRECTLY if direct else None
    facts = await change.resource(uuid, OPERATION, modified, checks)
    if options is None:
        options = {}
    if not isinstance(options, dict):
        refuse(invalid("options", message="Give an object: for the names of options a value each."))
    asked = option(facts.resource_options, "options")
    refuse(check_answers(asked if isinstance(asked, dict) else {}, options))
    resource = await change.row(tables.resource, facts.id)
    if by_order(facts) and not direct:
        attributes = {"old_options": resource.options, "new_options": options}
        wish = Wish(attributes=attributes, limits=resource.limits, cost=resource.cost)
        return Changed(facts.id, await place(change, facts, resource, wish))
    whole = {**(resource.options or {}), **options}
    after = await changed(change, resource, options=whole)
    await revised(change, after, "Options have been updated")
    return Changed(facts.id)
