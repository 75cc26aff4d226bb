"""Test the sizes and the cost of operations."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from gateway.execution.admission.operation_limits import DEFAULT_LIMITS
from gateway.execution.admission.operation_measurer import (
    FragmentCycleError,
    NestedTooDeeplyError,
    OperationMeasure,
    OperationMeasurer,
)
from tests.support.schema_documents import SCHEMA


def measure_document(text: str, operation: int = 0) -> OperationMeasure:
    """Return the size of one of a document's operations."""
    ast = parse(text)
    measurer = OperationMeasurer(SCHEMA, ast, DEFAULT_LIMITS)
    nodes = [each for each in ast.definitions if isinstance(each, OperationDefinitionNode)]
    return [measurer.measure_operation(each) for each in nodes][operation]


def compute_cost(text: str, operation: int = 0, **variables: Any) -> int:
    return measure_document(text, operation).compute_sizes(variables)[0]


def count_conditions(text: str, **variables: Any) -> int:
    return measure_document(text).compute_sizes(variables)[1]


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ __typename }", 1),
        ('{ resource(uuid: "x") { uuid project { name } } }', 1 + 1 + 1 + 1),
        ("{ resources { totalCount } }", 2 + 100),
        ("{ resources(first: 0) { a: totalCount ... { b: totalCount } } }", 1 + 2 * 101),
        ('{ resources(first: 0, query: "a") { nodes { uuid } } }', 1 + 500),
        ("{ resources(first: 0, query: null) { nodes { uuid } } }", 1),
        (
            '{ resources(first: 0, filter: {or: [{name: "a"}, {slug: "b"}]}) { nodes { uuid } } }',
            1 + 4 * 100,
        ),
        ("{ resources { nodes { uuid } } }", 1 + 20 * 2),
        ("{ resources(first: 0) { nodes { uuid } } }", 1),
        ("{ resources(first: 7) { nodes { uuid } } }", 1 + 7 * 2),
        ("{ resources(last: 300) { nodes { uuid } } }", 1 + 300 * 2),
        ("{ resources(first: null, last: 9) { nodes { uuid } } }", 1 + 9 * 2),
        ("{ resources(first: 9, last: null) { nodes { uuid } } }", 1 + 9 * 2),
        ("{ resources(first: 2) { edges { cursor node { uuid } } } }", 1 + 2 * 4),
        ("{ resources(first: 2) { pageInfo { endCursor } nodes { uuid } } }", 1 + 2 + 2 * 2),
        ("{ resources(first: 2) { ...F } } fragment F on ResourceConnection { nodes { uuid } }", 5),
        ("{ resources(first: 2) { ... { nodes { uuid } } } }", 5),
        ("{ resources(first: 2) { ... on ResourceConnection { nodes { uuid } } } }", 5),
        ("{ categories { title } }", 1 + 5),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 1 + 3),
        ("{ nodes(ids: []) { id } }", 1),
        ('{ node(id: "a") { ... on Offering { name } ... on Resource { name } } }', 3),
        ("{ offerings(first: 2) { nodes { plans { name } } } }", 1 + 2 * (1 + 1 + 5)),
        ("mutation { pullResource(input: {}) { __typename } }", 100 + 2),
        (
            'mutation { pullResources(input: {uuids: ["a", "b"]}) { uuid result { __typename } } }',
            100 + 1 + 2 * (100 + 1 + 1 + 1),
        ),
        ('mutation { pullResources(input: {uuids: "a"}) { uuid } }', 100 + 1 + 101),
        ("mutation { pullResources(input: {uuids: []}) { uuid } }", 100 + 1),
        ("subscription { resourceChanged { __typename } }", 2),
        ("subscription { orderChanged { ... on OrderEvent { order { uuid } } } }", 3),
        ("{ nothing { at { all } } }", 3),
        ("{ ...Unknown ... on Unknown { a } }", 1),
    ],
)
def test_cost(query: str, cost: int) -> None:
    assert compute_cost(query) == cost


PAGE = "query ($n: Int) { resources(first: $n) { nodes { uuid } } }"


