"""The attributes that resources and offerings are looked for by; nothing secret is among them."""

import json
from typing import Any

from gateway.marketplace.plugins import PLUGINS

SECRET_ATTRIBUTES = frozenset[str]().union(*(each.secret_attributes for each in PLUGINS.values()))
"""What some plugin keeps secret: who could look for a secret could find it by guessing."""
MAX_ATTRIBUTE_VALUES = 50
"""Values of attributes that can be looked for at once: each is compared with those of all rows."""


def parse_attribute_filter(attributes: Any) -> str:
    """Write the attributes that are looked for as JSON; ValueError says what to change."""
    if not isinstance(attributes, dict):
        message = "Give an object: for each attribute the wanted value, or a list of some."
        raise ValueError(message)  # noqa: TRY004 - it is a client's, not a caller's mistake
    secret_names = sorted(SECRET_ATTRIBUTES & attributes.keys())
    if secret_names:
        raise ValueError(f"Leave out `{secret_names[0]}`: it is secret, and can't be looked for.")
    if (
        sum(len(each) if isinstance(each, list) else 1 for each in attributes.values())
        > MAX_ATTRIBUTE_VALUES
    ):
        raise ValueError(f"Give at most {MAX_ATTRIBUTE_VALUES} values of attributes.")
    try:
        return json.dumps(attributes, allow_nan=False)
    except ValueError:
        raise ValueError("A number is too large.") from None
