"""No path from a root leads to more of a hidden row than the reference to it shows."""

from collections import Counter

from tests.support.visibility.path_walk import PathWalk, write_query
from tests.support.visibility.schema_paths import (
    GUARDED_TYPES,
    RelationKind,
    relations_of_kind,
    row_relations,
)
from tests.support.visibility.viewer_scenes import ViewerScene, Viewpoint

MAX_DEPTH = 3
"""So many relations are followed below the root's own."""
WIDEST_VIEWPOINT = Viewpoint("demo", "owner")
"""Somebody who can go almost everywhere."""


async def test_no_path_leads_to_hidden_rows(scene: ViewerScene) -> None:
    row_counts: Counter[str] = Counter()
    for root in row_relations("Query"):
        walk = PathWalk(scene.visible_rows)
        walk.follow_relation(root, await scene.fetch_data(write_query(root, MAX_DEPTH)))
        row_counts += walk.row_counts
    if scene.viewpoint == WIDEST_VIEWPOINT:
        guarded_relations = {
            str(each)
            for kind in RelationKind
            for each in relations_of_kind(kind)
            if each.target in GUARDED_TYPES
        }
        assert guarded_relations - {*row_counts} == {"HistoryEntry.user", "Offering.project"}
