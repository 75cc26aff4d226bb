"""Mutations for the wishes whose requests `tools/record_client_requests.py` has recorded."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.support.bulk_orders import ORDERABLE_SQL
from tests.support.mutable_demo import RESULT_SELECTION, MutableDemo

RESOURCE, ORDER, PROJECT, OFFERING, PLAN, TARGET = (f"{digit}" * 32 for digit in "123456")
"""UUIDs in the recorded requests."""
PDF = b"%PDF-1.4\n%%EOF\n"
TERMINATION_SQL = """
update marketplace_resource set state = 6 where id = (
    select r.id from marketplace_resource r join marketplace_offering o on o.id = r.offering_id
    where r.state = 2 and o.name = 'Research object storage' order by r.id limit 1)
"""
"""Adds a resource that can be restored."""
ORDER_SQL = """
select r.uuid, d.uuid from marketplace_order d
join marketplace_resource r on r.id = d.resource_id and r.state <> 6
join marketplace_offering o on o.id = r.offering_id and o.type = 'Marketplace.Basic'
join structure_project p on p.id = r.project_id and not p.is_removed
    and coalesce(p.end_date, 'infinity') > now()
join structure_customer c on c.id = p.customer_id and not c.blocked and not c.archived
where d.type = 2 order by d.id limit 1
"""
SET_ORDER_STATE_SQL = "update marketplace_order set state = %s where uuid = %s"
FINISH_OTHERS_SQL = """
update marketplace_order set state = 3 where uuid <> %s and resource_id = (
    select resource_id from marketplace_order where uuid = %s)
"""
RELATED_SQL = """
select o.uuid, (select p.uuid from marketplace_plan p where p.offering_id = o.id and not p.archived
        and p.id is distinct from r.plan_id order by p.id limit 1),
    (select p.uuid from structure_project p join structure_customer c on c.id = p.customer_id
        where not p.is_removed and not c.blocked and p.id <> r.project_id order by p.id limit 1)
