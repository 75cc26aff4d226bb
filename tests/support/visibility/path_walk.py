"""Walks along all paths of the schema to some depth, which check that no hidden row is shown."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.support.visibility.oracle_expectation import VisibleRows
from tests.support.visibility.schema_paths import (
    GUARDED_TYPES,
    Relation,
    RelationKind,
    fields_by_reference,
    leaf_fields,
    row_relations,
)

PAGE_SIZE = 3
"""The number of nodes of a connection that are visited."""

_DETAIL_FIELDS = {"fullName", "description", "slug", "created", "email"}
"""Fields of which references to hidden rows show only some."""
_SUBJECT_SELECTIONS = {
    "HistoryEntry": "user { uuid email }",
    "PlanComponent": "component { uuid }",
    "TeamMember": "user { uuid email }",
    "Viewer": "user { uuid }",
}
"""Selections of the subject of rows without a uuid of their own."""


def select_identity(type_name: str) -> str:
    """Return the selection that identifies a row of a type: its uuid, or its subject's."""
    return _SUBJECT_SELECTIONS.get(type_name, "uuid")


def row_uuid(row: Any) -> str | None:
    """Return the uuid of a row, or of its subject."""
    identified_row = (
        row if "uuid" in row else row["component"] if "component" in row else row["user"]
    )
    uuid: str | None = identified_row and identified_row["uuid"]
    return uuid


def write_query(root: Relation, depth: int) -> str:
    """Return a query for all rows up to `depth` relations below a root, with fragments by depth."""
    fragments: dict[str, str] = {}
    _write_fragment(root.target, depth, fragments)
    return "\n".join([f"{{ {_select_relation(root, depth)} }}", *fragments.values()])


def _write_fragment(type_name: str, depth: int, fragments: dict[str, str]) -> None:
    fragment_name = f"{type_name}{depth}"
    if fragment_name in fragments:
        return
    child_relations = row_relations(type_name) if depth else ()
    detail_fields = (
        sorted(_DETAIL_FIELDS & {*leaf_fields(type_name)}) if type_name in GUARDED_TYPES else ()
    )
    selections = [
        select_identity(type_name),
        *detail_fields,
        *(_select_relation(relation, depth - 1) for relation in child_relations),
    ]
    fragments[fragment_name] = (
        f"fragment {fragment_name} on {type_name} {{ {' '.join(selections)} }}"
    )
    for relation in child_relations:
        _write_fragment(relation.target, depth - 1, fragments)


def select_guarded_references(type_name: str) -> str:
    """Return the selection of a type's references to guarded rows, with all leaf fields."""
    references = [
        each
        for each in row_relations(type_name)
        if each.target in GUARDED_TYPES and each.kind is RelationKind.REFERENCE
    ]
    return " ".join([select_identity(type_name), *(_select_leaves(each) for each in references)])


def _select_leaves(relation: Relation) -> str:
    return f"{relation.field} {{ {' '.join(leaf_fields(relation.target))} }}"


def _select_relation(relation: Relation, depth: int) -> str:
    child_selection = f"{{ ...{relation.target}{depth} }}"
    if relation.kind is RelationKind.PAGES:
        return f"{relation.field}(first: {PAGE_SIZE}) {{ nodes {child_selection} }}"
    return f"{relation.field} {child_selection}"


class PathWalk:
    """A walk through a response that checks each row and counts rows by relation."""

    def __init__(self, visible_rows: VisibleRows) -> None:
        self._visible_rows = visible_rows
        self.row_counts: Counter[str] = Counter()
        """The number of rows of each relation."""
        self.hidden_row_counts: Counter[str] = Counter()
        """The number of these that were hidden and shown by reference only."""

    def follow_relation(self, relation: Relation, row: Any) -> None:
        """Check all rows of a relation of `row`, recursively."""
        if relation.field not in row or row[relation.field] is None:
            return
        child = row[relation.field]
        if relation.kind is RelationKind.PARTS and relation.owner != "Query":
            expected = self._visible_rows.part_uuids(str(relation), row["uuid"])
            assert sorted(map(row_uuid, child), key=str) == expected, relation
        for child_row in _iterate_rows(relation, child):
            self.row_counts[str(relation)] += 1
            self._check_row(relation, child_row)
            for child_relation in row_relations(relation.target):
                self.follow_relation(child_relation, child_row)

    def _check_row(self, relation: Relation, row: Any) -> None:
        if "uuid" not in row or (
            relation.target not in GUARDED_TYPES and relation.kind is not RelationKind.PAGES
        ):
            return
        shown_fields = {name for name, value in row.items() if value is not None}
        if row["uuid"] in self._visible_rows.visible_uuids(relation.target):
            is_complete = relation.target not in GUARDED_TYPES or shown_fields & {
                "created",
                "email",
            }
            assert is_complete, f"{relation} hides fields of a visible row"
            return
        assert relation.kind is RelationKind.REFERENCE, f"{relation} leads to a hidden row"
        self.hidden_row_counts[str(relation)] += 1
        allowed_fields = fields_by_reference()[relation.owner, relation.field]
        assert shown_fields <= allowed_fields, (
            f"{relation} shows {sorted(shown_fields - allowed_fields)} of a hidden row"
        )


def _iterate_rows(relation: Relation, child: Any) -> Iterator[Any]:
    if relation.kind is RelationKind.PAGES:
        yield from child["nodes"]
    elif relation.kind is RelationKind.PARTS:
        yield from child
    else:
        yield child
