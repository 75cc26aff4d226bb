"""Documents written from the schema: all orders, all filter fields, everything there is to ask."""

from collections.abc import Iterator
from itertools import cycle

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from tests.execution.corpus.document_files import Case
from tests.execution.corpus.known_rows import JOINING, ORDERED, SAMPLES, Known, orders
from tests.support.schema_documents import SCHEMA, contract, everything
from tests.support.visibility.path_walk import identified_by
from tests.support.visibility.schema_paths import BY_UUID, NODES, Relation, Way, all_relations

PAGE = "edges { cursor } nodes { %s } pageInfo { startCursor endCursor }"
CONTRACT = Case(
    "all paths of the contract", f"{{ resources(first: 2) {{ nodes {{ {contract()} }} }} }}"
)


def ordered() -> Iterator[Case]:
    """Go through each list in each order, forward and backward."""
    page = PAGE % "uuid"
    for name, field in ORDERED.items():
        for order in orders(name):
            yield Case(
                f"{field} by {order}",
                "query ($after: String, $before: String) {"
                f" a: {field}(first: 3, after: $after, orderBy: {order}) {{ {page} }}"
                f" b: {field}(last: 3, before: $before, orderBy: {order}) {{ {page} }}"
                f" c: {field}(first: 3, before: $before, orderBy: {order}) {{ {page} }} }}",
            )


def ordered_below() -> Iterator[Case]:
    """Ask for each list below rows in each order, and for what comes after."""
    for each in all_relations(Way.PAGES):
        name, page = f"{each.target}Order", PAGE % identified_by(each.target)
        lists = " ".join(
            f"{order}: {each.field}(first: 1, orderBy: {order}) {{ {page} }}"
            for order in orders(name)
        )
        first = f"{each.field}(first: 2, after: $after) {{ totalCount {page} }}"
        inside = f"... on {each.owner} {{ {first} {lists} }}"
        yield Case(
            f"{each} in all orders",
            f"query ($ids: [ID!]!, $after: String) {{ nodes(ids: $ids) {{ {inside} }} }}",
        )


def filter_fields(name: str) -> list[str]:
    """Name the fields of a filter type that are conditions."""
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLInputObjectType)
    return [each for each in type_.fields if each not in JOINING]


def filtered(known: Known) -> Iterator[Case]:
    """Filter each list by each field: alone, not, and joined with others."""
    for name in SAMPLES:
        noun = name.removesuffix("Filter")
        lists = cycle([each for each in all_relations(Way.PAGES) if each.target == noun] or [None])
        for field, below in zip(filter_fields(name), lists, strict=False):
            yield _filtered(known, name, field, below)


def _filtered(known: Known, name: str, field: str, below: Relation | None) -> Case:
    noun = name.removesuffix("Filter")
    root = ORDERED.get(f"{noun}Order")
    kind = _type_of(name, field)
    owner = f", ${below.owner.lower()}Id: ID!" if below else ""
    return Case(
        f"{noun} by {field}",
        f"query ($value: {kind}, $filter: {name}{owner}) {{"
        f" {_at_root(root, field)} {_below(below, field)} }}",
        _filters(field, known.values(name, field)),
    )


def _filters(field: str, values: list[object]) -> dict[str, object]:
    one, other = ({field: values[i]} for i in (0, -1))
    return {
        "value": values[0],
        "filter": {"or": [one, {"and": [other, one]}], "not": {"and": [one, {"not": other}]}},
    }


def _type_of(name: str, field: str) -> str:
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLInputObjectType)
    return str(type_.fields[field].type)


def _at_root(root: str | None, field: str) -> str:
    if root is None:
        return ""
    return (
        f"a: {root}(first: 2, filter: {{{field}: $value}}) {{ nodes {{ uuid }} }}"
        f" b: {root}(first: 2, filter: $filter) {{ totalCount nodes {{ uuid }} }}"
    )


def _below(each: Relation | None, field: str) -> str:
    if each is None:
        return ""
    asked = (
        f"a: {each.field}(first: 2, filter: {{{field}: $value}}) {{ totalCount }}"
        f" b: {each.field}(first: 2, filter: $filter) {{ totalCount }}"
    )
    return f"node(id: ${each.owner.lower()}Id) {{ ... on {each.owner} {{ {asked} }} }}"


def whole() -> Iterator[Case]:
    """Ask for everything of each type."""
    for name, root in BY_UUID.items():
        noun = name.lower()
        yield Case(
            f"everything of one {noun}",
            f"query (${noun}: UUID!, ${noun}Hidden: UUID!) {{"
            f" a: {root}(uuid: ${noun}) {{ {everything(name, 1)} }}"
            f" b: {root}(uuid: ${noun}Hidden) {{ {everything(name, 0)} }} }}",
        )
    for name in NODES:
        noun = name.lower()
        yield Case(
            f"a {noun} by its id",
            f"query (${noun}Id: ID!) {{ node(id: ${noun}Id) {{"
            f" __typename id ... on {name} {{ {everything(name, 1)} }} }} }}",
        )
    for field in ORDERED.values():
        name = _node_of(field)
        inside = f"edges {{ node {{ {everything(name, 1)} }} }} totalCount"
        yield Case(f"everything of {field}", f"{{ {field}(first: 2) {{ {inside} }} }}")
    yield CONTRACT


def _node_of(field: str) -> str:
    assert SCHEMA.query_type
    connection = get_named_type(SCHEMA.query_type.fields[field].type)
    assert isinstance(connection, GraphQLObjectType)
    return str(get_named_type(connection.fields["nodes"].type))
