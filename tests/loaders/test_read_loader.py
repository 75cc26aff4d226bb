"""Batched loading: keys of one level share a statement, and errors reach all waiting keys."""

import asyncio

import pytest

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import UnavailableError
from gateway.db.driver.errors import InvalidDataError
from gateway.db.query_spec import Access, ColumnRef, Expression, QuerySpec
from gateway.loaders.read_loader import ReadLoader
from tests.support.marketplaces import Marketplace, RecordingDatabase

SPEC_BY_ID = QuerySpec(
    tables.category,
    (ColumnRef(tables.category.c.title),),
    key_column=ColumnRef(tables.category.c.id),
)
SPEC_OF_ALL = QuerySpec(tables.category, (ColumnRef(tables.category.c.id),))
STAFF = Viewer(user_id=1, is_staff=True)


def create_read_loader(marketplace: Marketplace) -> ReadLoader:
    marketplace.database.recorded_sql = []
    return ReadLoader(marketplace.database, marketplace.statement_compiler, STAFF)


async def test_keys_loaded_together_are_one_statement(demo: Marketplace) -> None:
    read_loader = create_read_loader(demo)
    rows_by_key = await asyncio.gather(
        *[read_loader.load_rows(SPEC_BY_ID, key) for key in (1, 2, 3, 2, 999_999)]
    )
    assert [len(each) for each in rows_by_key] == [1, 1, 1, 1, 0]
    assert rows_by_key[1] is rows_by_key[3]
    assert len(demo.database.recorded_sql) == 1


async def test_a_key_added_some_turns_later_joins_the_batch(demo: Marketplace) -> None:
    read_loader = create_read_loader(demo)

    async def load_later(key: int) -> object:
        for _ in range(key):
            await asyncio.sleep(0)
        return await read_loader.load_rows(SPEC_BY_ID, key)

    await asyncio.gather(
        *[load_later(key) for key in (1, 2, 3)], read_loader.load_rows(SPEC_OF_ALL, None)
    )
    assert len(demo.database.recorded_sql) == 2


async def test_loaded_rows_are_cached_for_the_request(demo: Marketplace) -> None:
    read_loader = create_read_loader(demo)
    first_rows = await read_loader.load_rows(SPEC_BY_ID, 1)
    assert await read_loader.load_rows(SPEC_BY_ID, 1) is first_rows
    assert len(demo.database.recorded_sql) == 1
    await create_read_loader(demo).load_rows(SPEC_BY_ID, 1)
    assert len(demo.database.recorded_sql) == 1


async def test_a_missing_table_has_no_rows(waldur: Marketplace) -> None:
    read_loader = create_read_loader(waldur)
    partition = tables.partition
    query_spec = QuerySpec(
        partition, (ColumnRef(partition.c.qos),), key_column=ColumnRef(partition.c.uuid)
    )
    assert await read_loader.load_rows(query_spec, "00000000-0000-0000-0000-000000000000") == []
    assert waldur.database.recorded_sql == []


async def test_an_error_reaches_the_waiting_keys_of_its_statement(demo: Marketplace) -> None:
    read_loader = create_read_loader(demo)
    quotient = Expression(lambda key: key / (key - key), (ColumnRef(tables.category.c.id),))
    failing_spec = QuerySpec(
        tables.category, (quotient,), key_column=ColumnRef(tables.category.c.id)
    )
    *errors, rows = await asyncio.gather(
        *[read_loader.load_rows(failing_spec, key) for key in (1, 2)],
        read_loader.load_rows(SPEC_OF_ALL, None),
        return_exceptions=True,
    )
    assert list(map(type, errors)) == [InvalidDataError] * 2
    assert isinstance(rows, list)
    assert len(rows) > 1


async def test_an_error_of_the_compiler_reaches_its_keys_only(demo: Marketplace) -> None:
    read_loader = create_read_loader(demo)
    wrong_spec = QuerySpec(
        tables.component, (ColumnRef(tables.component.c.name),), Access.INHERITED
    )
    error, rows = await asyncio.gather(
        read_loader.load_rows(wrong_spec, None),
        read_loader.load_rows(SPEC_OF_ALL, None),
        return_exceptions=True,
    )
    assert isinstance(error, ValueError)
    assert isinstance(rows, list)


async def test_an_outage_reaches_all_waiting_keys(demo: Marketplace) -> None:
    database = await RecordingDatabase.connect(demo.url)
    assert isinstance(database, RecordingDatabase)
    database.recorded_sql = []
    await database.close()
    read_loader = ReadLoader(database, demo.statement_compiler, STAFF)
    errors = await asyncio.gather(
        read_loader.load_rows(SPEC_BY_ID, 1),
        read_loader.load_rows(SPEC_OF_ALL, None),
        return_exceptions=True,
    )
    assert all(isinstance(each, UnavailableError) for each in errors), errors


async def test_inherited_rows_are_read_by_their_owner_only(demo: Marketplace) -> None:
    wrong_spec = QuerySpec(
        tables.component,
        (ColumnRef(tables.component.c.name),),
        Access.INHERITED,
        key_column=ColumnRef(tables.component.c.uuid),
    )
    with pytest.raises(ValueError, match="must be their owner's"):
        await create_read_loader(demo).load_rows(wrong_spec, "x")
