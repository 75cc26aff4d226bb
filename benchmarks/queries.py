"""The canonical queries, each said once and written in the words of every dialect.

What the dialects call differently is a `$word`: PostGraphile names relations after tables and
takes an alias, and only the gateway reads a report section by section.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from benchmarks.full_row import build_full_row_selection
from gateway.schema.enums import ResourceState

PAGE_SIZE = 50
QUERIES = {
    "q1": "one resource in detail",
    "q2": f"the first {PAGE_SIZE} OK resources of a project",
    "q2b": "the same with totalCount",
    "q3": f"{PAGE_SIZE} offerings with components, plans and prices",
    "q4": "one resource's name and state",
    "q5": f"the first {PAGE_SIZE} resources with all that REST's list prints",
}

_COMPONENT_FIELDS = (
    "uuid type name description billingType measuredUnit unitFactor limitPeriod limitAmount "
    "isBoolean"
)
_STORED_FIELDS = (
    "uuid name slug description state created modified backendId effectiveId attributes limits "
    "options currentUsages backendMetadata endDate cost downscaled paused restrictMemberAccess "
    "errorMessage"
)
_DETAIL_SELECTION = f"""
    {_STORED_FIELDS} errorTraceback endDateUpdatedAt lastSync $report
    offering {{ name type state category {{ title }} $provider {{ name }} $components {{ {_COMPONENT_FIELDS} }} }}
    plan {{ name unit unitPrice $prices {{ price amount component {{ type }} }} }}
    project {{ name endDate customer {{ name }} }}
    $endpoints {{ name url }}"""  # noqa: E501 - a line for each relation
_ROW_SELECTION = f"""
    {_STORED_FIELDS}
    offering {{ name type $provider {{ name }} category {{ title }} }}
    plan {{ name unit }}
    project {{ name customer {{ name }} }}
    $endpoints {{ name url }}"""
_CATALOGUE_SELECTION = f"""
    name $components {{ {_COMPONENT_FIELDS} }}
    $plans {{ name unit unitPrice $prices {{ price amount component {{ type name }} }} }}"""
_SELECTIONS = {
    "q1": _DETAIL_SELECTION,
    "q2": f"nodes {{ {_ROW_SELECTION} }}",
    "q2b": f"totalCount nodes {{ {_ROW_SELECTION} }}",
    "q3": f"nodes {{ {_CATALOGUE_SELECTION} }}",
    "q4": "name state",
    "q5": f"nodes {{ {build_full_row_selection()} }}",
}


@dataclass(frozen=True)
class Dialect:
    """How a server names what the queries ask for."""

    query_heads: Mapping[str, str]
    """What stands before the selection, the root field at the end."""
    field_names: Mapping[str, str]
    uses_project_keys: bool = True
    """Whether projects go by their keys, not by their uuids."""
    has_plain_lists: bool = True
    """Whether a list that nobody pages has no `nodes`."""

    def write_document(self, query: str) -> str:
        """Write a query."""
        selection = _SELECTIONS[query]
        if self.has_plain_lists and selection.startswith("nodes"):
            selection = selection.removeprefix("nodes {").removesuffix("}")
        body = Template(selection).substitute(self.field_names)
        return " ".join(f"{self.query_heads[query]} {{ {body} }} }}".split())


_OWN_NAMES = {
    name: name for name in ("provider", "components", "plans", "prices", "endpoints", "report")
}
_OWN_NAMES["prices"] = "components"
_NEWEST_ARGUMENTS = f"orderBy: CREATED_DESC, first: {PAGE_SIZE}"
_PROJECT_RESOURCES = (
    f"resources(filter: {{ projectUuid: $project, state: OK }}, {_NEWEST_ARGUMENTS})"
)
GATEWAY_DIALECT = Dialect(
    {
        "q1": "query($uuid: UUID!) { resource(uuid: $uuid)",
        "q2": f"query($project: UUID!) {{ {_PROJECT_RESOURCES}",
        "q2b": f"query($project: UUID!) {{ {_PROJECT_RESOURCES}",
        "q3": f"{{ offerings({_NEWEST_ARGUMENTS})",
        "q4": "query($uuid: UUID!) { resource(uuid: $uuid)",
        "q5": f"{{ resources(first: {PAGE_SIZE})",
    },
    {**_OWN_NAMES, "report": "report { header body }"},
    uses_project_keys=False,
    has_plain_lists=False,
)
_OK_IN_PROJECT = f"projectId: $project, state: {ResourceState.OK.value}"
PLAIN_DIALECT = Dialect(
    {
        "q1": "query($uuid: ID!) { resource(uuid: $uuid)",
        "q2": f"query($project: Int!) {{ resources({_OK_IN_PROJECT}, first: {PAGE_SIZE})",
        "q2b": f"query($project: Int!) {{ resources: resourcePage({_OK_IN_PROJECT}, first: {PAGE_SIZE})",
        "q3": f"{{ offerings(first: {PAGE_SIZE})",
        "q4": "query($uuid: ID!) { resource(uuid: $uuid)",
    },
    _OWN_NAMES,
)
_POSTGRAPHILE_ARGUMENTS = f"condition: {{ {_OK_IN_PROJECT} }}, {_NEWEST_ARGUMENTS}"
POSTGRAPHILE_DIALECT = Dialect(
    {
        "q1": "query($uuid: UUID!) { resource: marketplaceResourceByUuid(uuid: $uuid)",
        "q2": f"query($project: Int!) {{ resources: marketplaceResourcesList({_POSTGRAPHILE_ARGUMENTS})",
        "q2b": f"query($project: Int!) {{ resources: marketplaceResources({_POSTGRAPHILE_ARGUMENTS})",
        "q3": f"{{ offerings: marketplaceOfferingsList({_NEWEST_ARGUMENTS})",
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
