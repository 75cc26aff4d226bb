"""What a resource was like, out of a version that was kept of it (domain.md §1.16, §5.20)."""

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
"""The columns that are shown of resources themselves; a version may hold others."""
_COLUMNS_WITH_SECRETS = ("attributes", "options")
"""Those that may hold secrets."""


def extract_version_columns(serialized: str) -> str | None:
    """Give the columns in a version, without secrets; null for what is none.

    A version does not tell its offering's type for sure: whatever any plugin
    keeps secret is left out.
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
    """Read the columns in a version."""
    match _decode_json_or_none(serialized):
        case [{"fields": dict(fields)}, *_]:
            return fields
    return None


def _strip_secrets(value: Any) -> dict[str, Any] | None:
    """Give an object, which older versions hold as text, without secrets; null for all else."""
    decoded_value = _decode_json_or_none(value) if isinstance(value, str) else value
    if not isinstance(decoded_value, dict):
        return None
    return {name: each for name, each in decoded_value.items() if name not in SECRET_ATTRIBUTES}


def _decode_json_or_none(text: str) -> Any:
    """Read JSON; give null for what is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
