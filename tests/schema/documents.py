"""Documents that ask for everything, written from the schema itself."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

from gateway.api import schema

SCHEMA: GraphQLSchema = schema._schema


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


LATER = re.compile(
    r"HistoryEntry|RenewalEstimate|Query\.suggestedResourceName|Resource\.(history|historyAt"
    r"|allowedOperations|renewalEstimate|glauthUsersConfig|glauthTree|subresourceOfferings)\b"
)
"""The paths of the contract that the schema does not have yet."""
ARGUMENTS = re.compile(r"\(.*?\)")
MAP = Path(__file__).parents[1] / "waldur" / "rest-map.tsv"
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
    "TeamMember": ("team",),
    "User": ("endDateRequestedBy",),
}
"""How one comes from a resource to each type."""


def promised(sections: Collection[str] = SECTIONS) -> Iterator[tuple[str, str]]:
    """Give REST's names and our paths."""
    section = ""
    for line in MAP.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.split("\t")[-1]
        elif section in sections and not line.startswith("#"):
            name, path, *_ = line.split("\t")
            if not LATER.match(path):
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
        kind = get_named_type(type_.fields[name].type)
        inner = _written(below, kind) if is_composite_type(kind) else ""
        parts.append(f"{name} {{ {inner or '__typename'} }}" if is_composite_type(kind) else name)
    return " ".join(parts)
