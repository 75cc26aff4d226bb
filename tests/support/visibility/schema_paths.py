"""The relations between types of the schema, by introspection, for visibility tests."""

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

from tests.support.schema_documents import SCHEMA, find_reachable_types, iter_mapped_fields

_node = SCHEMA.type_map["Node"]
assert isinstance(_node, GraphQLInterfaceType)
NODE_TYPES = sorted(each.name for each in SCHEMA.get_possible_types(_node))
GUARDED_TYPES = frozenset({"Resource", "Project", "Customer", "User"})
"""Types whose hidden rows show only some fields by reference (design §5)."""


assert SCHEMA.query_type
ROOT_FIELDS_BY_TYPE = {
    get_named_type(field.type).name: name
    for name, field in SCHEMA.query_type.fields.items()
    if set(field.args) == {"uuid"}
}
"""The root fields that return one row by its uuid."""


class RelationKind(Enum):
    """The cardinality of a relation."""

    REFERENCE = "to-one"
    PARTS = "list"
    PAGES = "connection"


@dataclass(frozen=True, order=True)
class Relation:
    """A field that leads to rows of another type."""

    owner: str
    field: str
    kind: RelationKind
    target: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.field}"


def optional_argument_fields(type_name: str) -> dict[str, GraphQLField]:
    """Return the fields of a type without required arguments, by name."""
    type_ = SCHEMA.type_map[type_name]
    assert isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType))
    return {
        name: field
        for name, field in type_.fields.items()
        if not any(map(is_required_argument, field.args.values()))
    }


@cache
def leaf_fields(type_name: str) -> tuple[str, ...]:
    """Return the names of the fields of a type with scalar or enum values."""
    return tuple(
        name for name, field in optional_argument_fields(type_name).items() if _is_leaf(field)
    )


@cache
def row_relations(type_name: str) -> tuple[Relation, ...]:
    """Return the fields of a type that lead to rows."""
    return tuple(_iterate_relations(type_name))


def _iterate_relations(owner: str) -> Iterator[Relation]:
    for name, field in optional_argument_fields(owner).items():
        type_: Any = get_named_type(field.type)
        if _is_leaf(field) or not _has_rows(type_):
            continue
        if type_.name.endswith("Connection"):
            node_type = get_named_type(type_.fields["nodes"].type)
            yield Relation(owner, name, RelationKind.PAGES, node_type.name)
        else:
            is_list = is_list_type(get_nullable_type(field.type))
            yield Relation(
                owner, name, RelationKind.PARTS if is_list else RelationKind.REFERENCE, type_.name
            )


def _is_leaf(field: GraphQLField) -> bool:
    return not is_composite_type(get_named_type(field.type))


def _has_rows(type_: GraphQLObjectType) -> bool:
    """Return whether a type has a uuid or leads to other types; sections of a report do not."""
    return "uuid" in type_.fields or not all(map(_is_leaf, type_.fields.values()))


def relations_of_kind(kind: RelationKind) -> list[Relation]:
    """Return all relations of one kind that start from row types, sorted."""
    names = [name for name, each in find_reachable_types().items() if _is_row_type(each)]
    return sorted(each for name in names for each in row_relations(name) if each.kind is kind)


def _is_row_type(type_: Any) -> bool:
    """Return whether a type is a row type: no root, introspection, connection or edge type."""
    if not isinstance(type_, GraphQLObjectType) or type_ is SCHEMA.query_type:
        return False
    return not type_.name.startswith("__") and not type_.name.endswith(("Connection", "Edge"))


@cache
def fields_by_reference() -> dict[tuple[str, str], frozenset[str]]:
    """Return the fields of rest-map.tsv below each to-one field: those that a hidden row may show.

    By its note on users, a reference shows uuid, username and full name, and in orders the e-mail
    address. REST's orders show the name of their project, too (domain.md §3.3).
    """
    names_by_reference: dict[tuple[str, str], set[str]] = defaultdict(lambda: {"id", "uuid"})
    for _, path in iter_mapped_fields():
        owner, *names = path.split(".")
        for name, child_field in pairwise(names):
            target = get_named_type(optional_argument_fields(owner)[name].type).name
            user_fields = {"username", "fullName"} if target == "User" else set()
            names_by_reference[owner, name] |= {child_field, *user_fields}
            owner = target
    names_by_reference["Order", "createdBy"].add("email")
    names_by_reference["Order", "project"].add("name")
    return {reference: frozenset(names) for reference, names in names_by_reference.items()}
