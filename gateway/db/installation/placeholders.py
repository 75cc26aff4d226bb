"""What stands in statements for what only an installation knows: its rules, its content types."""

from typing import Any

from sqlalchemy import ARRAY, BindParameter, ColumnElement, Integer, bindparam, cast

from gateway.db.driver.encoding import constant, text
from gateway.db.installation.version_rules import Rules

_RULE, _TYPE = "rule:", "type:"


def of_rule(name: str) -> ColumnElement[Any]:
    """Stand for the numbers that the installation's rules have under a name."""
    return bindparam(f"{_RULE}{name}", type_=ARRAY(Integer))


def content_type(app_label: str, model: str) -> ColumnElement[Any]:
    """Stand for the id of a content type."""
    return bindparam(f"{_TYPE}{app_label}.{model}", type_=Integer)


def meaning(
    element: Any, rules: Rules, content_types: dict[tuple[str, str], int]
) -> ColumnElement[Any] | None:
    """Give what a mark stands for; None for whatever is no mark.

    A content type that the installation does not have is one that no row has.
    """
    if not isinstance(element, BindParameter):
        return None
    kind, _, name = element.key.partition(":")
    if f"{kind}:" == _RULE:
        return cast(constant(text(getattr(rules, name)) or ""), ARRAY(Integer))
    if f"{kind}:" == _TYPE:
        app_label, _, model = name.partition(".")
        return constant(content_types.get((app_label, model), -1))
    return None
