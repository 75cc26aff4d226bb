"""The row filter of events agrees with that of SQL statements, for random viewers."""

import asyncio

from hypothesis import given, settings, strategies as some

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import can_see_resource
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
    own_offerings=ID_SETS,
    projects=ID_SETS,
    customers=ID_SETS,
)


async def test_event_visibility_agrees_with_sql(demo: FollowedDemo) -> None:
    loop = asyncio.get_running_loop()
    rows = demo.execute_sql("select uuid, id, project_id, offering_id from marketplace_resource")
    assert len(rows) < 300

    async def query_visible_uuids(viewer: Viewer) -> set[str]:
        data = await demo.query_data("{ resources(first: 300) { nodes { uuid } } }", viewer)
        return {each["uuid"] for each in data["resources"]["nodes"]}

    @settings(max_examples=100, deadline=None, database=None)
    @given(VIEWER_STRATEGY)
    def check_agreement(viewer: Viewer) -> None:
        visible_uuids = {
            uuid.hex
            for uuid, id_, project, offering in rows
            if can_see_resource(viewer, id=id_, project_id=project, offering_id=offering)
        }
        assert (
            visible_uuids
            == asyncio.run_coroutine_threadsafe(query_visible_uuids(viewer), loop).result()
        )

    await asyncio.to_thread(check_agreement)
