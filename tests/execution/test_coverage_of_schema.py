"""Each field of the schema is compiled, whatever is added to it."""

from collections import deque
from collections.abc import Iterator

import pytest_asyncio
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

from gateway.execution.answering import Asking
from tests.execution.corpus.both import LOOKS, REQUEST, Both
from tests.execution.corpus.known import Known
from tests.marketplaces import Marketplace
from tests.schema.documents import SCHEMA
from tests.visibility.scenes import global_id
from tests.visibility.shape import NODES

STAFF = LOOKS[0]
TYPES = {
    name: each
    for name, each in SCHEMA.type_map.items()
    if isinstance(each, GraphQLObjectType) and not name.startswith("__")
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(demo: Marketplace) -> Both:
    """Give the demo, asked by both executions."""
    return Both.over(demo)


def ways() -> dict[str, str]:
    """Give the shortest way from a root to each type: a document with an @ for its selection."""
    found, coming = {"Query": "{ @ }"}, deque(["Query"])
    while coming:
        name = coming.popleft()
        for field, each in TYPES[name].fields.items():
            below = get_named_type(each.type).name
            if below in TYPES and below not in found and not _needs(each):
                inside = f"{field}(first: 3)" if "first" in each.args else field
                found[below] = found[name].replace("@", f"{inside} {{ @ }}")
                coming.append(below)
    return found


def _needs(field: GraphQLField) -> bool:
    return any(map(is_required_argument, field.args.values()))


def places(known: Known) -> Iterator[tuple[str, str]]:
    """Give each type, with documents that reach it: by lists, and by an id."""
    for name, way in ways().items():
        yield name, way
        if name in NODES:
            id_ = global_id(name, known.uuid(name))
            yield name, f'{{ node(id: "{id_}") {{ ... on {name} {{ @ }} }} }}'


def _selected(known: Known, name: str, field: GraphQLField) -> str:
    below = get_named_type(field.type)
    if "uuid" in field.args:
        name += f'(uuid: "{known.uuid(below.name)}")'
    elif "id" in field.args:
        name += f'(id: "{known.variables()["resourceId"]}")'
    elif "ids" in field.args:
        name += f'(ids: ["{known.variables()["offeringId"]}"])'
    return f"{name} {{ __typename }}" if is_composite_type(below) else name


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
