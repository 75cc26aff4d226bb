"""Test that every field of the schema is compiled."""

import json
from collections import deque
from collections.abc import Iterator

import pytest_asyncio
from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

from gateway.execution.graphql_request import GraphQLRequest
from tests.execution.corpus.both_executions import CORPUS_VIEWPOINTS, REQUEST_ID, DualExecutor
from tests.execution.corpus.known_rows import KnownRows
from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import find_reachable_types, list_planned_fields
from tests.support.visibility.schema_paths import NODE_TYPES
from tests.support.visibility.viewer_scenes import encode_global_id

STAFF_VIEWPOINT = CORPUS_VIEWPOINTS[0]
READABLE_TYPES = find_reachable_types()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dual_executor(demo: Marketplace) -> DualExecutor:
    """Return the demo with both executions."""
    return DualExecutor.open_over(demo)


def find_shortest_paths(known_rows: KnownRows) -> dict[str, str]:
    """Return a document for the shortest path to each type, with @ for the selection set."""
    documents_by_type, queue = {"Query": "{ @ }"}, deque(["Query"])
    while queue:
        name = queue.popleft()
        for field, field_definition in list_planned_fields(READABLE_TYPES[name]).items():
            arguments = (
                "(first: 3)"
                if "first" in field_definition.args
                else _write_required_arguments(known_rows, field_definition)
            )
            for type_name, selection in (
                ()
                if _is_lookup_field(field_definition)
                else _iterate_value_types(get_named_type(field_definition.type))
            ):
                if type_name not in documents_by_type:
                    documents_by_type[type_name] = documents_by_type[name].replace(
                        "@", f"{field}{arguments} {{ {selection} }}"
                    )
                    queue.append(type_name)
    return documents_by_type


def _is_lookup_field(field: GraphQLField) -> bool:
    """Return whether a field looks rows up by uuid or id."""
    return not {"uuid", "id", "ids"}.isdisjoint(field.args)


def _iterate_value_types(type_: GraphQLNamedType) -> Iterator[tuple[str, str]]:
    """Yield the possible types of a value with the selections that reach their fields."""
    if isinstance(type_, GraphQLUnionType):
        yield from (
            (member_type.name, f"... on {member_type.name} {{ @ }}") for member_type in type_.types
        )
    elif type_.name in READABLE_TYPES:
        yield type_.name, "@"


def iterate_type_documents(known_rows: KnownRows) -> Iterator[tuple[str, str]]:
    """Yield each type with documents that reach it: by lists, and by its id."""
    for name, document in find_shortest_paths(known_rows).items():
        yield name, document
        if name in NODE_TYPES:
            node_id = encode_global_id(name, known_rows.pick_uuid(name))
            yield name, f'{{ node(id: "{node_id}") {{ ... on {name} {{ @ }} }} }}'


def _select_field(known_rows: KnownRows, name: str, field: GraphQLField) -> str:
    selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    return f"{name}{_write_required_arguments(known_rows, field)}{selection}"


def _write_required_arguments(known_rows: KnownRows, field: GraphQLField) -> str:
    """Return the literals of a field's required arguments."""
    noun, known_variables = get_named_type(field.type).name, known_rows.make_variables()
    values = {
        **{name: known_variables[name] for name in ("project", "offering")},
        "uuid": known_rows.pick_uuid(noun) if noun in NODE_TYPES else None,
        "id": known_variables["resourceId"],
        "ids": [known_variables["offeringId"]],
        "extensionMonths": 12,
        "at": "2026-06-30T12:00:00Z",
    }
    required = [name for name, argument in field.args.items() if is_required_argument(argument)]
    argument_list = ", ".join(f"{name}: {json.dumps(values[name])}" for name in required)
    return f"({argument_list})" if argument_list else ""


async def test_every_field_is_compiled(dual_executor: DualExecutor) -> None:
    known_rows = await dual_executor.known_rows(STAFF_VIEWPOINT)
    uncompiled_fields: set[str] = set()
    reached = set()
    for name, document in iterate_type_documents(known_rows):
        reached.add(name)
        selections = {
            field_name: _select_field(known_rows, field_name, field)
            for field_name, field in list_planned_fields(READABLE_TYPES[name]).items()
        }
        full_document = document.replace("@", " ".join(selections.values()))
        if not await is_compiled(dual_executor, full_document):
            for field_name, selection in selections.items():
                if not await is_compiled(dual_executor, document.replace("@", selection)):
                    uncompiled_fields.add(f"{name}.{field_name}")
    assert reached == {*READABLE_TYPES}
    assert not uncompiled_fields, f"These fields are not compiled: {sorted(uncompiled_fields)}"


async def is_compiled(dual_executor: DualExecutor, document: str) -> bool:
    """Return whether a document is compiled, with the same response as the reference."""
    result_pair = await dual_executor.execute_both(
        GraphQLRequest(document, None, None, REQUEST_ID), STAFF_VIEWPOINT
    )
    assert "errors" not in result_pair.reference_body, document
    return result_pair.is_equal and result_pair.counted_as == "compiled"
