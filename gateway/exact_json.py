"""Exact JSON: numbers keep their digits where JSON is decoded and encoded again.

| function | for |
|---|---|
| `decode_json` | values that the program reads; a number with a point is an `ExactNumber` |
| `decode_json_or_none` | stored values; null if Python can't decode one |
| `decode_request_json` | requests: as `decode_json`, but such numbers stay JSON text at first |
| `decode_members` | objects whose members pass through: their values stay JSON text |
| `encode_json`, `encode_sorted_json` | the values of both |
| `encode_canonical_json` | values that are compared: equal values have equal texts |
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

import msgspec

MAX_INTEGER_DIGITS = 4300
"""Digits of an integer that Python converts, here and in Waldur, which fails at longer ones."""
MAX_FRACTION_DIGITS = 16_383
"""Digits after the point that PostgreSQL's `numeric`, and therefore `jsonb`, stores."""
_MAX_QUICK_CHARS = 20
"""Characters of integers whose conversion takes no time worth mentioning."""
MAX_EXPANDED_DIGITS = 1000
"""Digits on each side of the point that an exponent may stand for."""


class ExactNumber(float):
    """A JSON number with its spelling: a float to those who calculate with it approximately.

    It is printed as it is spelled. Two exact numbers are equal if their decimal values are.
    """

    __slots__ = ("text",)
    text: str

    def __init__(self, text: str) -> None:
        """Store a JSON text; float has read the number."""
        self.text = text

    def __str__(self) -> str:
        """Return the number as it is spelled."""
        return self.text

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        """Compare the decimal values of two exact numbers; with others, the float."""
        if isinstance(other, ExactNumber):
            return self.text == other.text or Decimal(self.text) == Decimal(other.text)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        """Return whether the numbers differ."""
        return not self == other

    __hash__ = float.__hash__

    def is_storable(self) -> bool:
        """Return whether PostgreSQL can store the number, and Waldur read it from there.

        An exponent makes a long number of a short text, and Waldur has floats for numbers with a
        fraction, which it can print only if they are finite.
        """
        try:
            _, digits, exponent = Decimal(self.text).as_tuple()
        except InvalidOperation:
            return False
        assert isinstance(exponent, int)
        integer_size, fraction_size = len(digits) + exponent, max(-exponent, 0)
        if "e" in self.text.lower() and max(integer_size, fraction_size) > MAX_EXPANDED_DIGITS:
            return False
        if fraction_size and not isfinite(self):
            return False
        return integer_size <= MAX_INTEGER_DIGITS and fraction_size <= MAX_FRACTION_DIGITS

    def write_canonically(self) -> str:
        """Return the text that all numbers of this value have: `99` for 99.0 and for 9.9e1."""
        try:
            sign, digits, exponent = Decimal(self.text).as_tuple()
        except InvalidOperation:
            return self.text
        assert isinstance(exponent, int)
        all_digits = "".join(map(str, digits)).lstrip("0")
        text = all_digits.rstrip("0")
        exponent += len(all_digits) - len(text)
        if not text:
            return "0"
        minus = "-" if sign else ""
        is_short = 0 <= exponent <= MAX_INTEGER_DIGITS
        return f"{minus}{text}{'0' * exponent}" if is_short else f"{minus}{text}e{exponent}"


_decode_numbers = msgspec.json.Decoder(float_hook=ExactNumber).decode
_decode_raw_numbers = msgspec.json.Decoder(float_hook=msgspec.Raw).decode
_decode_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode_json(text: bytes | str | msgspec.Raw) -> Any:
    """Return the decoded value; raises ValueError if it is not JSON in UTF-8.

    Raises RecursionError if it is nested too deeply.
    """
    try:
        return _decode_numbers(text)
    except msgspec.ValidationError:
        return _decode_long_integers(text, ExactNumber)


def decode_request_json(text: bytes | str) -> Any:
    """Return the decoded value as `decode_json` does, but with numbers as JSON text.

    A body may have very many of them, which would take long to make. `VariableLimits` replaces
    those of variables when it has counted them; elsewhere see `decode_number`.
    """
    try:
        return _decode_raw_numbers(text)
    except msgspec.ValidationError:
        return _decode_long_integers(text, msgspec.Raw)


def _decode_long_integers(
    text: bytes | str | msgspec.Raw, parse_float: Callable[[str], object]
) -> Any:
    """Decode JSON with integers that are too long for msgspec."""
    text = text if isinstance(text, str) else bytes(text).decode()
    value = json.loads(
        text,
        parse_float=parse_float,
        parse_int=_parse_integer,
        parse_constant=_reject_constant,
    )
    if "\\u" in text:
        encode_json(value)  # raises ValueError if an escape is a lone surrogate
    return value


def decode_json_or_none(text: bytes | str | msgspec.Raw | None) -> Any:
    """Return the decoded value; None for a null, and for what Python can't decode."""
    try:
        return None if text is None else decode_json(text)
    except (ValueError, RecursionError):
        return None


def _parse_integer(text: str) -> float:
    return int(text) if len(text) <= _MAX_QUICK_CHARS else ExactNumber(text)


def _reject_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def decode_members(text: bytes | str | msgspec.Raw) -> Mapping[str, msgspec.Raw] | None:
    """Return the values of an object as JSON text, by name; None for any other value."""
    try:
        return _decode_raw_members(text)
    except (ValueError, RecursionError):
        return None


def decode_number(value: object) -> Any:
    """Return the number of a number's JSON text in a request, and other values as they are."""
    return ExactNumber(str(value, "utf-8")) if isinstance(value, msgspec.Raw) else value


def _encode_number(value: object) -> msgspec.Raw:
    if isinstance(value, ExactNumber):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"{type(value).__name__} is not a JSON value.")


encode_json = msgspec.json.Encoder(enc_hook=_encode_number).encode
"""Returns a value as JSON; raises TypeError for values that are not JSON."""
encode_sorted_json = msgspec.json.Encoder(enc_hook=_encode_number, order="sorted").encode
"""Returns JSON that is equal for objects with the same members in another order."""


def _encode_canonical_number(value: object) -> msgspec.Raw:
    if isinstance(value, ExactNumber):
        return msgspec.Raw(value.write_canonically().encode())
    return _encode_number(value)


encode_canonical_json = msgspec.json.Encoder(
    enc_hook=_encode_canonical_number, order="sorted"
).encode
"""Returns JSON that is equal for equal values, whatever the spelling of their numbers."""