@pytest.mark.parametrize(
    ("variables", "rows"),
    [
        ({}, 20),
        ({"n": None}, 20),
        ({"n": 0}, 0),
        ({"n": 5}, 5),
        ({"n": 5.0}, 5),
        ({"n": 300}, 300),
        ({"n": 301}, 20),
        ({"n": -1}, 20),
        ({"n": True}, 20),
        ({"n": "300"}, 20),
        ({"n": [5]}, 20),
        ({"n": float("nan")}, 20),
        ({"n": 10**400}, 20),
    ],
)
def test_page_size_in_a_variable(variables: dict[str, Any], rows: int) -> None:
    assert compute_cost(PAGE, **variables) == 1 + rows * 2


@pytest.mark.parametrize(
    "text",
    [
        "mutation ($v: PullResourcesInput!) { pullResources(input: $v) { uuid } }",
        "mutation ($v: [UUID!]!) { pullResources(input: {uuids: $v}) { uuid } }",
    ],
)
@pytest.mark.parametrize(
    ("uuids", "count"), [(["a"] * 7, 7), ([], 0), ("a", 1), (None, 0), ({}, 1)]
)
def test_objects_of_a_mutation_in_a_variable(text: str, uuids: Any, count: int) -> None:
    value = {"uuids": uuids} if "PullResourcesInput" in text else uuids
    assert compute_cost(text, v=value) == 100 + 1 + count * 101


def test_page_sizes_in_defaults_of_variables() -> None:
    with_default = PAGE.replace("Int", "Int = 300")
    assert compute_cost(with_default) == 1 + 300 * 2
    assert compute_cost(with_default, n=2) == 1 + 2 * 2
    assert compute_cost(with_default, n=None) == 1 + 20 * 2


def test_nested_pages_in_variables_multiply() -> None:
    text = """query ($a: Int, $b: Int) {
        projects(first: $a) { nodes { resources(last: $b) { nodes { uuid } } } }
    }"""
    assert compute_cost(text, a=3, b=4) == 1 + 3 * (1 + 1 + 4 * 2)
    assert compute_cost(text, a=3) == 1 + 3 * (1 + 1 + 20 * 2)


def test_fragments_use_the_defaults_of_each_operation() -> None:
    text = """query A($n: Int = 2) { ...F } query B($n: Int = 3) { ...F ...F }
        fragment F on Query {
            projects(first: $n) { nodes { resources(first: $n) { totalCount } } }
        }"""
    assert compute_cost(text, 0) == 1 + 2 * 3 + 100
    assert compute_cost(text, 1) == 2 * (1 + 3 * 3 + 100)


def test_pages_do_not_multiply_what_lists_cost_to_read() -> None:
    text = """query ($q: String, $f: ResourceFilter) { offerings(query: $q, first: 10) { nodes {
        resources(first: 0, filter: $f) { totalCount }
    } } }"""
    rows = 1 + 10 * (1 + 1 + 1)
    assert compute_cost(text) == compute_cost(text, q=None, f=None) == rows + 100
    assert compute_cost(text, q="a", f={"name": "b", "slug": "c"}) == rows + 100 + 500 + 2 * 100


def test_ids_in_a_variable() -> None:
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert [compute_cost(text, ids=ids) for ids in (["a"] * 9, [], "a", None)] == [10, 1, 2, 1]


def test_doubling_fragments_are_measured_once_each() -> None:
    fragments = [
        f"fragment F{index} on Resource {{"
        f" a: uuid @skip(if: false) ...F{index + 1} ...F{index + 1} }}"
        for index in range(60)
    ]
    text = "{ resources(first: 3) { nodes { ...F0 } } } fragment F60 on Resource { b: uuid }"
    selection = measure_document(text + " ".join(fragments)).selection
    doubled = 2**60 - 1
    assert selection.aliases == doubled + 2**60
    assert selection.directives == doubled
    assert selection.selections == 2 + 1 + 3 * doubled + 2**60
    assert selection.cost.constant == 1 + 3 * (1 + doubled + 2**60)


def test_structure() -> None:
    selection = measure_document("""query ($a: Int @d) @d {
        a: __typename @d
        ... on Query @d { b: resources(first: $a) { nodes { project { name } } } }
        ...F @d
    }
    fragment F on Query @d { viewer { user { uuid } } }""").selection
    assert (selection.fields, selection.depth, selection.aliases) == (3, 4, 2)
    assert (selection.directives, selection.selections) == (6, 10)


