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

from tests.support.schema_documents import SCHEMA, find_reachable_types, iter_mapped_fields

_node = SCHEMA.type_map["Node"]
assert isinstance(_node, GraphQLInterfaceType)
NODE_TYPES = sorted(each.name for each in SCHEMA.get_possible_types(_node))
GUARDED_TYPES = frozenset({"Resource", "Project", "Customer", "User"})
"""Types of which a hidden row shows only some fields where it is referred to (design §5)."""


assert SCHEMA.query_type
ROOT_FIELDS_BY_TYPE = {
    get_named_type(field.type).name: name
    for name, field in SCHEMA.query_type.fields.items()
    if set(field.args) == {"uuid"}
}
"""The root fields that find one row by its uuid."""


class RelationKind(Enum):
    """How one comes from a row to others."""

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
    """Give the fields of a type that can be asked for without arguments."""
    type_ = SCHEMA.type_map[type_name]
    assert isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType))
    return {
        type_name: field
        for type_name, field in type_.fields.items()
        if not any(map(is_required_argument, field.args.values()))
    }


@cache
def leaf_fields(type_name: str) -> tuple[str, ...]:
    """Name the fields of a type that hold plain values."""
    return tuple(
        each for each, field in optional_argument_fields(type_name).items() if _is_leaf(field)
    )


@cache
def row_relations(type_name: str) -> tuple[Relation, ...]:
    """Give the fields of a type that lead to rows."""
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
    """Say whether rows of a type are things, or lead to some; a report's sections don't."""
    return "uuid" in type_.fields or not all(map(_is_leaf, type_.fields.values()))


def relations_of_kind(kind: RelationKind) -> list[Relation]:
    """Give all relations of one kind that start from rows."""
    names = [name for name, each in find_reachable_types().items() if _is_row_type(each)]
    return sorted(each for name in names for each in row_relations(name) if each.kind is kind)


def _is_row_type(type_: Any) -> bool:
    """Say whether a type is one of rows: no root, no introspection, no page or edge of one."""
    if not isinstance(type_, GraphQLObjectType) or type_ is SCHEMA.query_type:
        return False
    return not type_.name.startswith("__") and not type_.name.endswith(("Connection", "Edge"))


@cache
def fields_by_reference() -> dict[tuple[str, str], frozenset[str]]:
    """Give what rest-map.tsv names below each to-one field: all that a hidden row may show there.

    Its note on users is that a user who is referred to shows uuid, username and full name, and in
    orders the e-mail address; REST's orders tell their project's name, too (domain.md §3.3).
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
