"""Documents derived from the schema: all orders, all filter fields, all fields of all types."""

from collections.abc import Iterator
from itertools import cycle

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from tests.execution.corpus.document_files import CorpusCase
from tests.execution.corpus.known_rows import (
    FILTER_COMBINATORS,
    ROOT_LISTS,
    SAMPLE_SELECTIONS,
    KnownRows,
    list_orders,
)
from tests.support.schema_documents import SCHEMA, select_all_fields, select_mapped_fields
from tests.support.visibility.path_walk import select_identity
from tests.support.visibility.schema_paths import (
    NODE_TYPES,
    ROOT_FIELDS_BY_TYPE,
    Relation,
    RelationKind,
    relations_of_kind,
)

PAGE_SELECTION = "edges { cursor } nodes { %s } pageInfo { startCursor endCursor }"
CONTRACT_CASE = CorpusCase(
    "all paths of the contract",
    f"{{ resources(first: 2) {{ nodes {{ {select_mapped_fields()} }} }} }}",
)


def generate_order_cases() -> Iterator[CorpusCase]:
    """Yield a document for each order of each root list, forward and backward."""
    page_selection = PAGE_SELECTION % "uuid"
    for name, field in ROOT_LISTS.items():
        for order in list_orders(name):
            pages = " ".join(
                f"{alias}: {field}({arguments}, orderBy: {order}) {{ {page_selection} }}"
                for alias, arguments in (
                    ("a", "first: 3, after: $after"),
                    ("b", "last: 3, before: $before"),
                    ("c", "first: 3, before: $before"),
                )
            )
            yield CorpusCase(
                f"{field} by {order}", f"query ($after: String, $before: String) {{ {pages} }}"
            )


def generate_nested_order_cases() -> Iterator[CorpusCase]:
    """Yield a document for each nested list, with all its orders and a next page."""
    for relation in relations_of_kind(RelationKind.PAGES):
        name, page_selection = (
            f"{relation.target}Order",
            PAGE_SELECTION % select_identity(relation.target),
        )
        ordered_lists = " ".join(
            f"{order}: {relation.field}(first: 1, orderBy: {order}) {{ {page_selection} }}"
            for order in list_orders(name)
        )
        first_page = f"{relation.field}(first: 2, after: $after) {{ totalCount {page_selection} }}"
        fragment = f"... on {relation.owner} {{ {first_page} {ordered_lists} }}"
        yield CorpusCase(
            f"{relation} in all orders",
            f"query ($ids: [ID!]!, $after: String) {{ nodes(ids: $ids) {{ {fragment} }} }}",
        )


def list_filter_fields(name: str) -> list[str]:
    """Return the fields of a filter type without `and`, `or` and `not`."""
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLInputObjectType)
    return [field for field in type_.fields if field not in FILTER_COMBINATORS]


def generate_filter_cases(known_rows: KnownRows) -> Iterator[CorpusCase]:
    """Yield a document for each filter field: alone, negated, and combined."""
    for name in SAMPLE_SELECTIONS:
        noun = name.removesuffix("Filter")
        relations = cycle(
            [
                relation
                for relation in relations_of_kind(RelationKind.PAGES)
                if relation.target == noun
            ]
            or [None]
        )
        for field, relation_ in zip(list_filter_fields(name), relations, strict=False):
            yield _make_filter_case(known_rows, name, field, relation_)


def _make_filter_case(
    known_rows: KnownRows, name: str, field: str, relation: Relation | None
) -> CorpusCase:
    noun = name.removesuffix("Filter")
    root = ROOT_LISTS.get(f"{noun}Order")
    field_type = _filter_field_type(name, field)
    owner_variable = f", ${relation.owner.lower()}Id: ID!" if relation else ""
    return CorpusCase(
        f"{noun} by {field}",
        f"query ($value: {field_type}, $filter: {name}{owner_variable}) {{"
        f" {_filter_root_list(root, field)} {_filter_nested_list(relation, field)} }}",
        _filter_variables(field, known_rows.filter_field_values(name, field)),
    )


def _filter_variables(field: str, values: list[object]) -> dict[str, object]:
    values = [value for value in values if value != ""]  # blank texts are ignored
    first_filter, last_filter = ({field: values[index]} for index in (0, -1))
    return {
        "value": values[0],
        "filter": {
            "or": [first_filter, {"and": [last_filter, first_filter]}],
            "not": {"and": [first_filter, {"not": last_filter}]},
        },
    }


def _filter_field_type(name: str, field: str) -> str:
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLInputObjectType)
    return str(type_.fields[field].type)


def _filter_root_list(root: str | None, field: str) -> str:
    if root is None:
        return ""
    return (
        f"a: {root}(first: 2, filter: {{{field}: $value}}) {{ nodes {{ uuid }} }}"
        f" b: {root}(first: 2, filter: $filter) {{ totalCount nodes {{ uuid }} }}"
    )


def _filter_nested_list(relation: Relation | None, field: str) -> str:
    if relation is None:
        return ""
    lists = (
        f"a: {relation.field}(first: 2, filter: {{{field}: $value}}) {{ totalCount }}"
        f" b: {relation.field}(first: 2, filter: $filter) {{ totalCount }}"
    )
    return f"node(id: ${relation.owner.lower()}Id) {{ ... on {relation.owner} {{ {lists} }} }}"


def generate_full_type_cases() -> Iterator[CorpusCase]:
    """Yield documents that select all fields of each type."""
    for name, root in ROOT_FIELDS_BY_TYPE.items():
        noun = name.lower()
        yield CorpusCase(
            f"all fields of one {noun}",
            f"query (${noun}: UUID!, ${noun}Hidden: UUID!) {{"
            f" a: {root}(uuid: ${noun}) {{ {select_all_fields(name, 1)} }}"
            f" b: {root}(uuid: ${noun}Hidden) {{ {select_all_fields(name, 0)} }} }}",
        )
    for name in NODE_TYPES:
        noun = name.lower()
        yield CorpusCase(
            f"a {noun} by its id",
            f"query (${noun}Id: ID!) {{ node(id: ${noun}Id) {{"
            f" __typename id ... on {name} {{ {select_all_fields(name, 1)} }} }} }}",
        )
    for field in ROOT_LISTS.values():
        name = _node_type_of(field)
        selection = f"edges {{ node {{ {select_all_fields(name, 1)} }} }} totalCount"
        yield CorpusCase(f"all fields of {field}", f"{{ {field}(first: 2) {{ {selection} }} }}")
    yield CONTRACT_CASE


def _node_type_of(field: str) -> str:
    assert SCHEMA.query_type
    connection = get_named_type(SCHEMA.query_type.fields[field].type)
    assert isinstance(connection, GraphQLObjectType)
    return str(get_named_type(connection.fields["nodes"].type))
