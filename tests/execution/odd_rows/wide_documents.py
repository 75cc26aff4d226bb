"""Wide documents: they ask for all fields, filters and orders, and for mutations, of some rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import GraphQLEnumType

from tests.execution.corpus.derived_documents import list_filter_fields
from tests.execution.corpus.known_rows import ROOT_LISTS, UNKNOWN_UUID, KnownRows, list_orders
from tests.execution.generated_values import write_literal
from tests.support.filter_queries import get_filter_type
from tests.support.schema_documents import SCHEMA, select_all_fields

TYPES_BY_ROOT = {root: order.removesuffix("Order") for order, root in ROOT_LISTS.items()}
"""The types of the root lists' rows."""
MAX_ROWS, MAX_LISTS = 300, 15
UuidsByRoot = Mapping[str, Sequence[str]]
_RESOURCE_FIELDS = """
historyAt(at: "2100-01-01T00:00:00Z") { at data }
consenting: team(hasConsent: true) { role }
renewalEstimate(extensionMonths: 12) { ...Renewal }
changed: renewalEstimate(extensionMonths: 6, limits: {slots: 40, nodes: 2, cold: 150}) {
  ...Renewal
}
"""
_RENEWAL_FRAGMENT = """
fragment Renewal on RenewalEstimateResult {
  __typename
  ... on RenewalEstimate {
    subscriptionTotal limitChangeTotal total remainingDays newEndDate
    components {
      component name measuredUnit billingType billingPeriod isPrepaid currentLimit newLimit
      unitPrice description total
    }
  }
  ... on NotPermitted { message }
  ... on InvalidInput { fields { path message } }
  ... on InvalidMonths { rules { component min max step } }
}
"""
_RESULT_SELECTION = """{
  __typename
  ... on Problem { message }
  ... on InvalidInput { fields { path message } }
  ... on Accepted { resource { uuid state } order { state } }
}"""
_MUTATIONS = {
    "resources": (
        "pullResource(input: {uuid: $uuid})",
        "setResourceEndDate(input: {uuid: $uuid, endDate: null})",
        "renewResource(input: {uuid: $uuid, extensionMonths: 12})",
        "renewResource(input: {uuid: $uuid, extensionMonths: 12, limits: {slots: 9, nodes: 1}})",
        'updateResourceOptions(input: {uuid: $uuid, options: {contact: "me"}})',
        'moveResource(input: {uuid: $uuid, project: "%(project)s"})',
    ),
    "orders": (
        "approveOrder(input: {uuid: $uuid})",
        "rejectOrder(input: {uuid: $uuid})",
        "cancelOrder(input: {uuid: $uuid})",
    ),
}


class WideDocument(NamedTuple):
    """A document; a mutation changes the row `uuid`."""

    name: str
    query: str
    variables: dict[str, Any]

    @property
    def is_mutation(self) -> bool:
        """Whether the document is a mutation."""
        return "uuid" in self.variables


def make_row_documents(uuids_by_root: UuidsByRoot) -> Iterator[WideDocument]:
    """Yield documents for all fields of some rows of each type."""
    for root, type_name in TYPES_BY_ROOT.items():
        is_resource = root == "resources"
        selection = select_all_fields(type_name, 1) + _RESOURCE_FIELDS * is_resource
        query = (
            f"query ($uuids: [UUID!]) {{ {root}(first: {MAX_ROWS}, filter: {{uuid: $uuids}})"
            f" {{ nodes {{ {selection} }} }} }}{_RENEWAL_FRAGMENT * is_resource}"
        )
        yield WideDocument(f"fields of {root}", query, {"uuids": list(uuids_by_root[root])})
    query = (
        f"{{ viewer {{ {select_all_fields('Viewer', 2)} }}"
        f" categories {{ {select_all_fields('Category', 1)} }} }}"
    )
    yield WideDocument("fields of the viewer and of categories", query, {})
    yield WideDocument("suggested names", _write_suggested_names(uuids_by_root), {})


def _write_suggested_names(uuids_by_root: UuidsByRoot) -> str:
    pairs = zip(uuids_by_root["projects"], uuids_by_root["offerings"], strict=False)
    fields = (
        f'name{i}: suggestedResourceName(project: "{project}", offering: "{offering}",'
        " attributes: {name: 1e300})"
        for i, (project, offering) in enumerate(pairs)
    )
    return f"{{ {' '.join(fields)} }}"


def make_list_documents(known_rows: KnownRows) -> Iterator[WideDocument]:
    """Yield documents with each filter, order and search of each root list."""
    for root, type_name in TYPES_BY_ROOT.items():
        arguments = [
            *(f"orderBy: {each}" for each in list_orders(f"{type_name}Order")),
            *_iterate_filters(root, type_name, known_rows),
            *_iterate_other_arguments(root),
        ]
        lists = [
            f"list{i}: {root}(first: {MAX_ROWS}, {each}) {{ nodes {{ uuid }} }}"
            for i, each in enumerate(arguments)
        ]
        for i in range(0, len(lists), MAX_LISTS):
            query = f"{{ {' '.join(lists[i : i + MAX_LISTS])} }}"
            yield WideDocument(f"lists of {root}, part {i // MAX_LISTS}", query, {})


def _iterate_filters(root: str, type_name: str, known_rows: KnownRows) -> Iterator[str]:
    """Yield each condition and its negation."""
    filter_type = get_filter_type(root)
    for field in list_filter_fields(f"{type_name}Filter"):
        value = known_rows.filter_field_values(f"{type_name}Filter", field)[0]
        condition = f"{field}: {write_literal(value, filter_type.fields[field].type)}"
        yield f"filter: {{{condition}}}"
        yield f"filter: {{not: {{{condition}}}}}"


def _iterate_other_arguments(root: str) -> Iterator[str]:
    assert SCHEMA.query_type
    visible_as = SCHEMA.type_map["VisibleAs"]
    assert isinstance(visible_as, GraphQLEnumType)
    values = {
        "query": ('"a"', f'"{UNKNOWN_UUID}"'),
        "visibleToUsername": ('"owner"',),
        "visibleAs": tuple(visible_as.values),
    }
    for name in SCHEMA.query_type.fields[root].args:
        yield from (f"{name}: {each}" for each in values.get(name, ()))


def make_mutation_documents(uuids_by_root: UuidsByRoot) -> Iterator[WideDocument]:
    """Yield a document for each mutation of some resources and orders."""
    project = uuids_by_root["projects"][-1]
    for root, mutations in _MUTATIONS.items():
        for uuid in uuids_by_root[root]:
            for mutation in mutations:
                field = mutation % {"project": project}
                query = f"mutation ($uuid: UUID!) {{ result: {field} {_RESULT_SELECTION} }}"
                yield WideDocument(f"{field} of {uuid}", query, {"uuid": uuid})
