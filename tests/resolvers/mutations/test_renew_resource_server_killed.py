"""The serving process is killed amid 200 renewals: none is half done, none is done twice."""

import asyncio
from typing import Any

import httpx
import psycopg

from tests.conftest import NewDatabase
from tests.support.bulk_renewals import Wishes, renew, until
from tests.support.gateway_server import Process, process

COUNT = 200


async def renewed(served: Process, wishes: Wishes) -> list[Any]:
    """Renew the resources, many at once; None where no answer came."""

    async def one(uuid: str) -> Any:
        try:
            answer = await renew(client, wishes.token, uuid)
        except httpx.HTTPError:
            return None
        return answer.json()["data"]["renewResource"]

    async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
        return await wishes.each(one)


async def killed_when(served: Process, root: psycopg.Connection[Any], wishes: Wishes) -> None:
    """Kill the process when some orders were placed."""
    await until(lambda: wishes.placed(root) >= COUNT // 4)
    served.process.kill()


async def test_renewals_survive_that_the_process_is_killed(new_database: NewDatabase) -> None:
    url = new_database()
    wishes = Wishes(url, COUNT)
    with psycopg.connect(url, autocommit=True) as root:
        with process("--database-url", url, provider_seconds="off") as served:
            killing = asyncio.create_task(killed_when(served, root, wishes))
            came = await renewed(served, wishes)
            await killing
            served.process.wait(10)
        assert None in came, "it was killed in the middle"
        assert wishes.half(root) == 0
        with process("--database-url", url, provider_seconds="off") as served:
            again = await renewed(served, wishes)
        assert {each["__typename"] for each in again} == {"ResourceRenewed"}
        for first, second in zip(came, again, strict=True):
            assert first is None or first == second
        assert wishes.placed(root) == COUNT
