"""Events are seen by the very rule that statements have."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import sees_resource
from tests.subscriptions.follower import Following

IDS = some.frozensets(some.integers(1, 40), max_size=8)
VIEWERS = some.builds(
    Viewer,
    staff=some.sampled_from([False, False, False, True]),
    support=some.sampled_from([False, False, False, True]),
    consumer_projects=IDS,
    resources=IDS,
    provided_offerings=IDS,
    order_projects=IDS,
    own_offerings=IDS,
    projects=IDS,
    customers=IDS,
)


async def test_events_are_seen_by_the_rule_of_statements(demo: Following) -> None:
    loop = asyncio.get_running_loop()
    rows = demo.sql("select uuid, id, project_id, offering_id from marketplace_resource")
    assert len(rows) < 300

    async def found(viewer: Viewer) -> set[str]:
        data = await demo.data("{ resources(first: 300) { nodes { uuid } } }", viewer)
        return {each["uuid"] for each in data["resources"]["nodes"]}

    @settings(max_examples=100, deadline=None, database=None)
    @given(VIEWERS)
    def agree(viewer: Viewer) -> None:
        seen = {
            uuid.hex
            for uuid, id_, project, offering in rows
            if sees_resource(viewer, id=id_, project_id=project, offering_id=offering)
        }
        assert seen == asyncio.run_coroutine_threadsafe(found(viewer), loop).result()

    await asyncio.to_thread(agree)
