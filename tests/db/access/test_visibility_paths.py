"""No path from a root field shows more of a hidden row than its by-reference fields."""

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
"""The number of relations that are followed below a root field."""
WIDEST_VIEWPOINT = Viewpoint("demo", "owner")
"""A viewer from whom nearly all relations lead to rows."""


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
