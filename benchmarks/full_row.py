"""The selection of all that Waldur's REST API prints of a resource in a list."""

from typing import Any

from graphql import get_named_type, is_composite_type, is_required_argument

from tests.support.schema_documents import SCHEMA, promised

_ROOTS = {"Resource": (), "Component": ("offering", "components")}
"""What a row of REST's list is made of, and how one comes there from a resource."""


def full_row() -> str:
    """Write the selection from the map of REST's names, as far as the schema has them."""
    tree: dict[str, Any] = {}
    for _, path in promised():
        root, *names = path.split(".")
        place = tree
        for name in (*_ROOTS[root], *names) if root in _ROOTS else ():
            place = place.setdefault(name, {})
    return _written(tree, SCHEMA.type_map["Resource"])


def _written(tree: dict[str, Any], type_: Any) -> str:
    """Select fields, but for those that have to be told something: they are in no row of a list."""
    fields = {name: type_.fields[name] for name in tree}
    return " ".join(
        f"{name}{_below(tree[name], field.type)}"
        for name, field in fields.items()
        if not any(map(is_required_argument, field.args.values()))
    )


def _below(tree: dict[str, Any], type_: Any) -> str:
    kind = get_named_type(type_)
    if not is_composite_type(kind):
        return ""
    return f" {{ {_written(tree, kind) or '__typename'} }}"
