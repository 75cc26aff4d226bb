"""The marketplace's own settings that affect visibility (domain.md §1.0, §4.7)."""

import json
import pickletools
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DEFAULT_SETTINGS = {
    "ANONYMOUS_USER_CAN_VIEW_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_PLANS": True,
    "RESTRICTED_OFFERING_VISIBILITY_MODE": "show_all",
    "ENFORCE_USER_CONSENT_FOR_OFFERINGS": False,
}
"""The settings that are read, with Waldur's defaults."""
_CONSTANT_OPCODES = {"NEWTRUE": True, "NEWFALSE": False, "NONE": None}
_ARGUMENT_OPCODES = {"BINUNICODE", "SHORT_BINUNICODE", "BININT1", "BININT", "BININT2"}


@dataclass(frozen=True)
class SiteSettings:
    """The parsed settings; an unreadable one has its strictest value."""

    anonymous_can_view_offerings: bool
    anonymous_can_view_plans: bool
    restricted_offering_mode: str
    """How offerings are treated that a viewer could not order: the value of
    RESTRICTED_OFFERING_VISIBILITY_MODE."""
    enforces_consent: bool
    """Whether users must consent to the terms of offerings."""


def parse_site_settings(rows: Iterable[tuple[str, str | None]]) -> SiteSettings:
    """Parse (key, value) rows of `constance_config`; missing and null ones have defaults."""
    stored_settings = {
        key: decode_stored_setting(value) for key, value in rows if value is not None
    }
    offerings, plans, mode, consent = (
        stored_settings.get(key, default) for key, default in DEFAULT_SETTINGS.items()
    )
    return SiteSettings(
        anonymous_can_view_offerings=offerings is True,
        anonymous_can_view_plans=plans is True,
        restricted_offering_mode=mode if isinstance(mode, str) else "hide_inaccessible",
        enforces_consent=consent is not False,
    )


def decode_stored_setting(value: str) -> Any:
    """Decode a stored setting: JSON or, in 2024, a base64 pickle of a plain value.

    The pickle's opcodes are parsed and never executed. Return None if the value
    is neither.
    """
    try:
        setting = json.loads(value)
    except ValueError:
        return _decode_pickle(value)
    if isinstance(setting, dict):
        return setting.get("__value__")
    return setting


def _decode_pickle(value: str) -> Any:
    try:
        operations = [
            (code.name, argument) for code, argument, _ in pickletools.genops(b64decode(value))
        ]
    except (ValueError, EOFError):
        return None
    for opcode, argument in operations:
        if opcode in _CONSTANT_OPCODES:
            return _CONSTANT_OPCODES[opcode]
        if opcode in _ARGUMENT_OPCODES:
            return argument
    return None
