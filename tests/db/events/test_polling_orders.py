"""Test that polling reads orders, too, in one order of positions with resources."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from psycopg import AsyncConnection

from gateway.db.events.feed import FeedEvent
from gateway.db.events.polling import PollingReader
from tests.support.event_listener import commit_sql, get_object_id, open_connection

SAVE_ROW_SQL = """
update marketplace_{table} set modified = clock_timestamp(), state = state + {change}
where id = (select min(id) from marketplace_{table})
"""
INSERT_ORDER_SQL = """
create temporary table copied as select * from marketplace_order limit 1;
update copied set id = 99999, uuid = gen_random_uuid(),
    created = clock_timestamp(), modified = clock_timestamp();
insert into marketplace_order overriding system value select * from copied
"""


@pytest_asyncio.fixture(loop_scope="session")
async def reader(waldur_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """Yield a connection for the reader."""
    async with open_connection(waldur_url) as connection:
        yield connection


async def poll_events(
    polling_reader: PollingReader, reader: AsyncConnection[Any]
) -> list[FeedEvent]:
    """Return the events since the last poll."""
    position = await polling_reader.load_head(reader)
    return (await polling_reader.load_page(reader, position, 100)).events


async def test_orders_and_resources_are_polled(
    waldur_url: str, reader: AsyncConnection[Any]
) -> None:
    polling_reader = PollingReader()
    for change in (1, -1, 1):
        assert await poll_events(polling_reader, reader) == []
        for table in ("order", "resource"):
            commit_sql(waldur_url, SAVE_ROW_SQL.format(table=table, change=change))
        events = await poll_events(polling_reader, reader)
        assert [each.object_type for each in events] == ["resource", "order"]
        assert events[0].position < events[1].position
        for event in events:
            old_state, new_state = event.list_values("state")
            assert (event.kind, event.changed_columns) == ("STATE_CHANGED", ("state",))
            assert new_state == old_state + change


async def test_new_orders_are_created(waldur_url: str, reader: AsyncConnection[Any]) -> None:
    polling_reader = PollingReader()
    await polling_reader.load_head(reader)
    commit_sql(waldur_url, INSERT_ORDER_SQL)
    (event,) = await poll_events(polling_reader, reader)
    assert (event.object_type, event.kind, get_object_id(event)) == ("order", "CREATED", 99999)
    assert event.before is None
    assert event.after is not None
    assert event.after.keys() == {
        "id",
        "state",
        "type",
        "project_id",
        "offering_id",
        "resource_id",
    }
    commit_sql(waldur_url, "delete from marketplace_order where id = 99999")
