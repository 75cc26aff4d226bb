"""No path from a root leads to more of a hidden row than the reference to it shows."""

from collections import Counter

from tests.support.visibility.path_walk import Walk, document
from tests.support.visibility.schema_paths import GUARDED, Way, all_relations, relations
from tests.support.visibility.viewer_scenes import Look, Scene

DEPTH = 3
"""So many relations are followed below the root's own."""
EVERYWHERE = Look("demo", "owner")
"""Somebody who can go almost everywhere."""


async def test_no_path_leads_to_what_is_hidden(scene: Scene) -> None:
    met: Counter[str] = Counter()
    for root in relations("Query"):
        walk = Walk(scene.seen)
        walk.along(root, await scene.data(document(root, DEPTH)))
        met += walk.met
    if scene.look == EVERYWHERE:
        ways = {str(each) for way in Way for each in all_relations(way) if each.target in GUARDED}
        assert ways - {*met} == {"HistoryEntry.user", "Offering.project"}