@pytest.mark.parametrize(
    ("filter_", "conditions"),
    [
        ("null", 0),
        ("{}", 0),
        ('{ name: "a", slug: null }', 1),
        ('{ name: "a", state: [OK] }', 2),
        ("{ and: [{}, {}] }", 2),
        ("{ or: {} }", 1),
        ('{ not: { name: "a" } }', 2),
        ('{ or: [{ name: "a" }, { and: [{ name: "b" }] }], slug: "c" }', 6),
    ],
)
def test_filter_conditions(filter_: str, conditions: int) -> None:
    assert count_conditions(f"{{ resources(filter: {filter_}) {{ totalCount }} }}") == conditions


@pytest.mark.parametrize(
    ("filter_", "conditions"),
    [
        (None, 0),
        ({}, 0),
        ({"name": "a", "slug": None}, 1),
        ({"and": [{}, {}]}, 2),
        ({"or": {}}, 1),
        ({"resourceAttributes": {"a": 1, "b": {"c": 2, "d": 3}}}, 2),
        ({"resourceAttributes": {}}, 1),
        ({"not": {"name": "a"}}, 2),
        ({"or": [{"name": "a"}, {"and": [{"name": "b"}]}], "slug": "c"}, 6),
        ("a", 0),
        ([{"name": "a"}], 1),
    ],
)
def test_filter_conditions_in_a_variable(filter_: Any, conditions: int) -> None:
    query = "query ($f: ResourceFilter) { %s }"
    field = "resources(filter: $f) { totalCount }"
    assert count_conditions(query % field, f=filter_) == conditions
    assert count_conditions(query % f"{field} b: {field}", f=filter_) == 2 * conditions
    in_list = "resources(filter: { or: [$f, { slug: $s }] }) { totalCount }"
    own_conditions = 1 if isinstance(filter_, dict) else int(filter_ is not None)
    assert count_conditions(query % in_list, f=filter_) == conditions + own_conditions + 2


def test_entries_of_attributes_are_conditions() -> None:
    text = "query ($a: JSON) { resources(filter: { resourceAttributes: %s }) { totalCount } }"
    assert count_conditions(text % "{ a: 1, b: [2, 3], c: null }") == 3
    assert [count_conditions(text % "$a", a=a) for a in ({"a": 1, "b": 2}, {}, None)] == [2, 1, 1]


def test_operands_in_a_variable() -> None:
    text = "query ($f: [ResourceFilter!]) { resources(filter: { or: $f }) { totalCount } }"
    assert count_conditions(text, f=[{"name": "a"}, {}]) == 3
    assert count_conditions(text, f={"name": "a"}) == 2
    assert count_conditions(text.replace("]", "] = [{}, {}, {}]")) == 3
    assert count_conditions(text, f=[{}] * 100_000) > DEFAULT_LIMITS.filter_conditions


def test_conditions_of_deep_filters_are_counted_without_recursion() -> None:
    filter_: dict[str, Any] = {}
    for _ in range(5000):
        filter_ = {"not": filter_}
    text = "query ($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    assert count_conditions(text, f=filter_) > DEFAULT_LIMITS.filter_conditions


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { viewer { ...B } } fragment B on Viewer { ... { ...A } }",
    ],
)
def test_fragments_that_spread_themselves_are_an_error(text: str) -> None:
    with pytest.raises(FragmentCycleError):
        measure_document(text)


def test_nesting_is_bounded() -> None:
    fragments = [f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(250)]
    with pytest.raises(NestedTooDeeplyError):
        measure_document("{ ...F0 } fragment F250 on Query { __typename }" + " ".join(fragments))


@pytest.mark.parametrize(
    ("query", "reads_schema"),
    [
        ("{ __typename viewer { __typename } }", False),
        ("{ __schema { __typename } }", True),
        ('{ __type(name: "Query") { name kind __typename } }', False),
        ('{ __type(name: "Query") { fields { name } } }', True),
        ('{ __type(name: "Query") { ...F } } fragment F on __Type { description }', True),
        ("{ ...F } fragment F on Query { __schema { __typename } }", True),
    ],
)
def test_operations_that_read_the_schema(query: str, reads_schema: bool) -> None:
    assert measure_document(query).selection.reads_schema == reads_schema


def test_every_connection_is_priced_by_its_page() -> None:
    for type_ in SCHEMA.type_map.values():
        for field in getattr(type_, "fields", {}).values():
            has_pages = "first" in getattr(field, "args", {})
            type_name = str(getattr(field, "type", "")).strip("[]!")
            assert has_pages == type_name.endswith("Connection"), (type_, type_name)
