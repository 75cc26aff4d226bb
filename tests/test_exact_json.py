"""Exact JSON: numbers keep their digits, and unusual numbers do no harm."""

import json
from typing import Any

import msgspec
import pytest

from gateway.exact_json import (
    ExactNumber,
    decode_json,
    decode_members,
    decode_request_json,
    encode_canonical_json,
    encode_json,
    encode_sorted_json,
)

SPELLINGS = [
    "1.10",
    "-0.0",
    "0.000000000000000000001",
    "1e400",
    "-1E-400",
    "12345678901234567890.123456789",
    "9" * 30,
    "9" * 5000,
    f"{'9' * 5000}.{'1' * 5000}",
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda each: each[:20])
@pytest.mark.parametrize("template", ["%s", '{"a":[%s,{"b":%s}],"c":"é\\"1.50"}'])
def test_numbers_keep_their_spelling(spelling: str, template: str) -> None:
    text = template.replace("%s", spelling)
    for encoded in (text, text.encode(), msgspec.Raw(text.encode())):
        assert encode_json(decode_json(encoded)).decode() == text


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda each: each[:20])
def test_numbers_of_requests_stay_text(spelling: str) -> None:
    for text in (f'{{"a":[{spelling},"x"]}}', f'{{"a":[{spelling},{"9" * 5000}]}}'):
        assert encode_json(decode_request_json(text)).decode() == text


def test_numbers_are_printed_as_they_are_spelled() -> None:
    number = decode_json("1.10")
    assert (f"{number}", repr([number]), number + 1) == ("1.10", "[1.10]", 2.1)


def test_numbers_are_compared_exactly() -> None:
    equal, other = decode_json("[1.10, 1.1]"), decode_json("[1e400, 1e401]")
    assert equal[0] == equal[1] == 1.1
    assert len({*equal}) == 1
    assert other[0] != other[1]
    assert {"a": other[0]} != {"a": other[1]}
    assert {"a": equal[0]} == {"a": equal[1]}


@pytest.mark.parametrize("text", ["", "NaN", "[Infinity]", "01", "1.", '"\\ud800"', "[1"])
@pytest.mark.parametrize("template", ["%s", "[" + "9" * 5000 + ", %s]"])
def test_what_is_not_json_is_rejected(text: str, template: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|truncated|surrogate|Expecting|range"):
        decode_json(template.replace("%s", text))


@pytest.mark.parametrize(
    ("spelling", "is_storable"),
    [
        ("1e999", True),
        ("1e1000", False),
        ("1.5e-999", True),
        ("1e-1001", False),
        ("0e5000", False),
        (f"1e{'9' * 30}", False),
        ("-1.5e400", True),
        ("9" * 4300, True),
        ("9" * 4301, False),
        (f"{'9' * 400}.5", False),
        (f"0.{'1' * 16_383}", True),
        (f"0.{'1' * 16_384}", False),
    ],
    ids=lambda each: str(each)[:20],
)
def test_numbers_that_the_database_can_store(spelling: str, is_storable: bool) -> None:
    assert ExactNumber(spelling).is_storable() == is_storable


@pytest.mark.parametrize("text", ["[]", "null", "1", '"{}"', "", "{", '{"a": 01}', "[" * 100_000])
def test_other_values_have_no_members(text: str) -> None:
    assert decode_members(text) is None


def test_members_stay_text() -> None:
    text = '{"a": [1.10 , 1e400], "\\u0062": {"c": "\\u00e9"}, "d": %s}' % ("9" * 5000)
    members = decode_members(text) or {}
    assert bytes(members["a"]) == b"[1.10 , 1e400]"
    assert json.loads(encode_json({"b": members["b"]})) == {"b": {"c": "é"}}
    assert bytes(members["d"]) == b"9" * 5000


def test_sorted_objects_are_equal() -> None:
    texts = ['{"a": {"x": 1.10, "y": 1}, "b": 1e400}', '{"b": 1e400, "a": {"y": 1, "x": 1.10}}']
    assert len({encode_sorted_json(decode_json(each)) for each in texts}) == 1


EQUAL_NUMBERS = (
    ("99", "99.0", "9.9e1", "990e-1", "99.000000000000000000000000000000000"),
    ("0", "0.0", "-0", "-0.0", "0e5"),
    ("-1200", "-1.2E3", "-1200.0"),
    ("0.5", "0.50", "5e-1"),
    ("1e400", "1" + "0" * 400, "1000e397", "1" + "0" * 400 + ".0"),
    ("1" + "0" * 4000 + "1", "1" + "0" * 4000 + "1.0"),
    ("1e999999", "10e999998"),
    ("12345678901234567890.123456789012345678901234567890",),
    ("12345678901234567890.123456789012345678901234567891",),
    ("1e99999999999999999999",),
)


def test_equal_values_have_one_canonical_text() -> None:
    texts_by_number = [
        {encode_canonical_json(decode_json(f'{{"b": [{each}], "a": 1}}')) for each in numbers}
        for numbers in EQUAL_NUMBERS
    ]
    assert [len(each) for each in texts_by_number] == [1] * len(EQUAL_NUMBERS)
    assert len(set[bytes]().union(*texts_by_number)) == len(EQUAL_NUMBERS)
    assert encode_canonical_json(decode_json('{"b": 99.0}')) == b'{"b":99}'


@pytest.mark.parametrize("value", [object(), {"a": {1j}}])
def test_other_objects_are_not_encoded(value: Any) -> None:
    with pytest.raises(TypeError):
        encode_json(value)
