"""Values for documents: rows that a viewer sees and others, filter values, cursors."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

from tests.support.schema_documents import SCHEMA
from tests.support.visibility.schema_paths import NODE_TYPES
from tests.support.visibility.viewer_scenes import encode_global_id

UuidsByType = dict[str, list[str]]
"""Uuids by type name."""
UNKNOWN_UUID = "0123456789abcdef" * 2

_ROW_FRAGMENTS = """
fragment R on Resource {
    __typename uuid offering { ...O } plan { __typename uuid }
    project { __typename uuid customer { __typename uuid } endDateRequestedBy { __typename uuid } }
    parent { __typename uuid } endDateRequestedBy { __typename uuid }
}
fragment O on Offering {
    __typename uuid category { __typename uuid } provider { __typename uuid }
    components { __typename uuid } partitions { __typename uuid } plans { __typename uuid }
}
"""
VISIBLE_ROWS_QUERY = (
    """{
    viewer { user { __typename uuid } }
    first: resources(first: 3) { nodes { ...R } } last: resources(last: 3) { nodes { ...R } }
    offerings(first: 8) { nodes { ...O } }
    projects(first: 4) { nodes { __typename uuid customer { __typename uuid } } }
    customers(first: 4) { nodes { __typename uuid } }
    categories { __typename uuid }
}"""
    + _ROW_FRAGMENTS
)
"""The query for rows of all types that are visible to a viewer."""
SAMPLE_SELECTIONS = {
    "ResourceFilter": """resources(last: 3) { nodes {
        uuid name nameExact: name slug backendId state created createdBefore: created
        modified modifiedBefore: modified endDate endDateBefore: endDate
        downscaled paused restrictMemberAccess hasTerminateDate: downscaled
        offering {
            offeringUuid: uuid offeringSlug: slug offeringType: type offeringBillable: billable
            offeringShared: shared parent { parentOfferingUuid: uuid }
            provider { providerUuid: uuid } category { categoryUuid: uuid }
        }
        plan { planUuid: uuid }
        project { projectUuid: uuid projectName: name customer { customerUuid: uuid } }
    } }""",
    "OfferingFilter": """offerings(last: 3) { nodes {
        uuid name nameExact: name slug description type state shared billable
        category { categoryUuid: uuid } provider { customerUuid: uuid }
        project { projectUuid: uuid } parent { parentUuid: uuid }
        created createdBefore: created modified modifiedBefore: modified
    } }""",
    "ProjectFilter": """projects(last: 3) { nodes {
        uuid name nameExact: name slug customer { customerUuid: uuid }
        created createdBefore: created
    } }""",
    "CustomerFilter": """customers(last: 3) { nodes {
        uuid name nameExact: name slug created createdBefore: created
    } }""",
    "OrderFilter": """orders(last: 3) { nodes {
        uuid state type created modified
        resource { resourceUuid: uuid resourceName: name }
        offering {
            offeringUuid: uuid offeringSlug: slug offeringType: type
            parent { parentOfferingUuid: uuid }
            provider { providerUuid: uuid } category { categoryUuid: uuid }
        }
        project { projectUuid: uuid customer { customerUuid: uuid } }
    } }""",
    "HistoryEntryFilter": """resources(first: 3) { nodes {
        historyAt(at: "2100-01-01T00:00:00Z") { createdAfter: at createdBefore: at }
    } }""",
}
"""For each filter type, a selection of values that match some rows; aliases are its fields."""
ROOT_LISTS = {
    "ResourceOrder": "resources",
    "OfferingOrder": "offerings",
    "ProjectOrder": "projects",
    "CustomerOrder": "customers",
    "OrderOrder": "orders",
}
"""The root fields that are connections, by their order types."""
NESTED_LISTS = {"HistoryEntryOrder": "resources(first: 1) { nodes { history"}
"""The paths to connections that are not root fields, by their order types."""
PAGE_ENDS = ("first", "last")
FILTER_COMBINATORS = ("and", "or", "not")


@dataclass(frozen=True)
class KnownRows:
    """The rows, filter values and cursors that a viewer's documents may use."""

    all_uuids: UuidsByType
    visible_uuids: UuidsByType
    filter_values: dict[str, dict[str, list[Any]]]
    """Values by filter type and field."""
    cursors: dict[str, list[str]]
    """Cursors by order: `ResourceOrder.NAME_ASC`."""

    def pick_uuid(self, name: str) -> str:
        """Return the uuid of a row of a type, if possible of a visible one."""
        rows = [*self.visible_uuids.get(name, []), *self.all_uuids[name], UNKNOWN_UUID]
        return rows[0]

    def pick_hidden_uuid(self, name: str) -> str:
        """Return the uuid of a row that is not visible; an unknown uuid if all are visible."""
        visible_uuids = {*self.visible_uuids.get(name, [])}
        hidden_uuids = [uuid for uuid in self.all_uuids[name] if uuid not in visible_uuids]
        return [*hidden_uuids, UNKNOWN_UUID][0]

    def make_variables(self) -> dict[str, Any]:
        """Return the values of the corpus's variables by name."""
        variables: dict[str, Any] = {}
        for name in NODE_TYPES:
            noun = name.lower()
            variables[noun] = self.pick_uuid(name)
            variables[f"{noun}Id"] = encode_global_id(name, self.pick_uuid(name))
            variables[f"{noun}Hidden"] = self.pick_hidden_uuid(name)
            variables[f"{noun}s"] = [
                self.pick_uuid(name),
                self.pick_hidden_uuid(name),
                UNKNOWN_UUID,
            ]
        ids = [
            encode_global_id(name, pick(name))
            for name in NODE_TYPES
            for pick in (self.pick_uuid, self.pick_hidden_uuid)
        ]
        return {**variables, "ids": [*ids, *_INVALID_IDS, *ids[:3]]}

    def filter_field_values(self, filter_type: str, field: str) -> list[Any]:
        """Return values for a filter field: of rows, or else any that its type allows."""
        values = self.filter_values[filter_type].get(field, [])
        type_ = SCHEMA.type_map[filter_type]
        assert isinstance(type_, GraphQLInputObjectType)
        field_type = get_named_type(type_.fields[field].type)
        if isinstance(field_type, GraphQLEnumType):
            return values or list(field_type.values)
        return values or [
            self.pick_uuid("Offering")
            if field_type.name == "UUID"
            else _DEFAULT_VALUES[field_type.name]
        ]


