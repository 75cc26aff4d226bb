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
MAP, PAGE = ROOT / "tests/waldur/rest-map.tsv", ROOT / "docs/rest-to-graphql.md"
SCHEMA: GraphQLSchema = schema._schema  # noqa: SLF001 - strawberry has no other way
HEAD = """# From REST to GraphQL

What Waldur's REST API of resources calls by which name, and where it is here. Names are in camel
case, hyperlinks are objects, and what REST repeats with a prefix (`offering_name`, `project_uuid`)
is a field of the object that it belongs to. Every uuid has 32 hex digits, as in REST; both
spellings are accepted.

This page is made from the contract of names by `make docs`.
"""
ARGUMENTS = re.compile(r"\(.*?\)")


def page() -> str:
    """Write the page."""
    return HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    for line in MAP.read_text(encoding="utf-8").splitlines():
        kind, *rest = line.split("\t")
        if kind.startswith("## "):
            yield f"\n## {_title(kind, rest)}\n\n| REST | GraphQL | |\n|---|---|---|\n"
        elif not kind.startswith("#"):
            path, note = rest[0], rest[1] if len(rest) > 1 else ""
            later = "" if _known(path) else "not yet"
            told = "; ".join(each for each in (note, later) if each)
            yield f"| `{kind}` | `{path}` | {told} |\n"


def _title(kind: str, rest: list[str]) -> str:
    name = rest[0]
    return name[0].upper() + name[1:] if kind == "## object" else "Operations"


def _known(path: str) -> bool:
    """Say whether the schema has what a path leads to."""
    root, *names = ARGUMENTS.sub("", path).split(".")
    type_: Any = SCHEMA.type_map.get(root)
    for name in names:
        field = getattr(type_, "fields", {}).get(name)
        if field is None:
            return False
        type_ = get_named_type(field.type)
    return type_ is not None


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
