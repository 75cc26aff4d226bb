"""Resources are counted by their states as far as the oracle shows them: no more, no less."""

from collections import Counter
from typing import Any

import pytest

from tests.support.visibility.schema_paths import NODES, Way, all_relations
from tests.support.visibility.viewer_scenes import Look, Scene

STATES = dict(
    enumerate(("CREATING", "OK", "ERRED", "UPDATING", "TERMINATING", "TERMINATED"), start=1)
)
OWNERS = ("Customer", "Offering", "Plan", "Project")
COUNTS = "uuid resourceCounts { state count }"
REFERRED = f"""query($after: String) {{ resources(first: 300, after: $after) {{
    nodes {{ uuid
        offering {{ {COUNTS} }} plan {{ {COUNTS} }}
        project {{ {COUNTS} customer {{ {COUNTS} }} }} }}
    pageInfo {{ endCursor hasNextPage }} }} }}"""


def expected(scene: Scene, owner: str) -> dict[str, list[tuple[str, int]]]:
    """Give how many resources of each owner are in each state, of those that are seen."""
    rows = scene.seen.truth.connection.execute("select uuid, state from marketplace_resource")
    states: dict[str | None, int] = {uuid.hex: state for uuid, state in rows}
    below, seen = scene.seen.truth.below(f"{owner}.resources"), scene.seen.of("Resource")
    counted = {each: Counter(states[r] for r in below[each] if r in seen) for each in [*below]}
    return {each: [(STATES[n], found[n]) for n in sorted(found)] for each, found in counted.items()}


def told(row: Any) -> list[tuple[str, int]]:
    """Give what a row tells."""
    return [(each["state"], each["count"]) for each in row["resourceCounts"]]


def test_what_pages_to_resources_counts_them() -> None:
    below = {each.owner for each in all_relations(Way.PAGES) if each.field == "resources"}
    assert {*OWNERS} == below <= {*NODES}


@pytest.mark.parametrize("owner", OWNERS)
async def test_what_is_seen_is_counted(scene: Scene, owner: str) -> None:
    wanted, seen = expected(scene, owner), sorted(scene.seen.of(owner))
    rows = await scene.nodes(owner, seen, COUNTS)
    for row in rows:
        assert told(row) == wanted.get(row["uuid"], []), row["uuid"]
    if scene.look == Look("demo", "staff") and owner != "Plan":
        assert {state for row in rows for state, _ in told(row)} == {*STATES.values()}
        assert sum(n for row in rows for _, n in told(row)) <= len(scene.seen.of("Resource"))


async def test_of_what_is_only_referred_to_no_more_is_counted(scene: Scene) -> None:
    wanted = {owner: expected(scene, owner) for owner in OWNERS}
    after, more = None, True
    while more:
        page = (await scene.data(REFERRED, after=after))["resources"]
        for row in page["nodes"]:
            _compare(scene, wanted, row)
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]


def _compare(scene: Scene, wanted: Any, row: Any) -> None:
    project = row["project"]
    for owner, found in (("Offering", row["offering"]), ("Plan", row["plan"])):
        assert found is None or told(found) == wanted[owner][found["uuid"]]
    for owner, found in (("Project", project), ("Customer", project["customer"])):
        if found["uuid"] in scene.seen.of(owner):
            assert told(found) == wanted[owner][found["uuid"]]
        else:
            assert found["resourceCounts"] is None
