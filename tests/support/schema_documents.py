"""Documents that ask for everything, written from the schema itself."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_required_argument,
)

from gateway.api import schema
from tests.support.project_paths import WALDUR_FILES

SCHEMA: GraphQLSchema = schema._schema


def readable() -> dict[str, GraphQLObjectType]:
    """Give the types of objects that queries lead to, by their names."""
    assert SCHEMA.query_type is not None
    found, coming = {}, [SCHEMA.query_type]
    while coming:
        type_: Any = coming.pop()
        if type_.name in found:
            continue
        if is_abstract_type(type_):
            coming += SCHEMA.get_possible_types(type_)
        elif isinstance(type_, GraphQLObjectType):
            found[type_.name] = type_
            coming += [get_named_type(each.type) for each in type_.fields.values()]
    return found


def everything(name: str, depth: int) -> str:
    """Write a selection of all fields of the type of that name, down to some depth."""
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType))
    return " ".join(_fields(type_, depth))


def _fields(type_: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> Iterator[str]:
    for name, field in type_.fields.items():
        if any(is_required_argument(each) for each in field.args.values()):
            continue
        below = get_named_type(field.type)
        if not is_composite_type(below):
            yield name
        elif depth and isinstance(below, GraphQLObjectType):
            if below.name.endswith("Connection"):
                yield f"{name}(first: 2) {{ totalCount nodes {{ {everything(_node(below), 0)} }} }}"
            else:
                yield f"{name} {{ {everything(below.name, depth - 1)} }}"


def _node(connection: GraphQLObjectType) -> str:
    return str(get_named_type(connection.fields["nodes"].type))


ARGUMENTS = re.compile(r"\(.*?\)")
MAP = WALDUR_FILES / "rest-map.tsv"
SECTIONS = (
    "resource",
    "offering component",
    "offering (the `offering` operation)",
    "team member (the `team` operation)",
    "order (order_in_progress, creation_order, the orders operations)",
    "others",
)
ROOTS = {
    "Component": ("offering", "components"),
    "Partition": ("offering", "partitions"),
    "Offering": ("offering",),
    "Order": ("creationOrder",),
    "Plan": ("plan",),
    "PlanPeriod": ("planPeriods",),
    "Resource": (),
    "BackendObject": ("backend",),
    "HistoryEntry": ("history", "nodes"),
    "TeamMember": ("team",),
    "User": ("endDateRequestedBy",),
    "RenewalEstimate": ("renewalEstimate", "... on RenewalEstimate"),
}
"""How one comes from a resource to each type."""
ASKED = {
    "historyAt": '(at: "2026-06-30T12:00:00Z")',
    "renewalEstimate": "(extensionMonths: 12)",
}
"""What fields are asked with that need arguments."""


def promised(sections: Collection[str] = SECTIONS) -> Iterator[tuple[str, str]]:
    """Give REST's names and our paths."""
    section = ""
    for line in MAP.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.split("\t")[-1]
        elif section in sections and not line.startswith("#"):
            name, path, *_ = line.split("\t")
            yield name, ARGUMENTS.sub("", path)


def contract(sections: Collection[str] = SECTIONS) -> str:
    """Write a selection of all paths that some sections promise, from a resource."""
    tree: dict[str, Any] = {}
    for _, path in promised(sections):
        root, *names = path.split(".")
        place = tree
        for name in (*ROOTS[root], *names):
            place = place.setdefault(name, {})
    return _written(tree, SCHEMA.type_map["Resource"])


def _written(tree: dict[str, Any], type_: Any) -> str:
    parts = []
    for name, below in tree.items():
        kind = _below(type_, name)
        inner = _written(below, kind) if is_composite_type(kind) else ""
        inside = f" {{ {inner or '__typename'} }}" if is_composite_type(kind) else ""
        parts.append(f"{name}{ASKED.get(name, '')}{inside}")
    return " ".join(parts)


def _below(type_: Any, name: str) -> Any:
    """Give the type below a field, or of a fragment."""
    _, of_fragment, fragment = name.partition("... on ")
    return SCHEMA.type_map[fragment] if of_fragment else get_named_type(type_.fields[name].type)
