"""All ways through the schema down to some depth, and what is met on them that should not be."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.support.visibility.oracle_truth import Seen
from tests.support.visibility.schema_paths import (
    GUARDED,
    Relation,
    Way,
    leaves,
    relations,
    shown_by_reference,
)

WIDTH = 3
"""How many nodes of a connection are visited."""

_TELLING = {"fullName", "description", "slug", "created", "email"}
"""Fields of which each reference to a hidden row shows but some."""
_ABOUT = {
    "HistoryEntry": "user { uuid email }",
    "PlanComponent": "component { uuid }",
    "TeamMember": "user { uuid email }",
    "Viewer": "user { uuid }",
}
"""What rows without a uuid of their own are about."""


def identified_by(name: str) -> str:
    """Select what identifies a row of a type, or what it is about if it has no uuid."""
    return _ABOUT.get(name, "uuid")


def identity(row: Any) -> str | None:
    """Give the uuid of a row, or of what it is about."""
    about = row if "uuid" in row else row["component"] if "component" in row else row["user"]
    uuid: str | None = about and about["uuid"]
    return uuid


def document(root: Relation, depth: int) -> str:
    """Write a query of all that is `depth` relations below a root, a fragment for each level."""
    fragments: dict[str, str] = {}
    _write(root.target, depth, fragments)
    return "\n".join([f"{{ {_selected(root, depth)} }}", *fragments.values()])


def _write(name: str, depth: int, fragments: dict[str, str]) -> None:
    title = f"{name}{depth}"
    if title in fragments:
        return
    below = relations(name) if depth else ()
    telling = sorted(_TELLING & {*leaves(name)}) if name in GUARDED else ()
    parts = [identified_by(name), *telling, *(_selected(each, depth - 1) for each in below)]
    fragments[title] = f"fragment {title} on {name} {{ {' '.join(parts)} }}"
    for each in below:
        _write(each.target, depth - 1, fragments)


def guarded(name: str) -> str:
    """Select the rows that a row of a type refers to and that may be hidden, with all they hold."""
    below = [
        each for each in relations(name) if each.target in GUARDED and each.way is Way.REFERENCE
    ]
    return " ".join([identified_by(name), *(_whole(each) for each in below)])


def _whole(each: Relation) -> str:
    return f"{each.field} {{ {' '.join(leaves(each.target))} }}"


def _selected(each: Relation, depth: int) -> str:
    inside = f"{{ ...{each.target}{depth} }}"
    if each.way is Way.PAGES:
        return f"{each.field}(first: {WIDTH}) {{ nodes {inside} }}"
    return f"{each.field} {inside}"


class Walk:
    """Goes through an answer, and counts what is met."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self.met: Counter[str] = Counter()
        """How many rows were met by each relation."""
        self.concealed: Counter[str] = Counter()
        """How many of them were hidden, so that the reference alone showed them."""

    def along(self, each: Relation, row: Any) -> None:
        """Check all rows that a relation of `row` leads to, and those below them."""
        if each.field not in row or row[each.field] is None:
            return
        below = row[each.field]
        if each.way is Way.PARTS and each.owner != "Query":
            expected = self._seen.parts(str(each), row["uuid"])
            assert sorted(map(identity, below), key=str) == expected, each
        for found in _rows(each, below):
            self.met[str(each)] += 1
            self._row(each, found)
            for relation in relations(each.target):
                self.along(relation, found)

    def _row(self, each: Relation, row: Any) -> None:
        if "uuid" not in row or (each.target not in GUARDED and each.way is not Way.PAGES):
            return
        told = {name for name, value in row.items() if value is not None}
        if row["uuid"] in self._seen.of(each.target):
            whole = each.target not in GUARDED or told & {"created", "email"}
            assert whole, f"{each} conceals a row that is seen"
            return
        assert each.way is Way.REFERENCE, f"{each} leads to a hidden row"
        self.concealed[str(each)] += 1
        allowed = shown_by_reference()[each.owner, each.field]
        assert told <= allowed, f"{each} tells {sorted(told - allowed)} of a hidden row"


def _rows(each: Relation, below: Any) -> Iterator[Any]:
    if each.way is Way.PAGES:
        yield from below["nodes"]
    elif each.way is Way.PARTS:
        yield from below
    else:
        yield below
