"""Without triggers resources are looked at: what is seen so, and what is not."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg import AsyncConnection

from gateway.db.events.feed import ForgottenError
from gateway.db.events.polling import Polled
from tests.conftest import NewDatabase
from tests.support import waldur_2024
from tests.support.event_listener import change, connected, ear, until

LATE = "update marketplace_resource set modified = {when}, state = {state} where id = {id}"
NEW = """
create temporary table kept as select * from marketplace_resource where id = {id};
update kept set id = 9999, uuid = gen_random_uuid(), object_id = null, content_type_id = null,
    created = clock_timestamp(), modified = clock_timestamp();
insert into marketplace_resource overriding system value select * from kept
"""


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a Waldur without triggers."""
    made = new_database()
    with psycopg.connect(made) as connection:
        waldur_2024.build(connection)
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def reader(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """Give a connection that reads."""
    async with connected(url) as connection:
        yield connection


def ids(url: str) -> list[int]:
    """Give keys of resources."""
    with psycopg.connect(url) as connection:
        return [
            each
            for (each,) in connection.execute(
                "select id from marketplace_resource order by modified, id"
            )
        ]


def save(url: str, id_: int, state: int, when: str = "clock_timestamp()") -> None:
    """Save a resource as Waldur does."""
    change(url, LATE.format(id=id_, state=state, when=when))


async def test_a_state_is_told_with_the_one_before_once_that_was_seen(
    url: str, reader: AsyncConnection[Any]
) -> None:
    polled, id_ = Polled(), ids(url)[0]
    save(url, id_, 2, "timestamptz '2000-01-01 00:00Z'")
    began = await polled.head(reader)
    assert (await polled.read(reader, began, 10)).events == []
    save(url, id_, 5)
    save(url, id_, 6)
    (first,) = (await polled.read(reader, began, 10)).events
    assert (first.kind, first.old_state, first.new_state) == ("UPDATED", None, 6)
    assert (first.projects[0], first.changed) == (None, ())
    save(url, id_, 3)
    (second,) = (await polled.read(reader, first.position, 10)).events
    assert (second.kind, second.old_state, second.new_state) == ("STATE_CHANGED", 6, 3)
    assert (second.projects[0], second.changed) == (second.projects[1], ("state",))
    assert second.position > first.position > began
    assert (await polled.read(reader, second.position, 10)).events == []
    assert await polled.after(reader, began, 10) == [first, second]
    assert await polled.after(reader, began, 1) == [first]


async def test_what_was_committed_late_is_seen_within_the_overlap(
    url: str, reader: AsyncConnection[Any]
) -> None:
    polled, (_, one, two, three, *_) = Polled(), ids(url)
    began = await polled.head(reader)
    save(url, one, 5)
    await polled.read(reader, began, 10)
    save(url, two, 5, "clock_timestamp() - interval '5 seconds'")
    save(url, three, 5, "clock_timestamp() - interval '15 seconds'")
    found = (await polled.read(reader, began, 10)).events
    assert [each.resource_id for each in found] == [one, two]


async def test_a_new_resource_is_told_and_one_that_went_is_not(
    url: str, reader: AsyncConnection[Any]
) -> None:
    polled, id_ = Polled(), ids(url)[4]
    began = await polled.head(reader)
    change(url, NEW.format(id=id_))
    (found,) = (await polled.read(reader, began, 10)).events
    assert (found.kind, found.resource_id, found.projects[0]) == ("CREATED", 9999, None)
    change(url, "delete from marketplace_resource where id = 9999")
    assert (await polled.read(reader, found.position, 10)).events == []


async def test_what_is_not_kept_any_more_is_forgotten(
    url: str, reader: AsyncConnection[Any]
) -> None:
    polled, (first, *rest) = Polled(kept=3), ids(url)[5:10]
    began = await polled.head(reader)
    save(url, first, 5)
    (kept,) = (await polled.read(reader, began, 10)).events
    for each in rest:
        save(url, each, 6)
    with pytest.raises(ForgottenError):
        await polled.read(reader, began, 10)
    with pytest.raises(ForgottenError):
        await polled.after(reader, kept.position, 10)
    assert len(await polled.after(reader, (kept.xid, kept.id + 1), 10)) == 3
    for other in ((kept.xid - 1, kept.id + 1), (kept.xid, kept.id + 10)):
        with pytest.raises(ForgottenError):
            await polled.after(reader, other, 10)


async def test_many_are_read_page_by_page(
    url: str, reader: AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.events.polling._PAGE", 7)
    polled = Polled(overlap=timedelta())
    began = await polled.head(reader)
    change(url, "update marketplace_resource set modified = now(), state = 2")
    found = (await polled.read(reader, began, 1000)).events
    assert len({each.resource_id for each in found}) == len(found) == 600


async def test_who_listens_hears_what_is_seen(url: str) -> None:
    async with ear(url, Polled(), None, 0.1) as one:
        save(url, ids(url)[-1], 4)
        await until(lambda: len(one.heard) == 1)
        assert one.losses == 0
