"""Suggested names for new resources (domain.md §5.19).

An offering may have a naming pattern, written like a Python format string, for example
`{project_slug}-{counter:03}`. The pattern comes from a provider and is not trusted:
it is never passed to `str.format`, which would expose the attributes of the values.
It is split by `string.Formatter.parse`, and only an allow-list of names, one level
of `attributes[…]` and bounded widths are formatted. Any other pattern falls back to the
default name, `customer-project-offering-number`.
"""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, NamedTuple

from gateway.db.installation.version_rules import VersionRules
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.text_values import MAX_NAME_LENGTH

MAX_PATTERN_LENGTH = 1000
MAX_FORMAT_NUMBER = 150
"""Maximum of widths and precisions in a format, which bounds the memory that formatting takes."""
_PATTERN_NAMES = frozenset(
    f"{noun}_{field}" for noun in ("customer", "project", "offering") for field in ("name", "slug")
) | {"plan_name"}
_FIELD_PATTERN = re.compile(r"([A-Za-z_]\w*)(?:\[([^\[\]]+)\])?")
_NUMBER_PATTERN = re.compile(r"\d+")
_formatter = Formatter()


class NamingInputs(NamedTuple):
    """Values from which a name is built."""

    customer_name: str | None
    customer_slug: str | None
    project_name: str
    project_slug: str
    offering_name: str
    offering_slug: str
    plugin_options: str
    plan_name: str | None
    resource_count: int
    """Number of the offering's resources in the project, in any state."""
    attributes: Mapping[str, Any] | None
    """Attributes from the order form; None without a form."""
    rules: VersionRules


def suggest_resource_name(naming: NamingInputs) -> str | None:
    """Return a name for a new resource of an offering in a project.

    None if the project's organisation is missing.
    """
    if naming.customer_slug is None:
        return None
    pattern = get_option(naming.plugin_options, "resource_name_pattern")
    if naming.rules.numbers_every_name or not isinstance(pattern, str):
        return _build_default_name(naming)
    return _apply_pattern(pattern, naming) or _build_default_name(naming)


def _build_default_name(naming: NamingInputs) -> str:
    """Return the name from the slugs, with a number unless it is the first resource."""
    parts = [naming.customer_slug or "", naming.project_slug, naming.offering_slug]
    if naming.resource_count or naming.rules.numbers_every_name:
        parts.append(str(naming.resource_count + 1))
    return "-".join(parts)


def _apply_pattern(pattern: str, naming: NamingInputs) -> str:
    """Return the name from a pattern; empty if the pattern is invalid or its result is empty."""
    try:
        return _slugify_text(_fill_pattern(pattern, naming))
    except (ValueError, TypeError):
        return ""


def _fill_pattern(pattern: str, naming: NamingInputs) -> str:
    """Return a pattern with its fields replaced.

    Raises ValueError or TypeError if the pattern is invalid.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ValueError(pattern)
    return "".join(
        literal
        + ("" if name is None else _format_field(name, format_spec or "", conversion, naming))
        for literal, name, format_spec, conversion in _formatter.parse(pattern)
    )


def _format_field(name: str, format_spec: str, conversion: str | None, naming: NamingInputs) -> str:
    """Return the formatted value of one field of a pattern."""
    match = _FIELD_PATTERN.fullmatch(name)
    if match is None or (match[2] and match[1] != "attributes") or _is_too_wide(format_spec):
        raise ValueError(name)
    value = _formatter.convert_field(_get_pattern_value(match[1], match[2], naming), conversion)
    return format(value, format_spec)


def _is_too_wide(format_spec: str) -> bool:
    return any(int(each) > MAX_FORMAT_NUMBER for each in _NUMBER_PATTERN.findall(format_spec))


def _get_pattern_value(name: str, key: str | None, naming: NamingInputs) -> str | float:
    """Return the value of a name, as text or as a number; an empty text if it is missing."""
    if name == "counter" and key is None:
        return naming.resource_count + 1 if naming.resource_count else ""
    if key is not None:
        value = (naming.attributes or {}).get(key)
    else:
        value = getattr(naming, name) if name in _PATTERN_NAMES else None
    if isinstance(value, (int, float)):
        return value
    return "" if value is None else str(value)[:MAX_NAME_LENGTH]


def _slugify_text(text: str) -> str:
    """Return a text in lower case, reduced to letters, digits, dots and single hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower())[:MAX_NAME_LENGTH].strip("-")
