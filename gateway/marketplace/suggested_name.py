"""What a new resource could be called (domain.md §5.19).

A provider may say by a pattern how resources are named. It looks like Python's
format strings, and is never given to `str.format`, which would hand out what
hangs from the values: only the names that are listed here mean something.
"""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, NamedTuple

from gateway.db.installation.version_rules import VersionRules
from gateway.marketplace.eligibility import get_option

MAX_NAME_LENGTH = 150
"""Characters that a resource's name has room for."""
MAX_PATTERN_LENGTH = 1000
MAX_FORMAT_NUMBER = 150
"""What a number in a format may be at most: a width is so many characters."""
_PATTERN_NAMES = frozenset(
    f"{of}_{what}" for of in ("customer", "project", "offering") for what in ("name", "slug")
) | {"plan_name"}
_FIELD_PATTERN = re.compile(r"([A-Za-z_]\w*)(?:\[([^\[\]]+)\])?")
_NUMBER_PATTERN = re.compile(r"\d+")
_formatter = Formatter()


class NamingInputs(NamedTuple):
    """What a name is made of."""

    customer_name: str
    customer_slug: str
    project_name: str
    project_slug: str
    offering_name: str
    offering_slug: str
    plugin_options: str
    plan_name: str | None
    resource_count: int
    """How many resources of the offering the project has, in whatever state."""
    attributes: Mapping[str, Any] | None
    """What a form for ordering says so far."""
    rules: VersionRules


def suggest_resource_name(naming: NamingInputs) -> str:
    """Give a name for another resource of an offering in a project."""
    pattern = get_option(naming.plugin_options, "resource_name_pattern")
    if naming.rules.numbers_every_name or not isinstance(pattern, str):
        return _build_default_name(naming)
    return _apply_pattern(pattern, naming) or _build_default_name(naming)


def _build_default_name(naming: NamingInputs) -> str:
    """Name it after where it will be, with a number unless it is the first."""
    parts = [naming.customer_slug, naming.project_slug, naming.offering_slug]
    if naming.resource_count or naming.rules.numbers_every_name:
        parts.append(str(naming.resource_count + 1))
    return "-".join(parts)


def _apply_pattern(pattern: str, naming: NamingInputs) -> str:
    """Name it by a pattern; empty if that makes no sense, or nothing is left of it."""
    try:
        return _slugify_text(_fill_pattern(pattern, naming))
    except (ValueError, TypeError):
        return ""


def _fill_pattern(pattern: str, naming: NamingInputs) -> str:
    """Fill in a pattern; ValueError or TypeError if it is none."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ValueError(pattern)
    return "".join(
        literal
        + ("" if name is None else _format_field(name, format_spec or "", conversion, naming))
        for literal, name, format_spec, conversion in _formatter.parse(pattern)
    )


def _format_field(name: str, format_spec: str, conversion: str | None, naming: NamingInputs) -> str:
    """Write what stands for a name in a pattern."""
    match = _FIELD_PATTERN.fullmatch(name)
    if match is None or (match[2] and match[1] != "attributes") or _is_too_wide(format_spec):
        raise ValueError(name)
    value = _formatter.convert_field(_get_pattern_value(match[1], match[2], naming), conversion)
    return format(value, format_spec)


def _is_too_wide(format_spec: str) -> bool:
    return any(int(each) > MAX_FORMAT_NUMBER for each in _NUMBER_PATTERN.findall(format_spec))


def _get_pattern_value(name: str, key: str | None, naming: NamingInputs) -> str | float:
    """Give what a name means, as text or as a number; what is missing is empty."""
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
    """Keep letters, digits, points and single hyphens; lower case."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower())[:MAX_NAME_LENGTH].strip("-")
