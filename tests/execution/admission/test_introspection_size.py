"""Test that the size of introspection is that of its response."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, execute_sync, get_introspection_query, parse

from gateway.execution.admission.operation_limits import DEFAULT_LIMITS, OperationLimits
from gateway.execution.admission.operation_measurer import INTROSPECTION_COST, OperationMeasurer
from tests.support.schema_documents import SCHEMA


def measure_introspection(text: str, limits: OperationLimits = DEFAULT_LIMITS) -> int:
    """Return the cost of a document's operation in values of introspection."""
    ast = parse(text)
    (node, *_) = [each for each in ast.definitions if isinstance(each, OperationDefinitionNode)]
    measure = OperationMeasurer(SCHEMA, ast, limits).measure_operation(node)
    return measure.compute_sizes({})[0] // INTROSPECTION_COST


def count_values(data: Any) -> int:
    """Return the number of members of all objects."""
    if isinstance(data, dict):
        return sum(1 + count_values(each) for each in data.values())
    return sum(map(count_values, data)) if isinstance(data, list) else 0


@pytest.mark.parametrize(
    "text",
    [
        get_introspection_query(input_value_deprecation=True),
        "{ __schema { queryType { name } mutationType { fields { name } } } }",
        "{ __schema { directives { name locations args { name } } } }",
        "{ __schema { types { possibleTypes { name } interfaces { name } } } }",
        "{ __schema { types { enumValues(includeDeprecated: true) { name } } } }",
        """{ __schema { types { fields(includeDeprecated: true) { type { ...T } } } } }
        fragment T on __Type { ofType { ofType { fields(includeDeprecated: true) { name } } } }""",
        '{ __type(name: "Resource") { ... { ... on __Type { fields { args { name } } } } } }',
        '{ __type(name: "Unknown") { name } }',
    ],
)
def test_size_is_exact(text: str) -> None:
    data = execute_sync(SCHEMA, parse(text)).data
    size = measure_introspection(text)
    assert size == count_values(data)


def test_size_of_a_type_in_a_variable_is_that_of_the_largest() -> None:
    text = "query ($n: String!) { __type(name: $n) { fields { name } } }"
    sizes = [
        len(type_.fields)
        for name, type_ in SCHEMA.type_map.items()
        if hasattr(type_, "fields") and not hasattr(type_, "is_one_of")
    ]
    assert measure_introspection(text) == 2 + max(sizes)


def test_counting_ends_at_the_maximum() -> None:
    limits = OperationLimits(cost=100 * INTROSPECTION_COST)
    assert measure_introspection(get_introspection_query(), limits) == 101
