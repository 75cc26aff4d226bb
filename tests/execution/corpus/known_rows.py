"""What is known of a marketplace: rows that a viewer sees and others, values, places in lists."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

from tests.support.schema_documents import SCHEMA
from tests.support.visibility.schema_paths import NODES
from tests.support.visibility.viewer_scenes import global_id

Rows = dict[str, list[str]]
"""Uuids by the name of the type."""
UNKNOWN = "0123456789abcdef" * 2

_ROWS = """
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
VISIBLE = (
    """{
    viewer { user { __typename uuid } }
    first: resources(first: 3) { nodes { ...R } } last: resources(last: 3) { nodes { ...R } }
    offerings(first: 8) { nodes { ...O } }
    projects(first: 4) { nodes { __typename uuid customer { __typename uuid } } }
    customers(first: 4) { nodes { __typename uuid } }
    categories { __typename uuid }
}"""
    + _ROWS
)
"""Rows of all types that a viewer is shown."""
SAMPLES = {
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
"""Where the fields of filters find values that some rows meet, under the fields' names."""
ORDERED = {
    "ResourceOrder": "resources",
    "OfferingOrder": "offerings",
    "ProjectOrder": "projects",
    "CustomerOrder": "customers",
    "OrderOrder": "orders",
}
"""The root fields that show lists."""
BELOW = {"HistoryEntryOrder": "resources(first: 1) { nodes { history"}
"""What leads to lists that no root field shows."""
ENDS = ("first", "last")
JOINING = ("and", "or", "not")


@dataclass(frozen=True)
class Known:
    """What somebody may ask a marketplace for."""

    everything: Rows
    visible: Rows
    filters: dict[str, dict[str, list[Any]]]
    """Values for the fields of each filter type."""
    cursors: dict[str, list[str]]
    """Places, by the type of the order and the order."""

    def uuid(self, name: str) -> str:
        """Give the uuid of a row of a type, one that is seen if there is one."""
        rows = [*self.visible.get(name, []), *self.everything[name], UNKNOWN]
        return rows[0]

    def hidden(self, name: str) -> str:
        """Give the uuid of a row of a type that is not shown, as far as there is one."""
        seen = {*self.visible.get(name, [])}
        hidden = [each for each in self.everything[name] if each not in seen]
        return [*hidden, UNKNOWN][0]

    def variables(self) -> dict[str, Any]:
        """Give what variables stand for, by their names."""
        found: dict[str, Any] = {}
        for name in NODES:
            noun = name.lower()
            found[noun], found[f"{noun}Id"] = self.uuid(name), global_id(name, self.uuid(name))
            found[f"{noun}Hidden"] = self.hidden(name)
            found[f"{noun}s"] = [self.uuid(name), self.hidden(name), UNKNOWN]
        ids = [global_id(name, each(name)) for name in NODES for each in (self.uuid, self.hidden)]
        return {**found, "ids": [*ids, *_NO_IDS, *ids[:3]]}

    def values(self, filters: str, field: str) -> list[Any]:
        """Give values for a field of a filter; what rows hold, or else what it may hold."""
        found = self.filters[filters].get(field, [])
        type_ = SCHEMA.type_map[filters]
        assert isinstance(type_, GraphQLInputObjectType)
        kind = get_named_type(type_.fields[field].type)
        if isinstance(kind, GraphQLEnumType):
            return found or list(kind.values)
        return found or [self.uuid("Offering") if kind.name == "UUID" else _USUAL[kind.name]]


_NO_IDS = ["", "x", "é", "2YDZgNmA", global_id("Query", UNKNOWN), global_id("Plan", UNKNOWN)]
_USUAL: dict[str, Any] = {
    "String": "a",
    "Boolean": True,
    "Int": 2,
    "JSON": {"image": ["a", "Ubuntu 24.04"], "flavor": "m2.standard"},
    "Date": "2026-06-30",
    "DateTime": "2026-06-30T12:00:00Z",
}


def shown(answer: Any) -> Rows:
    """Give the rows in an answer, those met first in front."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for name, uuid in _rows(answer):
        found[name][uuid] = None
    return {name: list(uuids) for name, uuids in found.items()}


def _rows(answer: Any) -> Iterator[tuple[str, str]]:
    if isinstance(answer, dict):
        if "uuid" in answer:
            yield answer["__typename"], answer["uuid"]
        answer = list(answer.values())
    if isinstance(answer, list):
        for each in answer:
            yield from _rows(each)


def leaves(row: Any) -> Iterator[tuple[str, Any]]:
    """Give the values in a row and in those below it, by their names."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from leaves(value)
        elif value is not None:
            yield name, value


def sampled(page: Any) -> dict[str, list[Any]]:
    """Give the values of the rows of a page, by their names."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in page["nodes"]:
        for name, value in leaves(row):
            if value not in found[name]:
                found[name].append(value)
    return found


def places() -> str:
    """Write a document that asks for places at both ends of each list in each order."""
    return " ".join(
        f"{name}_{order}_{end}: {field}({end}: 2, orderBy: {order}) {{ edges {{ cursor }} }}"
        f"{' }' * field.count('{')}"
        for name, field in (ORDERED | BELOW).items()
        for order in orders(name)
        for end in ENDS
    )


def cursors(answer: Any) -> Iterator[str]:
    """Give the places in an answer."""
    below = list(answer.values()) if isinstance(answer, dict) else answer
    for each in below if isinstance(below, list) else ():
        yield from cursors(each)
    if isinstance(answer, dict) and "cursor" in answer:
        yield answer["cursor"]


def orders(name: str) -> list[str]:
    """Name the orders of a list."""
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLEnumType)
    return list(type_.values)
