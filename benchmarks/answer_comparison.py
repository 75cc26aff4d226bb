"""The comparison of responses: normalised, then searched for differences."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from gateway.marketplace.plugins import PLUGINS
from gateway.schema.enums import BillingType, LimitPeriod, OfferingState, PlanUnit, ResourceState

_ENUMS: tuple[type[Enum], ...] = (
    ResourceState,
    OfferingState,
    BillingType,
    LimitPeriod,
    PlanUnit,
)
_STORED_VALUES = {member.name: str(member.value) for enum in _ENUMS for member in enum}
_ENUM_FIELDS = {"state", "billingType", "limitPeriod", "unit"}
_SECRET_ATTRIBUTES = {name for plugin in PLUGINS.values() for name in plugin.secret_attributes}
"""Attributes that the peers publish and the gateway never does."""
_UUID_PATTERN = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_TIMESTAMP_PATTERN = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)")
_NUMBER_PATTERN = re.compile(r"-?\d+(\.\d+)?(E-\d+)?")


def normalise_answer(value: Any, name: str = "") -> Any:
    """Return a response with uuids, times, numbers, enums and connections in one notation."""
    if isinstance(value, dict):
        if value.keys() == {"nodes"}:
            return normalise_answer(value["nodes"])
        return {
            key: normalise_answer(item, key)
            for key, item in value.items()
            if key not in _SECRET_ATTRIBUTES
        }
    if isinstance(value, list):
        return [normalise_answer(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return _normalise_text(_STORED_VALUES.get(text, text) if name in _ENUM_FIELDS else text)


def _normalise_text(text: str) -> str:
    if _UUID_PATTERN.fullmatch(text):
        return text.replace("-", "")
    if _TIMESTAMP_PATTERN.fullmatch(text):
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    return f"{Decimal(text).normalize():f}" if _NUMBER_PATTERN.fullmatch(text) else text


def find_differences(first: Any, second: Any, path: str = "data") -> Iterator[str]:
    """Yield the paths at which two normalised responses differ, with both values."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in {**first, **second}:
            yield from find_differences(first.get(key), second.get(key), f"{path}.{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, (first_item, second_item) in enumerate(zip(first, second, strict=True)):
            yield from find_differences(first_item, second_item, f"{path}.{index}")
    elif first != second:
        yield f"{path}: {_shorten_value(first)} != {_shorten_value(second)}"


def _shorten_value(value: Any) -> str:
    return f"list of {len(value)}" if isinstance(value, list) else repr(value)[:60]
