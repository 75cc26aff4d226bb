"""Odd values: what anybody could store in a column of a type, although it makes no sense."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    Numeric,
    SmallInteger,
    String,
)
from sqlalchemy.dialects.postgresql import CIDR, JSONB

MISSING_KEY = "2000000000"
"""A primary key that no row has."""
LONG_NUMBER = "9" * 5000
"""More digits than Python converts to an int."""
DEEP_ARRAY = "[" * 3000 + "]" * 3000
"""JSON that is nested too deeply for decoders in Python."""
MAX_TEXT_LENGTH = 5000
ODD_TEXTS = (
    "",
    " ",
    "8 GB",
    "NaN",
    "-1",
    "null",
    "{}",
    LONG_NUMBER,
    "\u0001\t\r\n\u007f\u0085\u2028\ufeff\uffff\U0001f600\"'\\%_{0}</script>é",
)
"""Texts; those that are too long for a column are cut off."""
ODD_TIMES = (
    "infinity",
    "-infinity",
    "4713-11-24 00:00:00+00 BC",
    "0044-03-15 12:00:00.5+00 BC",
    "0001-01-01 00:00:00+00",
    "10000-01-01 00:00:00+00",
    "294276-12-31 23:59:59.999999+00",
)
ODD_DATES = (
    "infinity",
    "-infinity",
    "4713-11-24 BC",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "5874897-12-31",
)
ODD_JSON = (
    "null",
    "true",
    "5",
    "-1e400",
    LONG_NUMBER,
    '"8 GB"',
    '""',
    "[]",
    "{}",
    '[null, [1, {}], {"a": "b"}]',
    '{"": null, "new_options": 5, "options": [1], "old_limits": "x", "action": ["renew"]}',
    r'{"\u0001\u2028\ud83d\ude00": {"a": [1.50, -0, 1e20]}}',
    DEEP_ARRAY,
)
ODD_LEAVES = (
    "null",
    "true",
    "-1",
    "1e400",
    f"-{LONG_NUMBER}",
    '"8 GB"',
    '"NaN"',
    '""',
    "[]",
    "{}",
    '[1, "a", null]',
    '{"a": [null]}',
)
"""JSON values that replace all leaves of a stored value."""
_SERIALIZED_VERSIONS = (
    "[]",
    "[{}]",
    "{",
    '[{"fields": 5}]',
    '[{"fields": {"attributes": [1], "options": "{", "limits": 1e400, "state": {}}}]',
    f'[{{"fields": {{"options": "[1]", "cost": {LONG_NUMBER}}}}}]',
    f'[{{"fields": {{"attributes": "{"[" * 3000}", "name": NaN}}}}]',
    DEEP_ARRAY,
)
_FORMATTED_TEXTS: Mapping[str, Iterable[str]] = {
    "reversion_version.serialized_data": _SERIALIZED_VERSIONS,
    "constance_config.value": (
        *_SERIALIZED_VERSIONS,
        '{"__type__": "default", "__value__": []}',
        '{"__value__": {"a": 1}}',
        "gASVAAAA",
    ),
}
"""Further texts of columns whose texts have a format."""
_KNOWN_KEYS: Mapping[str, Iterable[str]] = {
    "marketplace_offering.plugin_options": (
        "service_provider_can_create_offering_user",
        "create_orders_on_resource_option_change",
        "heappe_url",
        "storage_mode",
        "resource_name_pattern",
        "auto_approve_remote_orders",
    ),
    "marketplace_offering.resource_options": ("options", "order"),
    "marketplace_resource.backend_metadata": ("runtime_state", "instance_name", "external_ips"),
    "marketplace_resource.attributes": ("renewal_history",),
    "marketplace_order.attributes": (
        "action",
        "extension_months",
        "new_end_date",
        "old_limits",
        "new_options",
    ),
    "marketplace_offeringuser.backend_metadata": ("uidnumber", "primarygroup", "loginShell"),
    "marketplace_offeringusergroup.backend_metadata": ("gid",),
    "marketplace_robotaccount.backend_metadata": ("uidnumber", "primarygroup", "homeDir"),
}
"""The keys of JSON columns that the gateway reads."""
_NAME_PATTERNS = ("{counter:9999999999}", "{attributes[a]!x}", "{counter:03e}", "{", "{name.x}")
"""Values that are parsed."""


def list_odd_values(column: Column[Any], current_value: str | None) -> list[str | None]:
    """Return odd values of a column as text, or None; `current_value` is that of the row."""
    nulls: list[str | None] = [None] if column.nullable else []
    if column.foreign_keys or column.key in ("content_type_id", "object_id"):
        return [*nulls, MISSING_KEY]
    list_values = next(
        each for type_class, each in _VALUES_BY_TYPE if isinstance(column.type, type_class)
    )
    return [*nulls, *dict.fromkeys(list_values(column, current_value))]


def _list_integers(column: Column[Any], _current_value: str | None) -> Iterator[str]:
    is_small, is_big = (isinstance(column.type, each) for each in (SmallInteger, BigInteger))
    limit = 2 ** (15 if is_small else 63 if is_big else 31)
    yield from ("0", "1", str(limit - 1))
    lower_bound = f"{column.key} >= 0"
    if all(str(getattr(each, "sqltext", "")) != lower_bound for each in column.table.constraints):
        yield from ("-1", str(-limit))


def _list_numbers(column: Column[Any], _current_value: str | None) -> Iterator[str]:
    precision, scale = column.type.precision, column.type.scale  # type: ignore[attr-defined]
    largest = f"{'9' * (precision - scale)}.{'9' * scale}"
    yield from ("NaN", "0", "-1", largest, f"-{largest}", f"0.{'1'.zfill(scale)}")


def _list_texts(column: Column[Any], _current_value: str | None) -> Iterator[str]:
    length = getattr(column.type, "length", None) or MAX_TEXT_LENGTH
    yield from (each[:length] for each in ODD_TEXTS)
    yield from _FORMATTED_TEXTS.get(str(column), ())


def _list_json(column: Column[Any], current_value: str | None) -> Iterator[str]:
    known_keys = _KNOWN_KEYS.get(str(column), ())
    stored_value = {
        **dict.fromkeys(known_keys),
        **_decode_object(current_value),
    }
    yield from ODD_JSON
    yield from (_replace_leaves(stored_value, each) for each in ODD_LEAVES)
    if known_keys:
        yield from (_replace_leaves(stored_value, json.dumps(each)) for each in _NAME_PATTERNS)


def _decode_object(text: str | None) -> dict[str, Any]:
    value = json.loads(text or "null")
    return value if isinstance(value, dict) else {}


def _replace_leaves(value: Any, leaf: str) -> str:
    """Return a value as JSON with all its leaves replaced."""
    if isinstance(value, dict) and value:
        members = (
            f"{json.dumps(key)}: {_replace_leaves(each, leaf)}" for key, each in value.items()
        )
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list) and value:
        return f"[{', '.join(_replace_leaves(each, leaf) for each in value)}]"
    return leaf


_ValueFunction = Callable[[Column[Any], str | None], Iterator[str]]
_VALUES_BY_TYPE: tuple[tuple[type, _ValueFunction], ...] = (
    (Boolean, lambda _column, _value: iter(("true", "false"))),
    (Integer, _list_integers),
    (Double, lambda _column, _value: iter(("NaN", "Infinity", "-Infinity", "1e308", "-0"))),
    (Numeric, _list_numbers),
    (DateTime, lambda _column, _value: iter(ODD_TIMES)),
    (Date, lambda _column, _value: iter(ODD_DATES)),
    (JSONB, _list_json),
    (CIDR, lambda _column, _value: iter(("0.0.0.0/0", "::/0", "255.255.255.255/32"))),
    (String, _list_texts),
    (object, lambda _column, _value: iter(())),
)
