"""The row filter of events agrees with that of SQL statements, for random viewers."""

import asyncio

import pytest
from hypothesis import given, settings, strategies as some

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import can_see_row
from gateway.db.events.tracked_tables import TRACKED_TABLES
from tests.subscriptions.follower import FollowedDemo

ID_SETS = some.frozensets(some.integers(1, 40), max_size=8)
VIEWER_STRATEGY = some.builds(
    Viewer,
    is_staff=some.sampled_from([False, False, False, True]),
    is_support=some.sampled_from([False, False, False, True]),
    consumer_projects=ID_SETS,
    resources=ID_SETS,
    provided_offerings=ID_SETS,
    order_projects=ID_SETS,
    order_offerings=ID_SETS,
    own_offerings=ID_SETS,
    projects=ID_SETS,
    customers=ID_SETS,
)


@pytest.mark.parametrize("object_type", TRACKED_TABLES)
async def test_event_visibility_agrees_with_sql(demo: FollowedDemo, object_type: str) -> None:
    loop, table = asyncio.get_running_loop(), TRACKED_TABLES[object_type].table
    rows = demo.execute_sql(f"select uuid, to_jsonb(t) from {table.name} t")
    assert len(rows) < 300

    async def query_visible_uuids(viewer: Viewer) -> set[str]:
        document = f"{{ {object_type}s(first: 300) {{ nodes {{ uuid }} }} }}"
        data = await demo.query_data(document, viewer)
        return {each["uuid"] for each in data[f"{object_type}s"]["nodes"]}

    @settings(max_examples=100, deadline=None, database=None)
    @given(VIEWER_STRATEGY)
    def check_agreement(viewer: Viewer) -> None:
        visible_uuids = {uuid.hex for uuid, values in rows if can_see_row(viewer, table, values)}
        assert (
            visible_uuids
            == asyncio.run_coroutine_threadsafe(query_visible_uuids(viewer), loop).result()
        )

    await asyncio.to_thread(check_agreement)
