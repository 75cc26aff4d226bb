#!/usr/bin/env python3
"""Writes docs/rest-to-graphql.md: where to find what REST calls by another name.

`make docs` runs it. The contract of names is tests/waldur/rest-map.tsv; what the schema does not
have yet is marked.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, get_named_type

from gateway.api import schema

ROOT = Path(__file__).parents[1]
MAP_PATH, PAGE_PATH = ROOT / "tests/waldur/rest-map.tsv", ROOT / "docs/rest-to-graphql.md"
SCHEMA: GraphQLSchema = schema._schema  # noqa: SLF001 - strawberry has no other way
PAGE_HEAD = """# From REST to GraphQL

What Waldur's REST API of resources calls by which name, and where it is here. Names are in camel
case, hyperlinks are objects, and what REST repeats with a prefix (`offering_name`, `project_uuid`)
is a field of the object that it belongs to. Every uuid has 32 hex digits, as in REST; both
spellings are accepted.

This page is made from the contract of names by `make docs`.
"""
ARGUMENTS_PATTERN = re.compile(r"\(.*?\)")


def render_mapping_page() -> str:
    """Write the page."""
    return PAGE_HEAD + "".join(_render_lines())


def _render_lines() -> Iterator[str]:
    for line in MAP_PATH.read_text(encoding="utf-8").splitlines():
        kind, *columns = line.split("\t")
        if kind.startswith("## "):
            yield f"\n## {_section_title(kind, columns)}\n\n| REST | GraphQL | |\n|---|---|---|\n"
        elif not kind.startswith("#"):
            path, note = columns[0], columns[1] if len(columns) > 1 else ""
            status = "" if _is_in_schema(path) else "not yet"
            remarks = "; ".join(remark for remark in (note, status) if remark)
            yield f"| `{kind}` | `{path}` | {remarks} |\n"


def _section_title(kind: str, columns: list[str]) -> str:
    name = columns[0]
    return name[0].upper() + name[1:] if kind == "## object" else "Operations"


def _is_in_schema(path: str) -> bool:
    """Say whether the schema has what a path leads to."""
    root, *names = ARGUMENTS_PATTERN.sub("", path).split(".")
    type_: Any = SCHEMA.type_map.get(root)
    for name in names:
        field = getattr(type_, "fields", {}).get(name)
        if field is None:
            return False
        type_ = get_named_type(field.type)
    return type_ is not None


if __name__ == "__main__":
    PAGE_PATH.write_text(render_mapping_page(), encoding="utf-8")
