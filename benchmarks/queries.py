"""The canonical queries, defined once and rendered in each server's dialect.

Names that differ between dialects are placeholders such as `$components`: PostGraphile names
relations after tables and needs an alias; only the gateway has fields for a report's sections.
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
    "q5": f"the first {PAGE_SIZE} resources with all fields of REST's list",
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
    $endpoints {{ name url }}"""  # noqa: E501 - one line for each relation
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
    """The names of a server's schema."""

    query_heads: Mapping[str, str]
    """By query: the operation up to the root field with its arguments."""
    field_names: Mapping[str, str]
    """By placeholder: the field, with an alias if its name differs."""
    uses_project_keys: bool = True
    """Whether projects are identified by primary keys instead of uuids."""
    has_plain_lists: bool = True
    """Whether lists without pagination have no `nodes`."""

    def write_document(self, query: str) -> str:
        """Return the text of a query in this dialect."""
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
_PLAIN_ARGUMENTS = f"{_OK_IN_PROJECT}, first: {PAGE_SIZE}"
PLAIN_DIALECT = Dialect(
    {
        "q1": "query($uuid: ID!) { resource(uuid: $uuid)",
        "q2": f"query($project: Int!) {{ resources({_PLAIN_ARGUMENTS})",
        "q2b": f"query($project: Int!) {{ resources: resourcePage({_PLAIN_ARGUMENTS})",
        "q3": f"{{ offerings(first: {PAGE_SIZE})",
        "q4": "query($uuid: ID!) { resource(uuid: $uuid)",
    },
    _OWN_NAMES,
)
_NEWEST_OK = f"condition: {{ {_OK_IN_PROJECT} }}, {_NEWEST_ARGUMENTS}"
POSTGRAPHILE_DIALECT = Dialect(
    {
        "q1": "query($uuid: UUID!) { resource: marketplaceResourceByUuid(uuid: $uuid)",
        "q2": f"query($project: Int!) {{ resources: marketplaceResourcesList({_NEWEST_OK})",
        "q2b": f"query($project: Int!) {{ resources: marketplaceResources({_NEWEST_OK})",
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
