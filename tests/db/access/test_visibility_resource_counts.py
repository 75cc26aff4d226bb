"""Resource counts by state include exactly the resources that the oracle shows."""

from collections import Counter
from typing import Any

import pytest

from tests.support.visibility.schema_paths import NODE_TYPES, RelationKind, relations_of_kind
from tests.support.visibility.viewer_scenes import ViewerScene, Viewpoint

STATES = dict(
    enumerate(("CREATING", "OK", "ERRED", "UPDATING", "TERMINATING", "TERMINATED"), start=1)
)
OWNERS = ("Customer", "Offering", "Plan", "Project")
COUNTS = "uuid resourceCounts { state count }"
REFERRED_COUNTS = f"""query($after: String) {{ resources(first: 300, after: $after) {{
    nodes {{ uuid
        offering {{ {COUNTS} }} plan {{ {COUNTS} }}
        project {{ {COUNTS} customer {{ {COUNTS} }} }} }}
    pageInfo {{ endCursor hasNextPage }} }} }}"""


def expected_counts(scene: ViewerScene, owner: str) -> dict[str, list[tuple[str, int]]]:
    """Return the numbers of visible resources by state, for each owner."""
    rows = scene.visible_rows.expectation.connection.execute(
        "select uuid, state from marketplace_resource"
    )
    states: dict[str | None, int] = {uuid.hex: state for uuid, state in rows}
    child_uuids = scene.visible_rows.expectation.child_uuids(f"{owner}.resources")
    visible_uuids = scene.visible_rows.visible_uuids("Resource")
    counts_by_owner = {
        owner_uuid: Counter(states[each] for each in uuids if each in visible_uuids)
        for owner_uuid, uuids in child_uuids.items()
    }
    return {
        each: [(STATES[state_number], counts[state_number]) for state_number in sorted(counts)]
        for each, counts in counts_by_owner.items()
    }


def shown_counts(row: Any) -> list[tuple[str, int]]:
    """Return the resource counts of a row."""
    return [(each["state"], each["count"]) for each in row["resourceCounts"]]


def test_types_with_a_list_of_resources_count_them() -> None:
    owners = {
        each.owner for each in relations_of_kind(RelationKind.PAGES) if each.field == "resources"
    }
    assert {*OWNERS} == owners <= {*NODE_TYPES}


@pytest.mark.parametrize("owner", OWNERS)
async def test_visible_resources_are_counted(scene: ViewerScene, owner: str) -> None:
    expected_by_owner = expected_counts(scene, owner)
    owner_uuids = sorted(scene.visible_rows.visible_uuids(owner))
    rows = await scene.fetch_nodes(owner, owner_uuids, COUNTS)
    for row in rows:
        assert shown_counts(row) == expected_by_owner.get(row["uuid"], []), row["uuid"]
    if scene.viewpoint == Viewpoint("demo", "staff") and owner != "Plan":
        assert {state for row in rows for state, _ in shown_counts(row)} == {*STATES.values()}
        assert sum(count for row in rows for _, count in shown_counts(row)) <= len(
            scene.visible_rows.visible_uuids("Resource")
        )


async def test_counts_of_referenced_rows_match(scene: ViewerScene) -> None:
    expected_by_type = {owner: expected_counts(scene, owner) for owner in OWNERS}
    after, has_next_page = None, True
    while has_next_page:
        page = (await scene.fetch_data(REFERRED_COUNTS, after=after))["resources"]
        for row in page["nodes"]:
            _compare_counts(scene, expected_by_type, row)
        after, has_next_page = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]


def _compare_counts(scene: ViewerScene, expected_by_type: Any, row: Any) -> None:
    project = row["project"]
    for owner, referred_row in (("Offering", row["offering"]), ("Plan", row["plan"])):
        assert (
            referred_row is None
            or shown_counts(referred_row) == expected_by_type[owner][referred_row["uuid"]]
        )
    for owner, referred_row in (("Project", project), ("Customer", project["customer"])):
        if referred_row["uuid"] in scene.visible_rows.visible_uuids(owner):
            assert shown_counts(referred_row) == expected_by_type[owner][referred_row["uuid"]]
        else:
            assert referred_row["resourceCounts"] is None
