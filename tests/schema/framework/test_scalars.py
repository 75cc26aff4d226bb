"""Scalars: one spelling out, the sensible spellings in, a clear refusal for the others."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.schema.framework import scalars
from tests.support.marketplaces import Marketplace


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("2026-01-31 12:00:00+00", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00.5+00", "2026-01-31T12:00:00.500000Z"),
        ("2024-11-24 03:14:35.988059+00", "2024-11-24T03:14:35.988059Z"),
    ],
)
def test_moments_are_printed_as_rest_prints_them(stored: str, printed: str) -> None:
    assert scalars.rfc3339(stored) == printed


@pytest.mark.parametrize(
    ("parse", "given", "parsed"),
    [
        (scalars.parsed_uuid, "0" * 32, "0" * 32),
        (scalars.parsed_uuid, "ABCDEF00-0000-0000-0000-000000000000", "abcdef00" + "0" * 24),
        (scalars.parsed_moment, "2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        (scalars.parsed_moment, "2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00"),
        (scalars.parsed_moment, "2026-01-31", "2026-01-31T00:00:00+00:00"),
        (scalars.parsed_date, "2026-01-31", "2026-01-31"),
        (scalars.parsed_decimal, "12.50", "12.50"),
        (scalars.parsed_decimal, -3, "-3"),
        (scalars.parsed_bigint, 2**63 - 1, 2**63 - 1),
    ],
)
def test_reads(parse: Callable[[Any], Any], given: Any, parsed: Any) -> None:
    assert parse(given) == parsed


@pytest.mark.parametrize(
    ("parse", "given"),
    [
        (scalars.parsed_uuid, "x" * 32),
        (scalars.parsed_uuid, "0" * 31),
        (scalars.parsed_uuid, "{" + "0" * 32 + "}"),
        (scalars.parsed_uuid, "0" * 32 + "\n"),
        (scalars.parsed_uuid, 0),
        (scalars.parsed_moment, "yesterday"),
        (scalars.parsed_moment, 12),
        (scalars.parsed_moment, 20260131),
        (scalars.parsed_moment, True),
        (scalars.parsed_date, "31.01.2026"),
        (scalars.parsed_date, "2026-02-30"),
        (scalars.parsed_date, 20260131),
        (scalars.parsed_decimal, "1e400"),
        (scalars.parsed_decimal, "NaN"),
        (scalars.parsed_decimal, True),
        (scalars.parsed_decimal, "1" * 31),
        (scalars.parsed_bigint, 2**63),
        (scalars.parsed_bigint, True),
        (scalars.parsed_bigint, "1"),
    ],
)
def test_refuses(parse: Callable[[Any], Any], given: Any) -> None:
    with pytest.raises(ValueError, match="A "):
        parse(given)


async def test_json_comes_as_it_is_stored(demo: Marketplace) -> None:
    answer = await demo.data("{ resources(first: 6) { nodes { limits report { header } } } }")
    assert all(isinstance(each["limits"], dict) for each in answer["resources"]["nodes"])
    assert any(each["report"] for each in answer["resources"]["nodes"])
