"""The selection of all fields that Waldur's REST API returns for a resource in a list."""

from typing import Any

from graphql import get_named_type, is_composite_type, is_required_argument

from tests.support.schema_documents import SCHEMA, iter_mapped_fields

_ROOT_PATHS = {"Resource": (), "Component": ("offering", "components")}
"""The sections of the contract that belong to a row of REST's list, with their paths."""


def build_full_row_selection() -> str:
    """Return the selection set, from the contract's paths that the schema has."""
    tree: dict[str, Any] = {}
    for _, path in iter_mapped_fields():
        root, *names = path.split(".")
        subtree = tree
        for name in (*_ROOT_PATHS[root], *names) if root in _ROOT_PATHS else ():
            subtree = subtree.setdefault(name, {})
    return _write_selection(tree, SCHEMA.type_map["Resource"])


def _write_selection(tree: dict[str, Any], type_: Any) -> str:
    """Return a selection set without fields that have required arguments, which no REST row has."""
    fields = {name: type_.fields[name] for name in tree}
    return " ".join(
        f"{name}{_write_subselection(tree[name], field.type)}"
        for name, field in fields.items()
        if not any(map(is_required_argument, field.args.values()))
    )


def _write_subselection(tree: dict[str, Any], type_: Any) -> str:
    named_type = get_named_type(type_)
    if not is_composite_type(named_type):
        return ""
    return f" {{ {_write_selection(tree, named_type) or '__typename'} }}"
