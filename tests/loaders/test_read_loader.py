"""Batches: what is asked for together is one statement, and trouble reaches all who wait for it."""

import asyncio

import pytest

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import TimedOutError
from gateway.db.query_spec import At, Door, Read
from gateway.loaders.read_loader import Loads
from tests.support.marketplaces import Marketplace, Recorded

BY_ID = Read(tables.category, (At(tables.category.c.title),), match=At(tables.category.c.id))
ALL = Read(tables.category, (At(tables.category.c.id),))
STAFF = Viewer(user_id=1, staff=True)


def loads(marketplace: Marketplace) -> Loads:
    marketplace.database.asked = []
    return Loads(marketplace.database, marketplace.statements, STAFF)


async def test_keys_that_are_asked_for_together_are_one_statement(demo: Marketplace) -> None:
    here = loads(demo)
    found = await asyncio.gather(*[here.rows(BY_ID, key) for key in (1, 2, 3, 2, 999_999)])
    assert [len(each) for each in found] == [1, 1, 1, 1, 0]
    assert found[1] is found[3]
    assert len(demo.database.asked) == 1


async def test_a_key_that_comes_some_turns_later_still_comes_along(demo: Marketplace) -> None:
    here = loads(demo)

    async def later(key: int) -> object:
        for _ in range(key):
            await asyncio.sleep(0)
        return await here.rows(BY_ID, key)

    await asyncio.gather(*[later(key) for key in (1, 2, 3)], here.rows(ALL, None))
    assert len(demo.database.asked) == 2


async def test_what_was_loaded_is_remembered_for_the_request(demo: Marketplace) -> None:
    here = loads(demo)
    first = await here.rows(BY_ID, 1)
    assert await here.rows(BY_ID, 1) is first
    assert len(demo.database.asked) == 1
    await loads(demo).rows(BY_ID, 1)
    assert len(demo.database.asked) == 1


async def test_a_table_that_the_marketplace_lacks_has_no_rows(waldur: Marketplace) -> None:
    here = loads(waldur)
    partition = tables.partition
    read = Read(partition, (At(partition.c.qos),), match=At(partition.c.uuid))
    assert await here.rows(read, "00000000-0000-0000-0000-000000000000") == []
    assert waldur.database.asked == []


async def test_trouble_reaches_all_who_wait(demo: Marketplace) -> None:
    database = await Recorded.at(demo.url, statement_seconds=0.001)
    assert isinstance(database, Recorded)
    database.asked = []
    here = Loads(database, demo.statements, STAFF)
    slow = Read(tables.resource, tuple(map(At, tables.resource.c)))
    also = Read(tables.resource, (At(tables.resource.c.backend_metadata),))
    met = await asyncio.gather(here.rows(slow, None), here.rows(also, None), return_exceptions=True)
    await database.close()
    assert all(isinstance(each, TimedOutError) for each in met), met


async def test_a_part_is_not_read_but_by_its_owner(demo: Marketplace) -> None:
    wrong = Read(
        tables.component,
        (At(tables.component.c.name),),
        Door.PARTS,
        match=At(tables.component.c.uuid),
    )
    with pytest.raises(ValueError, match="not by its owner"):
        await loads(demo).rows(wrong, "x")
