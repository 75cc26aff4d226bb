"""Parser of the stored versions of a resource (domain.md §1.16, §5.20)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.exact_json import decode_json, decode_members, encode_json
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
_COLUMNS_WITH_SECRETS = frozenset({"attributes", "options"})
"""Columns that may contain secrets."""
_decode_objects = msgspec.json.Decoder(list[msgspec.Raw]).decode


def extract_version_columns(serialized: str) -> str | None:
    """Return the published columns of a version as JSON; None if the version can't be parsed.

    A version does not reliably identify its offering's type, so the secret attributes of all
    plugins are removed.
    """
    fields = _decode_fields(serialized)
    if fields is None:
        return None
    public_columns: dict[str, Any] = {
        name: each for name, each in fields.items() if name in VERSION_COLUMNS
    }
    for name in _COLUMNS_WITH_SECRETS & public_columns.keys():
        public_columns[name] = _strip_secrets(public_columns[name])
    return encode_json(public_columns).decode()


def _decode_fields(serialized: str) -> Mapping[str, msgspec.Raw] | None:
    """Return all columns of a version; None if it can't be parsed."""
    try:
        first_object, *_ = _decode_objects(serialized)
    except (ValueError, RecursionError):
        return None
    members = decode_members(first_object) or {}
    return decode_members(members["fields"]) if "fields" in members else None


def _strip_secrets(value: msgspec.Raw) -> Mapping[str, msgspec.Raw] | None:
    """Return an object without secrets; older versions store it as text. None for other values."""
    try:
        is_text = bytes(value).startswith(b'"')
        members = decode_members(decode_json(value) if is_text else value)
    except ValueError:
        return None
    if members is None:
        return None
    return {name: each for name, each in members.items() if name not in SECRET_ATTRIBUTES}
