"""Each field of the schema is compiled, whatever is added to it."""

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

from gateway.execution.graphql_request import Asking
from tests.execution.corpus.both_executions import LOOKS, REQUEST, Both
from tests.execution.corpus.known_rows import Known
from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import readable
from tests.support.visibility.schema_paths import NODES
from tests.support.visibility.viewer_scenes import global_id

STAFF = LOOKS[0]
TYPES = readable()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(demo: Marketplace) -> Both:
    """Give the demo, asked by both executions."""
    return Both.over(demo)


def ways(known: Known) -> dict[str, str]:
    """Give the shortest way from a root to each type: a document with an @ for its selection."""
    found, coming = {"Query": "{ @ }"}, deque(["Query"])
    while coming:
        name = coming.popleft()
        for field, each in TYPES[name].fields.items():
            asked = "(first: 3)" if "first" in each.args else _asked(known, each)
            for below, inside in () if _names(each) else _below(get_named_type(each.type)):
                if below not in found:
                    found[below] = found[name].replace("@", f"{field}{asked} {{ {inside} }}")
                    coming.append(below)
    return found


def _names(field: GraphQLField) -> bool:
    """Say whether a field finds what its arguments name."""
    return not {"uuid", "id", "ids"}.isdisjoint(field.args)


def _below(type_: GraphQLNamedType) -> Iterator[tuple[str, str]]:
    """Give the types that values may be of, and how their fields are selected."""
    if isinstance(type_, GraphQLUnionType):
        yield from ((each.name, f"... on {each.name} {{ @ }}") for each in type_.types)
    elif type_.name in TYPES:
        yield type_.name, "@"


def places(known: Known) -> Iterator[tuple[str, str]]:
    """Give each type, with documents that reach it: by lists, and by an id."""
    for name, way in ways(known).items():
        yield name, way
        if name in NODES:
            id_ = global_id(name, known.uuid(name))
            yield name, f'{{ node(id: "{id_}") {{ ... on {name} {{ @ }} }} }}'


def _selected(known: Known, name: str, field: GraphQLField) -> str:
    composite = is_composite_type(get_named_type(field.type))
    return f"{name}{_asked(known, field)}{' { __typename }' if composite else ''}"


def _asked(known: Known, field: GraphQLField) -> str:
    """Write the arguments that a field needs."""
    noun, given = get_named_type(field.type).name, known.variables()
    values = {
        **{name: given[name] for name in ("project", "offering")},
        "uuid": known.uuid(noun) if noun in NODES else None,
        "id": given["resourceId"],
        "ids": [given["offeringId"]],
        "extensionMonths": 12,
        "at": "2026-06-30T12:00:00Z",
    }
    needed = [name for name, each in field.args.items() if is_required_argument(each)]
    written = ", ".join(f"{name}: {json.dumps(values[name])}" for name in needed)
    return f"({written})" if written else ""


async def test_every_field_is_compiled(both: Both) -> None:
    known = await both.known(STAFF)
    lacking: set[str] = set()
    reached = set()
    for name, place in places(known):
        reached.add(name)
        wanted = {n: _selected(known, n, each) for n, each in TYPES[name].fields.items()}
        if not await compiled(both, place.replace("@", " ".join(wanted.values()))):
            for field, each in wanted.items():
                if not await compiled(both, place.replace("@", each)):
                    lacking.add(f"{name}.{field}")
    assert reached == {*TYPES}
    assert not lacking, f"These fields are not compiled: {sorted(lacking)}"


async def compiled(both: Both, document: str) -> bool:
    """Say whether a document is compiled, and answered as by the reference."""
    answers = await both.ask(Asking(document, None, None, REQUEST), STAFF)
    assert "errors" not in answers.body, document
    return answers.equal and answers.counted == "compiled"
