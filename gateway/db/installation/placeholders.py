"""Placeholders in statements for constants of an installation: version rules, content types."""

from typing import Any

from sqlalchemy import ARRAY, BindParameter, ColumnElement, Integer, bindparam, cast

from gateway.db.driver.encoding import encode_text, inline_literal
from gateway.db.installation.version_rules import VersionRules

_RULE_PREFIX, _TYPE_PREFIX = "rule:", "type:"


def version_rule_placeholder(name: str) -> ColumnElement[Any]:
    """Return a placeholder for a field of the version rules, an array of integers."""
    return bindparam(f"{_RULE_PREFIX}{name}", type_=ARRAY(Integer))


def content_type_placeholder(app_label: str, model: str) -> ColumnElement[Any]:
    """Return a placeholder for the id of a content type."""
    return bindparam(f"{_TYPE_PREFIX}{app_label}.{model}", type_=Integer)


def resolve_placeholder(
    element: Any, version_rules: VersionRules, content_types: dict[tuple[str, str], int]
) -> ColumnElement[Any] | None:
    """Return the constant that a placeholder stands for; None for any other element.

    A missing content type has the id -1, which no row has.
    """
    if not isinstance(element, BindParameter):
        return None
    prefix, _, name = element.key.partition(":")
    if f"{prefix}:" == _RULE_PREFIX:
        return cast(inline_literal(encode_text(getattr(version_rules, name)) or ""), ARRAY(Integer))
    if f"{prefix}:" == _TYPE_PREFIX:
        app_label, _, model = name.partition(".")
        return inline_literal(content_types.get((app_label, model), -1))
    return None