from marketplace_resource r join marketplace_offering o on o.id = r.offering_id where r.uuid = %s
"""
SHARES_CONDITION = "r.state = 2 and o.name = 'Project file shares' and r.limits ? 'capacity'"
RICH_SHARES_CONDITION = f"{SHARES_CONDITION} and (r.limits ->> 'capacity')::int > 1"
LIMITS = {"capacity": 7, "snapshots": 1}
OPTIONS_CONDITION = "r.state = 2 and o.resource_options -> 'options' ? 'contact'"


class Wish(NamedTuple):
    """A mutation of a resource that allows it, with its input."""

    field: str
    values: Mapping[str, Any]
    condition: str = "r.state = 2"
    """Condition in SQL on the resource `r` and its offering `o`."""
    username: str = "staff"
    attachment: bytes | None = None


RESOURCE_WISHES: Mapping[str, Wish] = {
    "pullResource": Wish("pullResource", {}),
    "pullResource, provider": Wish("pullResource", {}, username="provider"),
    "renewResource": Wish(
        "renewResource",
        {"extensionMonths": 12, "requestComment": "Please", "limits": {}},
        "o.type = 'Marketplace.Slurm'",
    ),
    "renewResource, attachment": Wish(
        "renewResource",
        {"extensionMonths": 12, "limits": {"slots": 5}},
        "o.name = 'Tape vault'",
        attachment=PDF,
    ),
    "updateResourceLimits": Wish(
        "updateResourceLimits", {"limits": LIMITS, "requestComment": "More"}, SHARES_CONDITION
    ),
    "updateResourceLimits, attachment": Wish(
        "updateResourceLimits",
        {"limits": LIMITS, "requestComment": "More"},
        SHARES_CONDITION,
        attachment=PDF,
    ),
    "switchResourcePlan": Wish(
        "switchResourcePlan", {"plan": PLAN}, "r.state = 2 and o.type = 'OpenStack.Tenant'"
    ),
    "moveResource": Wish("moveResource", {"project": PROJECT}),
    "terminateResource": Wish("terminateResource", {"attributes": {"delete_volumes": True}}),
    "terminateResource, provider": Wish("terminateResource", {}, username="provider"),
    "restoreResource": Wish("restoreResource", {}, "r.state = 6"),
    "setResourceEndDate": Wish("setResourceEndDate", {"endDate": "2099-01-10"}),
    "setResourceEndDate, none": Wish("setResourceEndDate", {"endDate": None}),
    "setResourceEndDate, left out": Wish("setResourceEndDate", {}),
    "setResourceEndDate, provider": Wish(
        "setResourceEndDate", {"endDate": "2099-01-10"}, username="provider"
    ),
    "adjustResourceDates": Wish(
        "adjustResourceDates",
        {"startDate": "2026-01-01", "endDate": "2099-01-01", "comment": "Agreed"},
    ),
    "updateResource": Wish(
        "updateResource",
        {"name": "Renamed", "description": "Mine", "endDate": "2099-01-10"},
        "r.state = 2 and o.type = 'OpenStack.Tenant'",
    ),
    "updateResource, provider": Wish(
        "updateResource", {"name": "Renamed"}, "r.end_date is null", "provider"
    ),
    "updateResourceOptions": Wish(
        "updateResourceOptions", {"options": {"contact": "New"}}, OPTIONS_CONDITION
    ),
    "updateResourceOptions, provider": Wish(
        "updateResourceOptions", {"options": {"contact": "New"}}, OPTIONS_CONDITION, "provider"
    ),
    "updateResourceOptions, direct": Wish(
        "updateResourceOptions", {"options": {"contact": "New"}, "direct": True}, OPTIONS_CONDITION
    ),
    "setResourceSlug": Wish("setResourceSlug", {"slug": "new-slug"}),
    "setResourceFlags, paused": Wish("setResourceFlags", {"flag": {"paused": True}}),
    "setResourceFlags, downscaled": Wish("setResourceFlags", {"flag": {"downscaled": False}}),
    "setResourceFlags, restrictMemberAccess": Wish(
        "setResourceFlags", {"flag": {"restrictMemberAccess": True}}
    ),
    "unlinkResource": Wish("unlinkResource", {}),
    "setResourceBackendId, backendId": Wish(
        "setResourceBackendId", {"identifier": {"backendId": "new-id"}}
    ),
    "setResourceBackendId, effectiveId": Wish(
        "setResourceBackendId", {"identifier": {"effectiveId": "new-id"}}
    ),
    "setResourceBackendMetadata": Wish(
        "setResourceBackendMetadata", {"backendMetadata": {"number": [1, None]}}
    ),
    "setResourceEndpoints": Wish(
        "setResourceEndpoints",
        {"endpoints": [{"name": "Login", "url": "ssh://login.example.org"}]},
    ),
    "setResourceLimits": Wish("setResourceLimits", {"limits": LIMITS}, SHARES_CONDITION),
    "setResourceState, ok": Wish("setResourceState", {"state": {"ok": {}}}, "r.state = 3"),
    "setResourceState, ok, keepErrors": Wish(
        "setResourceState", {"state": {"ok": {"keepErrors": True}}}, "r.state = 3"
    ),
    "setResourceState, erred": Wish(
        "setResourceState", {"state": {"erred": {"message": "Broken", "traceback": "Line 1"}}}
    ),
    "submitResourceReport": Wish(
        "submitResourceReport", {"report": [{"header": "News", "body": "Fine"}]}
    ),
    "refreshResourceLastSync": Wish("refreshResourceLastSync", {}),
}
"""Mutations of a resource by the names of the recorded wishes."""
OLDER_WISHES: Mapping[str, Wish] = {
    "setResourceEndDate, older": RESOURCE_WISHES["setResourceEndDate"],
    "setResourceEndDate, older, provider": RESOURCE_WISHES["setResourceEndDate, provider"],
}
"""Those whose requests older versions take."""
ORDER_WISHES: Mapping[str, tuple[str, int, Mapping[str, Any]]] = {
    "approveOrder, consumer": ("approveOrder", 1, {}),
    "approveOrder, provider": ("approveOrder", 7, {}),
    "rejectOrder, consumer": ("rejectOrder", 1, {"comment": "No"}),
    "rejectOrder, provider": ("rejectOrder", 7, {"comment": "No"}),
    "cancelOrder": ("cancelOrder", 1, {}),
    "setOrderState, EXECUTING": ("setOrderState", 7, {"state": "EXECUTING"}),
    "setOrderState, DONE": ("setOrderState", 2, {"state": "DONE"}),
    "setOrderState, ERRED": (
        "setOrderState",
        2,
        {"state": "ERRED", "errorMessage": "Broken", "errorTraceback": "Line 1"},
    ),
    "retryOrder": ("retryOrder", 4, {}),
}
"""Mutations of an order, with its stored state and the input."""
OTHER_WISHES = ("createOrder", "createOrder, attachment", "reallocateResourceLimits")


class SentWish(NamedTuple):
    """A mutation that was executed."""

    result: Mapping[str, Any]
    placeholders: Mapping[str, str]
    """The UUIDs of the recorded requests, by those of the demo."""


async def send_wish(demo: MutableDemo, name: str) -> SentWish:
    """Execute the mutation of a wish."""
    resource_wish = RESOURCE_WISHES.get(name) or OLDER_WISHES.get(name)
    if resource_wish is not None:
        return await _send_resource_wish(demo, resource_wish)
    if name in ORDER_WISHES:
        return await _send_order_wish(demo, *ORDER_WISHES[name])
    if name == "reallocateResourceLimits":
        return await _send_reallocation(demo)
    return await _send_creation(demo, PDF if "attachment" in name else None)


async def _send_resource_wish(demo: MutableDemo, wish: Wish) -> SentWish:
    operation = "".join(f"_{each}" if each.isupper() else each for each in wish.field).upper()
    uuid, *_ = await demo.find_operable_resources(operation, wish.username, wish.condition)
    ((offering, plan, project),) = demo.run_sql(RELATED_SQL, uuid)
    placeholders = {uuid: RESOURCE, offering.hex: OFFERING, project.hex: PROJECT}
    if plan is not None:
        placeholders[plan.hex] = PLAN
    actual_uuids = {each: actual for actual, each in placeholders.items()}
    values = {name: actual_uuids.get(str(each), each) for name, each in wish.values.items()}
    input_values = {"uuid": uuid, **values}
    result = await run_with_file(demo, wish.field, input_values, wish.attachment, as_=wish.username)
    return SentWish(result, placeholders)


async def _send_order_wish(
    demo: MutableDemo, field: str, state: int, values: Mapping[str, Any]
) -> SentWish:
    ((resource, order),) = demo.run_sql(ORDER_SQL)
    demo.run_sql(FINISH_OTHERS_SQL, order, order)
    demo.run_sql(SET_ORDER_STATE_SQL, state, order)
    result = await demo.run_mutation(field, uuid=order.hex, **values)
    demo.run_sql(SET_ORDER_STATE_SQL, 3, order)
    return SentWish(result, {order.hex: ORDER, resource.hex: RESOURCE})


async def _send_reallocation(demo: MutableDemo) -> SentWish:
    uuid, target, *_ = await demo.find_operable_resources(
        "REALLOCATE_RESOURCE_LIMITS", condition=RICH_SHARES_CONDITION
    )
    targets = [{"resource": target, "limits": {"capacity": 1}}]
    result = await demo.run_mutation(
        "reallocateResourceLimits", uuid=uuid, limits={"capacity": 1}, targets=targets
    )
    return SentWish(result, {uuid: RESOURCE, target: TARGET})


async def _send_creation(demo: MutableDemo, attachment: bytes | None) -> SentWish:
    ((offering, plan, project),) = demo.run_sql(ORDERABLE_SQL)
    input_values = {
        "offering": offering.hex,
        "plan": plan.hex,
        "project": project.hex,
        "name": "Measurements",
        "attributes": {"description": "For tests"},
        "limits": LIMITS,
        "acceptTermsOfService": True,
        "requestComment": "Soon",
    }
    result = await run_with_file(demo, "createOrder", input_values, attachment)
    return SentWish(result, {offering.hex: OFFERING, plan.hex: PLAN, project.hex: PROJECT})


async def run_with_file(
    demo: MutableDemo,
    field: str,
    input_values: Mapping[str, Any],
    attachment: bytes | None,
    *,
    as_: str = "staff",
) -> Any:
    """Run a mutation, with a file if it is not None, and return its result."""
    if attachment is None:
        return await demo.run_mutation(field, as_, **input_values)
    type_ = f"{field[0].upper()}{field[1:]}Input"
    query = f"mutation ($input: {type_}!) {{ {field}(input: $input) {{ {RESULT_SELECTION} }} }}"
    variables = {"input": {**input_values, "attachment": None}}
    parts: Any = [
        ("operations", (None, json.dumps({"query": query, "variables": variables}))),
        ("map", (None, '{"0": ["variables.input.attachment"]}')),
        ("0", ("order.pdf", attachment, "application/pdf")),
    ]
    headers = {
        "Authorization": f"Token {demo.client.tokens[as_]}",
        "GraphQL-Preflight": "1",
    }
    response = await demo.client.http.post("/graphql", files=parts, headers=headers)
    return response.json()["data"][field]
