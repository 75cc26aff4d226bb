"""Whether the servers answer the same, each in its own spelling."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from gateway.marketplace.plugins import PLUGINS
from gateway.schema.enums import ResourceState
from gateway.schema.lists.offerings import OfferingState
from gateway.schema.types.component import BillingType, LimitPeriod
from gateway.schema.types.plan import PlanUnit

_ENUMS: tuple[type[Enum], ...] = (
    ResourceState,
    OfferingState,
    BillingType,
    LimitPeriod,
    PlanUnit,
)
_STORED = {member.name: str(member.value) for enum in _ENUMS for member in enum}
_NAMED = {"state", "billingType", "limitPeriod", "unit"}
_SECRET = {name for plugin in PLUGINS.values() for name in plugin.secret_attributes}
"""What the gateway keeps to itself, and the peers show."""
_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(E-\d+)?")


def plain(value: Any, name: str = "") -> Any:
    """Give an answer in one spelling: of uuids, moments, numbers, enums and connections."""
    if isinstance(value, dict):
        if value.keys() == {"nodes"}:
            return plain(value["nodes"])
        return {key: plain(each, key) for key, each in value.items() if key not in _SECRET}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return _spelled(_STORED.get(text, text) if name in _NAMED else text)


def _spelled(text: str) -> str:
    if _UUID.fullmatch(text):
        return text.replace("-", "")
    if _MOMENT.fullmatch(text):
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    return f"{Decimal(text).normalize():f}" if _NUMBER.fullmatch(text) else text


def differences(one: Any, other: Any, path: str = "data") -> Iterator[str]:
    """Name the places in which two plain answers differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}.{number}")
    elif one != other:
        yield f"{path}: {_short(one)} and {_short(other)}"


def _short(value: Any) -> str:
    return f"{len(value)} in a list" if isinstance(value, list) else repr(value)[:60]
