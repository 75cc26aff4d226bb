"""What plans write by code of their own is what the types write."""

import math
from typing import Any

import msgspec
import pytest
from graphql import GraphQLNonNull
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Float, Integer, Numeric, String, Uuid

from gateway.execution.plan.codegen import KNOWN
from gateway.execution.plan.errors import SurpriseError
from gateway.execution.plan.serializers import inline, writer
from gateway.schema.framework.scalars import INLINE
from tests.support.schema_documents import SCHEMA

VALUES: dict[tuple[str, type], list[Any]] = {
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


@pytest.mark.parametrize(("name", "kind"), INLINE)
def test_code_writes_what_the_type_writes(name: str, kind: type) -> None:
    type_: Any = SCHEMA.type_map[name]
    code = inline(type_, Column("c", kind))
    assert code is not None
    for value in VALUES[name, kind]:
        made = eval(code.replace("@", "v"), {**KNOWN, "v": value})
        encoded = msgspec.json.encode([made])
        assert encoded == msgspec.json.encode([type_.coerce_output_value(value)])


def test_all_code_is_tried() -> None:
    assert INLINE.keys() == VALUES.keys()


@pytest.mark.parametrize(("name", "kind"), [("String", Integer), ("Float", Float), ("Int", String)])
def test_other_columns_are_written_by_their_types(name: str, kind: type) -> None:
    type_: Any = SCHEMA.type_map[name]
    assert inline(type_, Column("c", kind)) is None


@pytest.mark.parametrize(
    ("name", "value"), [("Int", 2**31), ("Float", math.nan), ("String", object()), ("Int", None)]
)
def test_what_a_type_can_not_write_is_a_surprise(name: str, value: object) -> None:
    type_: Any = SCHEMA.type_map[name]
    with pytest.raises(SurpriseError):
        writer(GraphQLNonNull(type_))(value)


def test_a_number_beyond_32_bits_is_a_surprise() -> None:
    with pytest.raises(SurpriseError):
        eval(INLINE["Int", Integer].replace("@", "v"), {**KNOWN, "v": 2**31})
