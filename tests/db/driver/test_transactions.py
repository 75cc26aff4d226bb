"""Test the write pool: a cancelled transaction ends its task."""

import asyncio
from random import Random

from tests.conftest import DatabaseFactory
from tests.support.database_queries import build_request, open_write_pool

CANCELLATION_COUNT, MAX_DELAY_SECONDS = 80, 0.04


async def test_cancellation_is_never_lost(new_database: DatabaseFactory) -> None:
    """Cancel a task at random times while it connects or runs a statement."""
    url, random = new_database(), Random(1)
    for _ in range(CANCELLATION_COUNT):
        async with open_write_pool(url) as transaction_pool:

            async def write_repeatedly() -> None:
                await transaction_pool.run_transaction(
                    lambda transaction: transaction.fetch_rows([build_request("select 1")])
                )
                await asyncio.sleep(60)

            task = asyncio.create_task(write_repeatedly())
            await asyncio.sleep(random.uniform(0, MAX_DELAY_SECONDS))
            task.cancel()
            await asyncio.wait([task], timeout=5)
            assert task.cancelled()
