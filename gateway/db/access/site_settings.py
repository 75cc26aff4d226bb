"""What the marketplace's own settings say about who sees what (domain.md §1.0, §4.7)."""

import json
import pickletools
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

USUAL = {
    "ANONYMOUS_USER_CAN_VIEW_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_PLANS": True,
    "RESTRICTED_OFFERING_VISIBILITY_MODE": "show_all",
    "ENFORCE_USER_CONSENT_FOR_OFFERINGS": False,
}
"""The settings, and Waldur's defaults where none is stored."""
_PLAIN = {"NEWTRUE": True, "NEWFALSE": False, "NONE": None}
_GIVEN = {"BINUNICODE", "SHORT_BINUNICODE", "BININT1", "BININT", "BININT2"}


@dataclass(frozen=True)
class Policy:
    """The settings; one that can't be read is taken at its strictest."""

    anonymous_offerings: bool
    anonymous_plans: bool
    mode: str
    """What becomes of offerings that a viewer could not order."""
    consents: bool
    """Whether people are asked to agree to the terms of offerings."""


def policy(rows: Iterable[tuple[str, str | None]]) -> Policy:
    """Give the policy that `rows` of `constance_config` state."""
    given = {key: stored(value) for key, value in rows if value is not None}
    offerings, plans, mode, consents = (given.get(key, usual) for key, usual in USUAL.items())
    return Policy(
        anonymous_offerings=offerings is True,
        anonymous_plans=plans is True,
        mode=mode if isinstance(mode, str) else "hide_inaccessible",
        consents=consents is not False,
    )


def stored(value: str) -> Any:
    """Read a stored setting: JSON or, as in 2024, the pickle of a plain value, which is not run.

    None if it is neither.
    """
    try:
        found = json.loads(value)
    except ValueError:
        return _pickled(value)
    if isinstance(found, dict):
        return found.get("__value__")
    return found


def _pickled(value: str) -> Any:
    try:
        operations = [(code.name, given) for code, given, _ in pickletools.genops(b64decode(value))]
    except (ValueError, EOFError):
        return None
    for name, given in operations:
        if name in _PLAIN:
            return _PLAIN[name]
        if name in _GIVEN:
            return given
    return None