_INVALID_IDS = [
    "",
    "x",
    "é",
    "2YDZgNmA",
    encode_global_id("Query", UNKNOWN_UUID),
    encode_global_id("Plan", UNKNOWN_UUID),
]
_DEFAULT_VALUES: dict[str, Any] = {
    "String": "a",
    "Boolean": True,
    "Int": 2,
    "JSON": {"image": ["a", "Ubuntu 24.04"], "flavor": "m2.standard"},
    "Date": "2026-06-30",
    "DateTime": "2026-06-30T12:00:00Z",
}


def collect_uuids(value: Any) -> UuidsByType:
    """Return the uuids in a response by type, in order of appearance."""
    uuids_by_type: dict[str, dict[str, None]] = defaultdict(dict)
    for name, uuid in _iterate_rows(value):
        uuids_by_type[name][uuid] = None
    return {name: list(uuids) for name, uuids in uuids_by_type.items()}


def _iterate_rows(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if "uuid" in value:
            yield value["__typename"], value["uuid"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _iterate_rows(item)


def iterate_leaves(row: Any) -> Iterator[tuple[str, Any]]:
    """Yield the non-null scalars of a row and of its nested objects with their response keys."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from iterate_leaves(value)
        elif value is not None:
            yield name, value


def collect_samples(page: Any) -> dict[str, list[Any]]:
    """Return the distinct values of the rows of a page by response key."""
    samples: dict[str, list[Any]] = defaultdict(list)
    for row in page["nodes"]:
        for name, value in iterate_leaves(row):
            if value not in samples[name]:
                samples[name].append(value)
    return samples


def write_cursor_query() -> str:
    """Return the fields that select cursors at both ends of each list in each order."""
    return " ".join(
        f"{name}_{order}_{end}: {field}({end}: 2, orderBy: {order}) {{ edges {{ cursor }} }}"
        f"{' }' * field.count('{')}"
        for name, field in (ROOT_LISTS | NESTED_LISTS).items()
        for order in list_orders(name)
        for end in PAGE_ENDS
    )


def find_cursors(value: Any) -> Iterator[str]:
    """Yield the cursors in a response."""
    children = list(value.values()) if isinstance(value, dict) else value
    for child in children if isinstance(children, list) else ():
        yield from find_cursors(child)
    if isinstance(value, dict) and "cursor" in value:
        yield value["cursor"]


def list_orders(name: str) -> list[str]:
    """Return the values of an order type."""
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLEnumType)
    return list(type_.values)
