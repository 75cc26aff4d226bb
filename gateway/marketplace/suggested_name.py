"""What a new resource could be called (domain.md §5.19).

A provider may say by a pattern how resources are named. It looks like Python's
format strings, and is never given to `str.format`, which would hand out what
hangs from the values: only the names that are listed here mean something.
"""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, NamedTuple

from gateway.db.installation.version_rules import Rules
from gateway.marketplace.eligibility import option

LONGEST_NAME = 150
"""Characters that a resource's name has room for."""
LONGEST_PATTERN = 1000
WIDEST = 150
"""What a number in a format may be at most: a width is so many characters."""
_NAMES = frozenset(
    f"{of}_{what}" for of in ("customer", "project", "offering") for what in ("name", "slug")
) | {"plan_name"}
_FIELD = re.compile(r"([A-Za-z_]\w*)(?:\[([^\[\]]+)\])?")
_NUMBERS = re.compile(r"\d+")
_formatter = Formatter()


class Naming(NamedTuple):
    """What a name is made of."""

    customer_name: str
    customer_slug: str
    project_name: str
    project_slug: str
    offering_name: str
    offering_slug: str
    plugin_options: str
    plan_name: str | None
    there: int
    """How many resources of the offering the project has, in whatever state."""
    attributes: Mapping[str, Any] | None
    """What a form for ordering says so far."""
    rules: Rules


def suggested_name(naming: Naming) -> str:
    """Give a name for another resource of an offering in a project."""
    pattern = option(naming.plugin_options, "resource_name_pattern")
    if naming.rules.numbered_names or not isinstance(pattern, str):
        return _usual(naming)
    return _by(pattern, naming) or _usual(naming)


def _usual(naming: Naming) -> str:
    """Name it after where it will be, with a number unless it is the first."""
    parts = [naming.customer_slug, naming.project_slug, naming.offering_slug]
    if naming.there or naming.rules.numbered_names:
        parts.append(str(naming.there + 1))
    return "-".join(parts)


def _by(pattern: str, naming: Naming) -> str:
    """Name it by a pattern; empty if that makes no sense, or nothing is left of it."""
    try:
        return _tidy(_filled(pattern, naming))
    except (ValueError, TypeError):
        return ""


def _filled(pattern: str, naming: Naming) -> str:
    """Fill in a pattern; ValueError or TypeError if it is none."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(pattern)
    return "".join(
        literal + ("" if name is None else _field(name, form or "", conversion, naming))
        for literal, name, form, conversion in _formatter.parse(pattern)
    )


def _field(name: str, form: str, conversion: str | None, naming: Naming) -> str:
    """Write what stands for a name in a pattern."""
    found = _FIELD.fullmatch(name)
    if found is None or (found[2] and found[1] != "attributes") or _wide(form):
        raise ValueError(name)
    value = _formatter.convert_field(_value(found[1], found[2], naming), conversion)
    return format(value, form)


def _wide(form: str) -> bool:
    return any(int(each) > WIDEST for each in _NUMBERS.findall(form))


def _value(name: str, key: str | None, naming: Naming) -> str | float:
    """Give what a name means, as text or as a number; what is missing is empty."""
    if name == "counter" and key is None:
        return naming.there + 1 if naming.there else ""
    if key is not None:
        value = (naming.attributes or {}).get(key)
    else:
        value = getattr(naming, name) if name in _NAMES else None
    if isinstance(value, (int, float)):
        return value
    return "" if value is None else str(value)[:LONGEST_NAME]


def _tidy(text: str) -> str:
    """Keep letters, digits, points and single hyphens; lower case."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower())[:LONGEST_NAME].strip("-")
