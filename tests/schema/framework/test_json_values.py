"""Clients' JSON: literals with variables, exact numbers, and what is not JSON."""

from enum import Enum
from typing import Any

import pytest
from graphql import parse_value

from gateway.exact_json import decode_json, encode_json
from gateway.schema.framework.json_values import parse_json_literal, parse_json_value


class Color(Enum):
    """An enum of a variable."""

    RED = 7


VARIABLES = {"one": 1, "none": None, "many": {"a": [1]}, "red": Color.RED}


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("{a: $one, b: $absent, c: {d: $absent}}", '{"a":1,"c":{}}'),
        ("[$absent, $one, $none, [$absent]]", "[null,1,null,[null]]"),
        ("{a: $none, b: $many, c: [{d: $absent}]}", '{"a":null,"b":{"a":[1]},"c":[{}]}'),
        ("{a: $red, b: [$red]}", '{"a":"RED","b":["RED"]}'),
        ('{a: "x", b: """y""", c: true, d: null, e: []}', None),
        ("[1.10, 1e400, 12345678901234567890.123456789]", None),
        ("9" * 4300, None),
    ],
    ids=lambda each: str(each)[:30],
)
def test_literals(literal: str, expected: str | None) -> None:
    value = parse_json_literal(parse_value(literal), VARIABLES)
    if expected is None:
        expected = literal.replace('"""', '"').replace(", ", ",").replace(": ", ":")
        for name in "abcde":
            expected = expected.replace(f"{name}:", f'"{name}":')
    assert encode_json(value).decode() == expected


@pytest.mark.parametrize("variables", [None, {}])
def test_literals_without_values_of_variables(variables: Any) -> None:
    assert parse_json_literal(parse_value("{a: $a, b: [$b]}"), variables) == {"b": [None]}


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        ("OK", "must not contain the enum value OK: write a string."),
        ("{a: [1, NaN]}", r"the enum value NaN: write a string \(at `a.1`\)"),
        ("{a: {b: 1e100000}}", r"a number of so many digits \(at `a.b`\)"),
        ("9" * 4301, r"a number of so many digits"),
        ("[$file]", r"a file \(at `0`\)"),
        ("{a: $odd}", r"a value of another type \(at `a`\)"),
    ],
)
def test_literals_that_are_not_json(literal: str, message: str) -> None:
    variables = {"file": b"%PDF", "odd": object()}
    with pytest.raises(ValueError, match=message):
        parse_json_literal(parse_value(literal), variables)


def test_values_of_variables_are_checked_in_depth() -> None:
    with pytest.raises(ValueError, match=r"a number of so many digits \(at `x.0.y`\)"):
        parse_json_value({"x": [{"y": decode_json("1e4000")}]})
    with pytest.raises(ValueError, match="must not contain a file"):
        parse_json_value(b"%PDF")
