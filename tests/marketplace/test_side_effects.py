"""Side effects of changes that no mutation's test covers (domain.md §1.16)."""

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.db import tables
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.side_effects import save_version
from gateway.marketplace.unit_of_work import UnitOfWork
from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import (
    DemoWithProvider,
    find_renewable_resource,
    serve_demo_with_provider,
)

EXACT_NUMBERS = ("1.10", "100000000000000000000.01", "0.1234567890123456789")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a mutable demo with its provider."""
    async with serve_demo_with_provider(new_database()) as running_demo:
        yield running_demo


async def test_a_version_has_the_exact_numbers_of_its_resource(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    options_sql = "update marketplace_resource set options = %s where uuid = %s"
    demo.run_sql(options_sql, f'{{"exact": [{", ".join(EXACT_NUMBERS)}]}}', uuid)

    async def save_resource(unit_of_work: UnitOfWork) -> None:
        resource_id = await unit_of_work.find_visible_id(tables.resource, uuid)
        resource = await unit_of_work.load_row(ResourceRow, resource_id)
        await save_version(unit_of_work, resource, "Options have been updated")

    await demo.run_as_staff(save_resource)
    version_sql = """
        select v.serialized_data, r.comment from reversion_version v
        join reversion_revision r on r.id = v.revision_id order by v.id desc limit 1
    """
    ((serialized, comment),) = demo.run_sql(version_sql)
    assert comment == "Options have been updated"
    assert f"[{', '.join(EXACT_NUMBERS)}]" in serialized
