"""Compiled coercion has the same results as graphql-core's, for valid and invalid values."""

import random
from typing import Any

import pytest
from graphql import (
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    parse,
)
from graphql.execution import get_variable_values

from gateway.execution.plan.variables import VariableCoercer
from tests.support.schema_documents import SCHEMA

OTHER_SCHEMA = build_schema("""
    input Tree { value: Int! = 3, children: [Tree!], matrix: [[Int!]]!, colour: Colour = RED }
    input Choice @oneOf { number: Int, text: String, tree: Tree }
    enum Colour { RED GREEN }
    type Query { tree(tree: Tree, choice: Choice): Int }
""")
"""Kinds of input types that the gateway's schema does not have."""
INPUT_TYPES = [
    (schema, name)
    for schema in (SCHEMA, OTHER_SCHEMA)
    for name, type_ in schema.type_map.items()
    if is_input_object_type(type_)
]
RAW_SCALARS: list[Any] = [
    None, True, 0, 3, -(2**31) - 1, 2**63, 1.0, 1.5, "", "x", "OK", "RED", "12.5", "2026-01-31",
    "2026-01-31T12:00:00Z", "0" * 32, b"file", {"a": 1}, [], [1, "x", None],
]  # fmt: skip
MIN_VALID_VALUES = 10


class RawValueGenerator:
    """Random raw values of input types; about one in thirty is of another type."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def generate_value(self, type_: Any, depth: int = 0) -> Any:
        """Return a raw value of a type."""
        if self._random.random() < 0.03:
            return self._random.choice(RAW_SCALARS)
        if is_non_null_type(type_):
            return self.generate_value(type_.of_type, depth)
        if is_list_type(type_):
            size = self._random.choice((0, 1, 1, 3))
            return [self.generate_value(type_.of_type, depth + 1) for _ in range(size)]
        if is_input_object_type(type_):
            return self._generate_object(type_, depth)
        if is_enum_type(type_):
            return self._random.choice([*type_.values])
        return self._generate_scalar(type_)

    def _generate_scalar(self, type_: Any) -> Any:
        valid_values = []
        for value in RAW_SCALARS:
            try:
                type_.coerce_input_value(value)
            except Exception:  # noqa: BLE001 - the value is of another type
                continue
            valid_values.append(value)
        return self._random.choice(valid_values)

    def _generate_object(self, type_: Any, depth: int) -> dict[str, Any]:
        names = [
            name
            for name, field in type_.fields.items()
            if is_non_null_type(field.type)
            or self._random.random() < min(0.4, 4 / len(type_.fields))
        ]
        if depth > 3:
            names = [
                name
                for name in names
                if not is_input_object_type(get_named_type(type_.fields[name].type))
            ]
        if self._random.random() < 0.05:
            names.append("unknown")
        self._random.shuffle(names)
        return {
            name: self.generate_value(type_.fields[name].type, depth + 1)
            if name in type_.fields
            else 1
            for name in names
        }


def compare_coercions(schema: GraphQLSchema, document: str, raw_values: dict[str, Any]) -> bool:
    """Compare both coercions of the variables of a document; return whether they are valid."""
    (operation,) = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    definitions = operation.variable_definitions or ()
    expected = get_variable_values(schema, definitions, raw_values)
    coerced = VariableCoercer(schema, definitions).coerce_values(raw_values)
    if isinstance(expected, list):
        assert coerced is None
        return False
    assert coerced is not None
    assert coerced.coerced == expected.coerced
    for name, source in expected.sources.items():
        assert coerced.sources[name].value == source.value
        assert str(coerced.sources[name].signature.type) == str(source.signature.type)
    assert coerced.sources.keys() == expected.sources.keys()
    return True


@pytest.mark.parametrize(("schema", "name"), INPUT_TYPES, ids=lambda each: str(each)[:40])
def test_random_values(schema: GraphQLSchema, name: str) -> None:
    generator, valid_values = RawValueGenerator(name), 0
    for i in range(300):
        type_name = (name, f"{name}!", f"[{name}!]")[i % 3]
        value = generator.generate_value(schema.type_map[name])
        document = f"query ($a: {type_name}) {{ __typename }}"
        valid_values += compare_coercions(schema, document, {"a": value})
    assert MIN_VALID_VALUES < valid_values < 300


@pytest.mark.parametrize("raw_values", [{}, {"a": None}, {"a": 1}, {"a": {}}, {"b": 1}])
@pytest.mark.parametrize(
    "definition",
    ["Int", "Int!", "Int = 2", "Int! = 2", "Int = null", "Tree", "[Tree]", 'Int = "x"',
     "Tree = {matrix: [1]}", "Choice = {number: 1}", "Tree = {}", "[Colour!] = RED"],
)  # fmt: skip
def test_missing_and_null_variables(definition: str, raw_values: dict[str, Any]) -> None:
    document = f"query ($a: {definition}, $b: Int) {{ __typename }}"
    compare_coercions(OTHER_SCHEMA, document, raw_values)


def test_defaults_are_not_shared_between_types() -> None:
    """A request can't change what the next request gets as a default."""
    document = "query ($a: Tree = {matrix: [1]}) { __typename }"
    (operation,) = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    coercer = VariableCoercer(OTHER_SCHEMA, operation.variable_definitions or ())
    first, second = coercer.coerce_values({}), coercer.coerce_values({"a": {"matrix": []}})
    assert first is not None
    assert second is not None
    assert first.coerced["a"] != second.coerced["a"]
