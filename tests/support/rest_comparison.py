"""The rows that a Waldur of October 2024 answered by REST, each beside the gateway's."""

from typing import Any

from tests.support.marketplaces import Marketplace
from tests.support.rest_answers import (
    Promise,
    body,
    expected,
    habits,
    promises,
    selection,
    told,
    values,
)

MEMBER = "project_member_c0"
PAGES = {
    "list_project_member_c0": (MEMBER, "CONSUMER"),
    "provider_list_provider_a_owner": ("provider_a_owner", "PROVIDER"),
}
SINGLE = {
    "detail_basic_options": "staff",
    "detail_instance_child": "staff",
    "detail_member": MEMBER,
    "detail_slurm_ok": "staff",
    "detail_terminated": "staff",
}
RESOURCE = promises({"Resource": ""})
ORDER = promises({"Order": ""})
PERIOD = promises({"PlanPeriod": ""})
MEMBER_OF_TEAM = promises({"TeamMember": ""})
PLACES = {"Offering": "", "Component": "components.", "Plan": "plans."}
OFFERING = promises(PLACES)
CATALOGUE = [*OFFERING, *habits(PLACES)]
PRICED = "plans.components.component.type"
Pairs = list[tuple[Any, Any]]
"""Rows of ours, each with REST's."""


def same(found: Pairs, promised: list[Promise]) -> list[str]:
    """Compare rows, field by field; tell of each comparison which row of the contract it is of."""
    compared = []
    for row, rest in found:
        for each in promised:
            if each.is_in(rest):
                ours = told(each, values(row, each.path))
                assert ours == expected(each, values(rest, each.name)), each.name
                compared.append(each.row)
    return compared


def _selected(root: str, promised: list[Promise]) -> str:
    return selection(root, [each.path for each in promised])


async def page(waldur: Marketplace, name: str) -> Pairs:
    """Give the resources of a page."""
    username, side = PAGES[name]
    fields = _selected("Resource", RESOURCE)
    query = f"{{ resources(first: 50, visibleAs: {side}) {{ nodes {{ {fields} }} }} }}"
    rows = (await waldur.data(query, username))["resources"]["nodes"]
    return list(zip(rows, body(name), strict=True))


async def of_resource(waldur: Marketplace, name: str, fields: str) -> Any:
    """Give what a resource of a stored answer shows to whom REST showed it."""
    query = f"query($uuid: UUID!) {{ resource(uuid: $uuid) {{ {fields} }} }}"
    return (await waldur.data(query, SINGLE[name], uuid=body(name)["uuid"]))["resource"]


async def single(waldur: Marketplace, name: str) -> Pairs:
    """Give one resource."""
    return [(await of_resource(waldur, name, _selected("Resource", RESOURCE)), body(name))]


async def orders(waldur: Marketplace, name: str) -> Pairs:
    """Give the orders that are shown with a resource; there are the same ones."""
    fields = _selected("Order", ORDER)
    found = f"creation_order: creationOrder {{ {fields} }}"
    row = await of_resource(
        waldur, name, f"{found} order_in_progress: orderInProgress {{ {fields} }}"
    )
    rest = body(name)
    assert {each: row[each] is None for each in row} == {each: rest[each] is None for each in row}
    return [(row[each], rest[each]) for each in row if row[each]]


async def team(waldur: Marketplace) -> Pairs:
    """Give the people in a team."""
    fields = _selected("TeamMember", MEMBER_OF_TEAM)
    row = await of_resource(waldur, "detail_slurm_ok", f"team {{ {fields} }}")
    rows = [{**each, "uuid": each["user"]["uuid"]} for each in row["team"]]
    return paired(rows, body("detail_team"))


async def periods(waldur: Marketplace) -> Pairs:
    """Give the periods in which a resource had a plan."""
    fields = _selected("PlanPeriod", PERIOD)
    row = await of_resource(waldur, "detail_basic_options", f"planPeriods {{ uuid {fields} }}")
    return paired(row["planPeriods"], body("detail_plan_periods"))


async def offerings(waldur: Marketplace) -> Pairs:
    """Give the member's offerings.

    REST shows with an offering the components and plans of its parent if it has one.
    """
    fields = selection("Offering", [*(each.path for each in CATALOGUE), PRICED])
    below = selection("Offering", [PRICED, *(each.path for each in CATALOGUE if each.is_part)])
    query = f"{{ offerings(first: 50) {{ nodes {{ {fields} parent {{ {below} }} }} }} }}"
    found = (await waldur.data(query, MEMBER))["offerings"]["nodes"]
    rows = [row | (row["parent"] or {}) for row in found]
    return paired(rows, body("public_offerings_member"))


def paired(rows: list[Any], rest: list[Any]) -> Pairs:
    """Give what has the same uuid in pairs."""
    ours, others = ({each["uuid"]: each for each in found} for found in (rows, rest))
    assert sorted(ours) == sorted(others)
    return [(ours[each], others[each]) for each in ours]
