"""The filter by attributes of resources and offerings, which rejects secret attributes."""

from typing import Any

from gateway.exact_json import encode_json
from gateway.marketplace.plugins import SECRET_ATTRIBUTES

MAX_ATTRIBUTE_VALUES = 50
"""Values in one filter; each is compared with the attributes of all rows."""


def parse_attribute_filter(attributes: Any) -> str:
    """Return the filter as JSON; raises ValueError, worded as by a FilterCondition, if invalid."""
    if not isinstance(attributes, dict):
        message = "must be an object that maps each attribute to a value or a list of values."
        raise ValueError(message)  # noqa: TRY004 - a client's mistake, not the caller's
    secret_names = sorted(SECRET_ATTRIBUTES & attributes.keys())
    if secret_names:
        raise ValueError(f"must not contain `{secret_names[0]}`: this attribute is secret.")
    value_count = sum(len(each) if isinstance(each, list) else 1 for each in attributes.values())
    if value_count > MAX_ATTRIBUTE_VALUES:
        raise ValueError(f"must have at most {MAX_ATTRIBUTE_VALUES} values, got {value_count}.")
    return encode_json(attributes).decode()
