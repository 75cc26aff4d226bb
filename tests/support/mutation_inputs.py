"""Inputs of all mutations, for tests that attack each of them in the same way."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from tests.support.mutable_demo import RESULT_SELECTION, MutableDemo

PROBLEM_TYPES = frozenset(
    {
        "NotPermitted",
        "NotFound",
        "InvalidInput",
        "InvalidMonths",
        "WrongState",
        "NotPossible",
        "Conflict",
        "Unavailable",
    }
)
_RELATED_SQL = """
select r.offering_id, coalesce((
    select jsonb_object_agg(c.type, 5) from marketplace_offeringcomponent c
    where c.offering_id = r.offering_id and c.billing_type = 'limit'), '{"x": 1}'), (
    select p.uuid from marketplace_plan p where p.offering_id = r.offering_id
    order by p.archived, p.id = r.plan_id, p.id limit 1), (
    select s.uuid from marketplace_resource s
    where s.offering_id = r.offering_id and s.id <> r.id order by s.id limit 1)
from marketplace_resource r where r.uuid = %s
"""
_PROJECT_SQL = "select uuid from structure_project where not is_removed order by id limit 1"
_NO_UUID = "0" * 32
_RESOURCE_VALUES: Sequence[tuple[str, Any]] = (
    ("pullResource", {}),
    ("renewResource", {"extensionMonths": 12}),
    ("setResourceEndDate", {"endDate": "2098-01-01"}),
    ("adjustResourceDates", {"startDate": "2026-01-01", "endDate": "2098-02-01"}),
    ("updateResourceOptions", {"options": {"contact": "me"}}),
    ("updateResourceOptions", {"options": {"contact": "us"}, "direct": True}),
    ("updateResource", {"name": "Renamed", "endDate": "2098-03-01"}),
    ("setResourceSlug", {"slug": "new-slug"}),
    ("setResourceFlags", {"flag": {"paused": True}}),
    ("setResourceBackendId", {"identifier": {"backendId": "new-id"}}),
    ("setResourceBackendMetadata", {"backendMetadata": {"new": True}}),
    ("setResourceEndpoints", {"endpoints": [{"name": "New", "url": "https://new/"}]}),
    ("setResourceState", {"state": {"erred": {"message": "Broken."}}}),
    ("setResourceState", {"state": {"ok": {}}}),
    ("submitResourceReport", {"report": [{"header": "New", "body": "News."}]}),
    ("refreshResourceLastSync", {}),
)
"""Mutations of a resource with input that suits each resource."""


class MutationOutcome(NamedTuple):
    """What a mutation returned."""

    results: Sequence[Any]
    """The result, or those of many objects; without those that failed."""
    error_codes: Sequence[str]
    body: Any

    @property
    def type_names(self) -> list[str]:
        """The types of the results."""
        return [each["__typename"] for each in self.results]

    @property
    def is_refused(self) -> bool:
        """Whether nothing may have been changed."""
        return PROBLEM_TYPES.issuperset(self.type_names)


async def send_mutation(
    demo: MutableDemo, field: str, input_values: Any, as_: str | None = "staff"
) -> MutationOutcome:
    """Run a mutation that may fail."""
    is_many = "uuids" in input_values
    selection = f"uuid result {{ {RESULT_SELECTION} }}" if is_many else RESULT_SELECTION
    document = (
        f"mutation ($input: {field[0].upper()}{field[1:]}Input!)"
        f" {{ {field}(input: $input) {{ {selection} }} }}"
    )
    content = json.dumps({"query": document, "variables": {"input": input_values}}).encode()
    body = (await demo.client.post(content, as_)).json()
    value = (body.get("data") or {}).get(field)
    values = [each["result"] for each in value] if isinstance(value, list) else [value]
    codes = [each["extensions"]["code"] for each in body.get("errors", ())]
    return MutationOutcome([each for each in values if each], codes, body)


class SqlRunner(Protocol):
    """A marketplace on whose tables statements can be run."""

    def run_sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""


def list_resource_inputs(demo: SqlRunner, uuid: str) -> Iterator[tuple[str, Any]]:
    """Yield each mutation of a resource with an input; the last one deletes the resource."""
    ((_, limits, plan, other),) = demo.run_sql(_RELATED_SQL, uuid)
    ((project,),) = demo.run_sql(_PROJECT_SQL)
    amount, moved = {next(iter(limits)): 1}, {"project": project.hex}
    target = {"resource": _spell_uuid(other), "limits": amount}
    for field, values in (
        *_RESOURCE_VALUES,
        ("setResourceLimits", {"limits": limits}),
        ("updateResourceLimits", {"limits": limits}),
        ("switchResourcePlan", {"plan": _spell_uuid(plan)}),
        ("reallocateResourceLimits", {"limits": amount, "targets": [target]}),
        ("terminateResource", {}),
        ("restoreResource", {}),
        ("moveResource", moved),
    ):
        yield field, {"uuid": uuid, **values}
    for field, values in (
        ("pullResources", {}),
        ("setResourcesEndDate", {"endDate": "2098-04-01"}),
        ("terminateResources", {}),
        ("moveResources", moved),
    ):
        yield field, {"uuids": [uuid, _spell_uuid(other)], **values}
    yield "unlinkResource", {"uuid": uuid}


def list_order_inputs(uuid: str) -> Iterator[tuple[str, Any]]:
    """Yield each mutation of an order with an input."""
    for state in ("DONE", "ERRED", "EXECUTING"):
        yield "setOrderState", {"uuid": uuid, "state": state}
    for field in ("retryOrder", "cancelOrder", "approveOrder", "rejectOrder"):
        yield field, {"uuid": uuid}
    for field in ("approveOrders", "rejectOrders"):
        yield field, {"uuids": [uuid]}


def _spell_uuid(uuid: UUID | None) -> str:
    return _NO_UUID if uuid is None else uuid.hex
