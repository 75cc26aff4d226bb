"""Parser of the stored versions of a resource (domain.md §1.16, §5.20)."""

from typing import Any

import msgspec

from gateway.marketplace.plugins import SECRET_ATTRIBUTES

VERSION_COLUMNS = frozenset(
    {
        "uuid",
        "name",
        "slug",
        "description",
        "state",
        "created",
        "modified",
        "backend_id",
        "effective_id",
        "attributes",
        "limits",
        "current_usages",
        "options",
        "backend_metadata",
        "report",
        "cost",
        "end_date",
        "end_date_requested_by",
        "end_date_updated_at",
        "downscaled",
        "paused",
        "restrict_member_access",
        "error_message",
        "error_traceback",
        "last_sync",
        "offering",
        "plan",
        "project",
        "parent",
    }
)
"""Published columns of a resource; a version may contain others."""
_COLUMNS_WITH_SECRETS = ("attributes", "options")
"""Columns that may contain secrets."""


def extract_version_columns(serialized: str) -> str | None:
    """Return the published columns of a version as JSON; None if the version can't be parsed.

    A version does not reliably identify its offering's type, so the secret attributes of all
    plugins are removed.
    """
    fields = _decode_fields(serialized)
    if fields is None:
        return None
    public_columns = {name: each for name, each in fields.items() if name in VERSION_COLUMNS}
    for name in _COLUMNS_WITH_SECRETS:
        if public_columns.get(name) is not None:
            public_columns[name] = _strip_secrets(public_columns[name])
    return msgspec.json.encode(public_columns).decode()


def _decode_fields(serialized: str) -> dict[str, Any] | None:
    """Return all columns of a version; None if it can't be parsed."""
    match _decode_json_or_none(serialized):
        case [{"fields": dict(fields)}, *_]:
            return fields
    return None


def _strip_secrets(value: Any) -> dict[str, Any] | None:
    """Return an object without secrets; older versions store it as text. None for other values."""
    decoded_value = _decode_json_or_none(value) if isinstance(value, str) else value
    if not isinstance(decoded_value, dict):
        return None
    return {name: each for name, each in decoded_value.items() if name not in SECRET_ATTRIBUTES}


def _decode_json_or_none(text: str) -> Any:
    """Return decoded JSON; None if it is invalid."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
