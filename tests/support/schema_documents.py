"""GraphQL documents and selections that are generated from the schema."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from graphql import (
    GraphQLField,
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
UNPLANNED_FIELDS = {("Query", "orderPreview")}
"""Fields that are never compiled: graphql-core always executes documents that select them."""


def find_reachable_types() -> dict[str, GraphQLObjectType]:
    """Return the object types that compiled queries can reach, by name."""
    assert SCHEMA.query_type is not None
    types_by_name, pending = {}, list[Any]([SCHEMA.query_type])
    while pending:
        type_ = pending.pop()
        if type_.name in types_by_name:
            continue
        if is_abstract_type(type_):
            pending += SCHEMA.get_possible_types(type_)
        elif isinstance(type_, GraphQLObjectType):
            types_by_name[type_.name] = type_
            pending += [get_named_type(each.type) for each in list_planned_fields(type_).values()]
    return types_by_name


def list_planned_fields(
    type_: GraphQLObjectType | GraphQLInterfaceType,
) -> dict[str, GraphQLField]:
    """Return the fields of a type, by name, without `UNPLANNED_FIELDS`."""
    return {
        name: field
        for name, field in type_.fields.items()
        if (type_.name, name) not in UNPLANNED_FIELDS
    }


def select_all_fields(name: str, depth: int) -> str:
    """Return a selection of all fields of a type, nested to `depth` levels of objects.

    Fields with required arguments are left out; connections are leaves.
    """
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType))
    return " ".join(_iter_field_selections(type_, depth))


def _iter_field_selections(
    type_: GraphQLObjectType | GraphQLInterfaceType, depth: int
) -> Iterator[str]:
    for name, field in type_.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        field_type = get_named_type(field.type)
        if not is_composite_type(field_type):
            yield name
        elif depth and isinstance(field_type, GraphQLObjectType):
            if field_type.name.endswith("Connection"):
                node_selection = select_all_fields(_get_node_type_name(field_type), 0)
                yield f"{name}(first: 2) {{ totalCount nodes {{ {node_selection} }} }}"
            else:
                yield f"{name} {{ {select_all_fields(field_type.name, depth - 1)} }}"


def _get_node_type_name(connection: GraphQLObjectType) -> str:
    return str(get_named_type(connection.fields["nodes"].type))


ARGUMENT_LIST_PATTERN = re.compile(r"\(.*?\)")
REST_MAP_FILE = WALDUR_FILES / "rest-map.tsv"
REST_MAP_SECTIONS = (
    "resource",
    "offering component",
    "offering (the `offering` operation)",
    "team member (the `team` operation)",
    "order (order_in_progress, creation_order, the orders operations)",
    "others",
)
PATHS_FROM_RESOURCE = {
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
"""The path from a resource to each type."""
SAMPLE_ARGUMENTS = {
    "historyAt": '(at: "2026-06-30T12:00:00Z")',
    "renewalEstimate": "(extensionMonths: 12)",
}
"""Arguments of fields that need some."""


def iter_mapped_fields(sections: Collection[str] = REST_MAP_SECTIONS) -> Iterator[tuple[str, str]]:
    """Yield the REST name and the GraphQL path of each field in sections of rest-map.tsv."""
    section = ""
    for line in REST_MAP_FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.split("\t")[-1]
        elif section in sections and not line.startswith("#"):
            name, path, *_ = line.split("\t")
            yield name, ARGUMENT_LIST_PATTERN.sub("", path)


def select_mapped_fields(sections: Collection[str] = REST_MAP_SECTIONS) -> str:
    """Return a selection on a resource of all paths in sections of rest-map.tsv."""
    tree: dict[str, Any] = {}
    for _, path in iter_mapped_fields(sections):
        root, *names = path.split(".")
        node = tree
        for name in (*PATHS_FROM_RESOURCE[root], *names):
            node = node.setdefault(name, {})
    return _format_selection(tree, SCHEMA.type_map["Resource"])


def _format_selection(tree: dict[str, Any], type_: Any) -> str:
    selections = []
    for name, subtree in tree.items():
        field_type = _get_field_type(type_, name)
        inner_selection = (
            _format_selection(subtree, field_type) if is_composite_type(field_type) else ""
        )
        selection_set = (
            f" {{ {inner_selection or '__typename'} }}" if is_composite_type(field_type) else ""
        )
        selections.append(f"{name}{SAMPLE_ARGUMENTS.get(name, '')}{selection_set}")
    return " ".join(selections)


def _get_field_type(type_: Any, name: str) -> Any:
    """Return the type of a field, or of a fragment."""
    _, separator, fragment_type = name.partition("... on ")
    return SCHEMA.type_map[fragment_type] if separator else get_named_type(type_.fields[name].type)
