"""Test that inline code serializes values as their GraphQL types do."""

import math
from typing import Any

import msgspec
import pytest
from graphql import GraphQLNonNull
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Float, Integer, Numeric, String, Uuid

from gateway.execution.plan.codegen import CODE_GLOBALS
from gateway.execution.plan.errors import PlanMismatchError
from gateway.execution.plan.serializers import find_inline_code, make_serializer
from gateway.schema.framework.scalars import INLINE_SERIALIZERS
from tests.support.schema_documents import SCHEMA

VALUES_BY_TYPE: dict[tuple[str, type], list[Any]] = {
    ("UUID", Uuid): ["c00dc311-2fe0-4d67-abab-3c7506da11b4"],
    ("DateTime", DateTime): [
        "2026-01-31 12:00:00+00",
        "2026-01-31 12:00:00.5+00",
        "2026-01-31 12:00:00.123456+00",
        "12026-01-31 12:00:00.12345+00",
        "0044-03-15 12:00:00.123+00 BC",
        "0044-03-15 12:00:00+00 BC",
    ],
    ("Date", Date): ["2026-01-31"],
    ("Decimal", Integer): [0, -12],
    ("Decimal", Numeric): ["1.50", "NaN"],
    ("JSON", JSON): ['{"a": [1.0, "é"]}', "null"],
    ("String", String): ["", "a"],
    ("ID", String): ["a"],
    ("Boolean", Boolean): [True, False],
    ("Int", Integer): [0, -(2**31), 2**31 - 1],
    ("BigInt", Integer): [2**40],
}


@pytest.mark.parametrize(("name", "column_type"), INLINE_SERIALIZERS)
def test_inline_code_serializes_as_the_type_does(name: str, column_type: type) -> None:
    type_: Any = SCHEMA.type_map[name]
    code = find_inline_code(type_, Column("c", column_type))
    assert code is not None
    for value in VALUES_BY_TYPE[name, column_type]:
        serialized = eval(code.replace("@", "v"), {**CODE_GLOBALS, "v": value})
        encoded = msgspec.json.encode([serialized])
        assert encoded == msgspec.json.encode([type_.coerce_output_value(value)])


def test_all_inline_code_is_covered() -> None:
    assert INLINE_SERIALIZERS.keys() == VALUES_BY_TYPE.keys()


@pytest.mark.parametrize(
    ("name", "column_type"), [("String", Integer), ("Float", Float), ("Int", String)]
)
def test_other_columns_have_no_inline_code(name: str, column_type: type) -> None:
    type_: Any = SCHEMA.type_map[name]
    assert find_inline_code(type_, Column("c", column_type)) is None


@pytest.mark.parametrize(
    ("name", "value"), [("Int", 2**31), ("Float", math.nan), ("String", object()), ("Int", None)]
)
def test_unserializable_values_are_plan_mismatches(name: str, value: object) -> None:
    type_: Any = SCHEMA.type_map[name]
    with pytest.raises(PlanMismatchError):
        make_serializer(GraphQLNonNull(type_))(value)


def test_int_overflow_is_a_plan_mismatch() -> None:
    with pytest.raises(PlanMismatchError):
        eval(INLINE_SERIALIZERS["Int", Integer].replace("@", "v"), {**CODE_GLOBALS, "v": 2**31})
