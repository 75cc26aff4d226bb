"""Load writers: random transactions on resources and orders, through all failures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import psycopg
from psycopg import AsyncConnection

MAX_TRANSACTION_SECONDS = 1.0
"""Maximum duration of a transaction in seconds."""
INSERT_COPY = """
insert into marketplace_resource select (jsonb_populate_record(null::marketplace_resource,
    to_jsonb(r) || jsonb_build_object(
        'id', (select greatest(max(id), 2000000) + 1 + floor(random() * 1000)
            from marketplace_resource),
        'uuid', gen_random_uuid(), 'slug', 'chaos', 'content_type_id', null, 'object_id', null))).*
from (select * from marketplace_resource where slug <> 'chaos' order by random() limit 1) r
"""
SELECT_RANDOM_IDS = (
    "select id from marketplace_resource where {which} order by random() limit {few}"
)
UPDATE_ORDERS = """
update marketplace_order set {assignment} where id in (
    select id from marketplace_order order by random() limit {few} for update skip locked)
"""
SELECT_UNLOCKED_IDS = f"({SELECT_RANDOM_IDS} for update skip locked)"


class LoadWriter:
    """Writer of random transactions, which reconnects after each failure."""

    def __init__(self, url: str, project_ids: list[int], seed: int = 1) -> None:
        self._url, self._project_ids, self._random = url, project_ids, Random(seed)
        self.commit_count = self.rollback_count = self.failure_count = 0
        self._late_tasks: set[asyncio.Task[None]] = set()

    async def run_load(self, seconds: float, transactions_per_second: float = 40) -> None:
        """Write transactions at that rate for `seconds`, and wait for the slow ones."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            with suppress(psycopg.Error, OSError):
                async with await AsyncConnection.connect(self._url) as connection:
                    while asyncio.get_running_loop().time() < deadline:
                        await self._write_once(connection)
                        await asyncio.sleep(1 / transactions_per_second)
            await asyncio.sleep(0.02)
        await asyncio.gather(*self._late_tasks)

    async def _write_once(self, connection: AsyncConnection[object]) -> None:
        if self._random.random() < 0.05:
            late_task = asyncio.create_task(self._write_slowly())
            self._late_tasks.add(late_task)
            late_task.add_done_callback(self._late_tasks.discard)
        try:
            await self._write_transaction(connection)
        except psycopg.Error:
            self.failure_count += 1
            raise

    async def _write_slowly(self) -> None:
        with suppress(psycopg.Error, OSError):
            async with await AsyncConnection.connect(self._url) as connection:
                await self._write_transaction(
                    connection, self._random.uniform(0.1, MAX_TRANSACTION_SECONDS)
                )

    async def _write_transaction(
        self, connection: AsyncConnection[object], open_seconds: float = 0
    ) -> None:
        for _ in range(self._random.choice([1, 1, 1, 2, 4])):
            await connection.execute(self._random_statement().encode())
        if open_seconds:
            await asyncio.sleep(open_seconds)
        if self._random.random() < 0.15:
            await connection.rollback()
            self.rollback_count += 1
        else:
            await connection.commit()
            self.commit_count += 1

    def _random_statement(self) -> str:
        limit = self._random.choice([1, 1, 2, 5])
        copied_ids = SELECT_UNLOCKED_IDS.format(which="slug = 'chaos'", few=limit)
        any_ids = SELECT_UNLOCKED_IDS.format(which="true", few=limit)
        update_prefix = "update marketplace_resource set"
        project_id = self._random.choice(self._project_ids)
        return self._random.choice(
            [
                INSERT_COPY,
                f"delete from marketplace_resource where id in {copied_ids}",
                f"{update_prefix} project_id = {project_id} where id in {any_ids}",
                f"{update_prefix} name = 'n{self._random.random()}' where id in {any_ids}",
                UPDATE_ORDERS.format(assignment=f"project_id = {project_id}", few=limit),
                UPDATE_ORDERS.format(assignment="state = state % 6 + 1", few=limit),
                *[
                    f"{update_prefix} state = {state} where id in {any_ids}"
                    for state in (2, 3, 4, 5)
                ],
            ]
        )


@asynccontextmanager
async def run_writer(
    writer: LoadWriter, seconds: float, transactions_per_second: float = 40
) -> AsyncIterator[None]:
    """Run a writer concurrently with the body of the context, and wait for its end."""
    writer_task = asyncio.create_task(writer.run_load(seconds, transactions_per_second))
    try:
        yield
        await writer_task
    finally:
        writer_task.cancel()
        await asyncio.gather(writer_task, return_exceptions=True)
