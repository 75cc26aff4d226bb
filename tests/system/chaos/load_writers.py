"""Writers that change resources at a rate, in transactions of all kinds, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import psycopg
from psycopg import AsyncConnection

LONGEST = 1.0
"""Seconds for which the longest transactions stay open."""
COPY = """
insert into marketplace_resource select (jsonb_populate_record(null::marketplace_resource,
    to_jsonb(r) || jsonb_build_object(
        'id', (select greatest(max(id), 2000000) + 1 + floor(random() * 1000)
            from marketplace_resource),
        'uuid', gen_random_uuid(), 'slug', 'chaos', 'content_type_id', null, 'object_id', null))).*
from (select * from marketplace_resource where slug <> 'chaos' order by random() limit 1) r
"""
FREE = "select id from marketplace_resource where {which} order by random() limit {few}"
SOME = f"({FREE} for update skip locked)"


class Writer:
    """Changes resources."""

    def __init__(self, url: str, projects: list[int], seed: int = 1) -> None:
        self._url, self._projects, self._random = url, projects, Random(seed)
        self.committed = self.undone = self.failed = 0
        self._late: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float, rate: float = 40) -> None:
        """Write so many transactions a second, and wait for those that are late."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            with suppress(psycopg.Error, OSError):
                async with await AsyncConnection.connect(self._url) as connection:
                    while asyncio.get_running_loop().time() < end:
                        await self._one(connection)
                        await asyncio.sleep(1 / rate)
            await asyncio.sleep(0.02)
        await asyncio.gather(*self._late)

    async def _one(self, connection: AsyncConnection[object]) -> None:
        if self._random.random() < 0.05:
            late = asyncio.create_task(self._be_late())
            self._late.add(late)
            late.add_done_callback(self._late.discard)
        try:
            await self._write(connection)
        except psycopg.Error:
            self.failed += 1
            raise

    async def _be_late(self) -> None:
        with suppress(psycopg.Error, OSError):
            async with await AsyncConnection.connect(self._url) as connection:
                await self._write(connection, self._random.uniform(0.1, LONGEST))

    async def _write(self, connection: AsyncConnection[object], stay: float = 0) -> None:
        for _ in range(self._random.choice([1, 1, 1, 2, 4])):
            await connection.execute(self._change().encode())
        if stay:
            await asyncio.sleep(stay)
        if self._random.random() < 0.15:
            await connection.rollback()
            self.undone += 1
        else:
            await connection.commit()
            self.committed += 1

    def _change(self) -> str:
        few = self._random.choice([1, 1, 2, 5])
        mine, all_ = (
            SOME.format(which="slug = 'chaos'", few=few),
            SOME.format(which="true", few=few),
        )
        set_ = "update marketplace_resource set"
        return self._random.choice(
            [
                COPY,
                f"delete from marketplace_resource where id in {mine}",
                f"{set_} project_id = {self._random.choice(self._projects)} where id in {all_}",
                f"{set_} name = 'n{self._random.random()}' where id in {all_}",
                *[f"{set_} state = {state} where id in {all_}" for state in (2, 3, 4, 5)],
            ]
        )


@asynccontextmanager
async def writing(writer: Writer, seconds: float, rate: float = 40) -> AsyncIterator[None]:
    """Have a writer write beside what is done, and wait for its end."""
    task = asyncio.create_task(writer.run(seconds, rate))
    try:
        yield
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
