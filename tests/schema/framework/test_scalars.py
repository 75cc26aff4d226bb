"""Scalars: one printed spelling, the accepted spellings, and rejection of invalid values."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import DateTime

from gateway.execution.plan.codegen import CODE_GLOBALS
from gateway.schema.framework import scalars
from tests.support.marketplaces import Marketplace


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("2026-01-31 12:00:00+00", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00.5+00", "2026-01-31T12:00:00.500000Z"),
        ("2024-11-24 03:14:35.988059+00", "2024-11-24T03:14:35.988059Z"),
        ("infinity", "9999-12-31T23:59:59.999999Z"),
        ("12000-01-01 00:00:00.12345+00", "9999-12-31T23:59:59.999999Z"),
        ("-infinity", "0001-01-01T00:00:00Z"),
        ("0044-03-15 12:00:00.512+00 BC", "0001-01-01T00:00:00Z"),
    ],
)
def test_datetimes_are_formatted_as_by_rest(stored: str, printed: str) -> None:
    assert scalars.format_datetime(stored) == printed
    value_code = scalars.INLINE_SERIALIZERS["DateTime", DateTime].replace("@", "value")
    assert eval(value_code, {**CODE_GLOBALS, "value": stored}) == printed


@pytest.mark.parametrize(
    "text", ["", "31.01.2026 12:00:00 UTC", "2026-01-31 12:00:00", "2026-01-31 12:00:00+01"]
)
def test_impossible_datetimes_are_not_printed(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date or time"):
        scalars.format_datetime(text)


@pytest.mark.parametrize(
    ("parse", "raw_value", "parsed"),
    [
        (scalars.parse_uuid, "0" * 32, "0" * 32),
        (scalars.parse_uuid, "ABCDEF00-0000-0000-0000-000000000000", "abcdef00" + "0" * 24),
        (scalars.parse_datetime, "2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        (scalars.parse_datetime, "2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00"),
        (scalars.parse_datetime, "2026-01-31", "2026-01-31T00:00:00+00:00"),
        (scalars.parse_datetime, "2026-01-31t12:00:00z", "2026-01-31T12:00:00+00:00"),
        (scalars.parse_datetime, "2026-01-31 12:00:00.5Z", "2026-01-31T12:00:00.5+00:00"),
        (scalars.parse_datetime, "2026-01-31T12:00:00.120z", "2026-01-31T12:00:00.120+00:00"),
        (scalars.parse_datetime, "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.000+00:00"),
        (
            scalars.parse_datetime,
            "2026-01-31T13:30:00.123456789+01:30",
            "2026-01-31T12:00:00.123456+00:00",
        ),
        (scalars.parse_date, "2026-01-31", "2026-01-31"),
        (scalars.parse_decimal, "12.50", "12.50"),
        (scalars.parse_decimal, -3, "-3"),
        (scalars.parse_bigint, 2**63 - 1, 2**63 - 1),
    ],
)
def test_parses_valid_values(parse: Callable[[Any], Any], raw_value: Any, parsed: Any) -> None:
    assert parse(raw_value) == parsed


@pytest.mark.parametrize(
    ("parse", "raw_value"),
    [
        (scalars.parse_uuid, "x" * 32),
        (scalars.parse_uuid, "0" * 31),
        (scalars.parse_uuid, "{" + "0" * 32 + "}"),
        (scalars.parse_uuid, "0" * 32 + "\n"),
        (scalars.parse_uuid, 0),
        (scalars.parse_datetime, "yesterday"),
        (scalars.parse_datetime, 12),
        (scalars.parse_datetime, 20260131),
        (scalars.parse_datetime, True),
        (scalars.parse_date, "31.01.2026"),
        (scalars.parse_date, "2026-02-30"),
        (scalars.parse_date, 20260131),
        (scalars.parse_decimal, "1e400"),
        (scalars.parse_decimal, "NaN"),
        (scalars.parse_decimal, True),
        (scalars.parse_decimal, "1" * 31),
        (scalars.parse_bigint, 2**63),
        (scalars.parse_bigint, True),
        (scalars.parse_bigint, "1"),
    ],
)
def test_rejects_invalid_values(parse: Callable[[Any], Any], raw_value: Any) -> None:
    with pytest.raises(ValueError, match=r"A \w+ must be"):
        parse(raw_value)


async def test_json_is_returned_as_stored(demo: Marketplace) -> None:
    data = await demo.fetch_data("{ resources(first: 6) { nodes { limits report { header } } } }")
    assert all(isinstance(each["limits"], dict) for each in data["resources"]["nodes"])
    assert any(each["report"] for each in data["resources"]["nodes"])
