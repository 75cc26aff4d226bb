#!/usr/bin/env python3
"""Generate docs/rest-to-graphql.md, the mapping from REST names to GraphQL paths (`make docs`).

The contract of names is tests/waldur/rest-map.tsv; paths that the schema lacks are marked.
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

The fields and operations of Waldur's REST API of marketplace resources, and their paths in the
GraphQL schema:

* Names are in camel case.
* A hyperlink is an object; its `id` takes the place of the URL.
* REST repeats fields of related objects with a prefix (`offering_name`, `project_uuid`). In GraphQL
  they are fields of the related object (`offering { name }`).
* A uuid has 32 hexadecimal digits, as in REST. As an argument, the form with hyphens is accepted,
  too.
* "Not yet" marks operations that the gateway does not have yet.

`make docs` generates this page from `tests/waldur/rest-map.tsv`.
"""
ARGUMENTS_PATTERN = re.compile(r"\(.*?\)")


def render_mapping_page() -> str:
    """Return the page."""
    return PAGE_HEAD + "".join(_render_lines())


def _render_lines() -> Iterator[str]:
    for line in MAP_PATH.read_text(encoding="utf-8").splitlines():
        rest_name, *columns = line.split("\t")
        if rest_name.startswith("## "):
            title = _section_title(rest_name, columns)
            yield f"\n## {title}\n\n| REST | GraphQL | |\n|---|---|---|\n"
        elif not rest_name.startswith("#"):
            path, note = columns[0], columns[1] if len(columns) > 1 else ""
            status = "" if _is_in_schema(path) else "not yet"
            remarks = "; ".join(remark for remark in (note, status) if remark)
            yield f"| `{rest_name}` | `{path}` | {remarks} |\n"


def _section_title(kind: str, columns: list[str]) -> str:
    name = columns[0]
    return name[0].upper() + name[1:] if kind == "## object" else "Operations"


def _is_in_schema(path: str) -> bool:
    """Return whether the schema has a path."""
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
