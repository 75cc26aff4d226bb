"""The schema as visibility has to do with it, found by introspection: which ways lead where."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
)

from tests.support.schema_documents import SCHEMA, promised, readable

_node = SCHEMA.type_map["Node"]
assert isinstance(_node, GraphQLInterfaceType)
NODES = sorted(each.name for each in SCHEMA.get_possible_types(_node))
GUARDED = frozenset({"Resource", "Project", "Customer", "User"})
"""Types of which a hidden row shows only some fields where it is referred to (design §5)."""


assert SCHEMA.query_type
BY_UUID = {
    get_named_type(field.type).name: name
    for name, field in SCHEMA.query_type.fields.items()
    if set(field.args) == {"uuid"}
}
"""The root fields that find one row by its uuid."""


class Way(Enum):
    """How one comes from a row to others."""

    REFERENCE = "to-one"
    PARTS = "list"
    PAGES = "connection"


@dataclass(frozen=True, order=True)
class Relation:
    """A field that leads to rows of another type."""

    owner: str
    field: str
    way: Way
    target: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.field}"


def fields(name: str) -> dict[str, GraphQLField]:
    """Give the fields of a type that can be asked for without arguments."""
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType))
    return {
        name: field
        for name, field in type_.fields.items()
        if not any(map(is_required_argument, field.args.values()))
    }


@cache
def leaves(name: str) -> tuple[str, ...]:
    """Name the fields of a type that hold plain values."""
    return tuple(each for each, field in fields(name).items() if _leaf(field))


@cache
def relations(name: str) -> tuple[Relation, ...]:
    """Give the fields of a type that lead to rows."""
    return tuple(_relations(name))


def _relations(owner: str) -> Iterator[Relation]:
    for name, field in fields(owner).items():
        type_: Any = get_named_type(field.type)
        if _leaf(field) or not _leads_on(type_):
            continue
        if type_.name.endswith("Connection"):
            below = get_named_type(type_.fields["nodes"].type)
            yield Relation(owner, name, Way.PAGES, below.name)
        else:
            many = is_list_type(get_nullable_type(field.type))
            yield Relation(owner, name, Way.PARTS if many else Way.REFERENCE, type_.name)


def _leaf(field: GraphQLField) -> bool:
    return not is_composite_type(get_named_type(field.type))


def _leads_on(type_: GraphQLObjectType) -> bool:
    """Say whether rows of a type are things, or lead to some; a report's sections don't."""
    return "uuid" in type_.fields or not all(map(_leaf, type_.fields.values()))


def all_relations(way: Way) -> list[Relation]:
    """Give all relations of one kind that start from rows."""
    names = [name for name, each in readable().items() if _is_row(each)]
    return sorted(each for name in names for each in relations(name) if each.way is way)


def _is_row(type_: Any) -> bool:
    """Say whether a type is one of rows: no root, no introspection, no page or edge of one."""
    if not isinstance(type_, GraphQLObjectType) or type_ is SCHEMA.query_type:
        return False
    return not type_.name.startswith("__") and not type_.name.endswith(("Connection", "Edge"))


@cache
def shown_by_reference() -> dict[tuple[str, str], frozenset[str]]:
    """Give what rest-map.tsv names below each to-one field: all that a hidden row may show there.

    Its note on users is that a user who is referred to shows uuid, username and full name, and in
    orders the e-mail address; REST's orders tell their project's name, too (domain.md §3.3).
    """
    found: dict[tuple[str, str], set[str]] = defaultdict(lambda: {"id", "uuid"})
    for _, path in promised():
        owner, *names = path.split(".")
        for name, below in pairwise(names):
            target = get_named_type(fields(owner)[name].type).name
            users = {"username", "fullName"} if target == "User" else set()
            found[owner, name] |= {below, *users}
            owner = target
    found["Order", "createdBy"].add("email")
    found["Order", "project"].add("name")
    return {place: frozenset(names) for place, names in found.items()}
