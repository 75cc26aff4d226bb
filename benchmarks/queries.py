"""The canonical queries, each said once and written in the words of every dialect.

What the dialects call differently is a `$word`: PostGraphile names relations after tables and
takes an alias, and only the gateway reads a report section by section.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from benchmarks.full_row import full_row
from gateway.schema.enums import ResourceState

PAGE = 50
QUERIES = {
    "q1": "one resource in detail",
    "q2": f"the first {PAGE} OK resources of a project",
    "q2b": "the same with totalCount",
    "q3": f"{PAGE} offerings with components, plans and prices",
    "q4": "one resource's name and state",
    "q5": f"the first {PAGE} resources with all that REST's list prints",
}

_METER = (
    "uuid type name description billingType measuredUnit unitFactor limitPeriod limitAmount "
    "isBoolean"
)
_STORED = (
    "uuid name slug description state created modified backendId effectiveId attributes limits "
    "options currentUsages backendMetadata endDate cost downscaled paused restrictMemberAccess "
    "errorMessage"
)
_DETAIL = f"""
    {_STORED} errorTraceback endDateUpdatedAt lastSync $report
    offering {{ name type state category {{ title }} $provider {{ name }} $components {{ {_METER} }} }}
    plan {{ name unit unitPrice $prices {{ price amount component {{ type }} }} }}
    project {{ name endDate customer {{ name }} }}
    $endpoints {{ name url }}"""  # noqa: E501 - a line for each relation
_ROW = f"""
    {_STORED}
    offering {{ name type $provider {{ name }} category {{ title }} }}
    plan {{ name unit }}
    project {{ name customer {{ name }} }}
    $endpoints {{ name url }}"""
_CATALOGUE = f"""
    name $components {{ {_METER} }}
    $plans {{ name unit unitPrice $prices {{ price amount component {{ type name }} }} }}"""
_SELECTIONS = {
    "q1": _DETAIL,
    "q2": f"nodes {{ {_ROW} }}",
    "q2b": f"totalCount nodes {{ {_ROW} }}",
    "q3": f"nodes {{ {_CATALOGUE} }}",
    "q4": "name state",
    "q5": f"nodes {{ {full_row()} }}",
}


@dataclass(frozen=True)
class Dialect:
    """How a server names what the queries ask for."""

    heads: Mapping[str, str]
    """What stands before the selection, the root field at the end."""
    words: Mapping[str, str]
    by_key: bool = True
    """Whether projects go by their keys, not by their uuids."""
    lists: bool = True
    """Whether a list that nobody pages has no `nodes`."""

    def document(self, query: str) -> str:
        """Write a query."""
        selection = _SELECTIONS[query]
        if self.lists and selection.startswith("nodes"):
            selection = selection.removeprefix("nodes {").removesuffix("}")
        written = Template(selection).substitute(self.words)
        return " ".join(f"{self.heads[query]} {{ {written} }} }}".split())


_OWN = {name: name for name in ("provider", "components", "plans", "prices", "endpoints", "report")}
_OWN["prices"] = "components"
_NEWEST = f"orderBy: CREATED_DESC, first: {PAGE}"
_OF_PROJECT = f"resources(filter: {{ projectUuid: $project, state: OK }}, {_NEWEST})"
GATEWAY = Dialect(
    {
        "q1": "query($uuid: UUID!) { resource(uuid: $uuid)",
        "q2": f"query($project: UUID!) {{ {_OF_PROJECT}",
        "q2b": f"query($project: UUID!) {{ {_OF_PROJECT}",
        "q3": f"{{ offerings({_NEWEST})",
        "q4": "query($uuid: UUID!) { resource(uuid: $uuid)",
        "q5": f"{{ resources(first: {PAGE})",
    },
    {**_OWN, "report": "report { header body }"},
    by_key=False,
    lists=False,
)
_USABLE = f"projectId: $project, state: {ResourceState.OK.value}"
PLAIN = Dialect(
    {
        "q1": "query($uuid: ID!) { resource(uuid: $uuid)",
        "q2": f"query($project: Int!) {{ resources({_USABLE}, first: {PAGE})",
        "q2b": f"query($project: Int!) {{ resources: resourcePage({_USABLE}, first: {PAGE})",
        "q3": f"{{ offerings(first: {PAGE})",
        "q4": "query($uuid: ID!) { resource(uuid: $uuid)",
    },
    _OWN,
)
_CONDITION = f"condition: {{ {_USABLE} }}, {_NEWEST}"
POSTGRAPHILE = Dialect(
    {
        "q1": "query($uuid: UUID!) { resource: marketplaceResourceByUuid(uuid: $uuid)",
        "q2": f"query($project: Int!) {{ resources: marketplaceResourcesList({_CONDITION})",
        "q2b": f"query($project: Int!) {{ resources: marketplaceResources({_CONDITION})",
        "q3": f"{{ offerings: marketplaceOfferingsList({_NEWEST})",
        "q4": "query($uuid: UUID!) { resource: marketplaceResourceByUuid(uuid: $uuid)",
    },
    {
        "provider": "provider: customer",
        "components": "components: marketplaceOfferingcomponentsByOfferingIdList(orderBy: NAME_ASC)",  # noqa: E501
        "plans": "plans: marketplacePlansByOfferingIdList",
        "prices": "components: marketplacePlancomponentsByPlanIdList",
        "endpoints": "endpoints: marketplaceResourceaccessendpointsByResourceIdList",
        "report": "report",
    },
)
