"""Whatever becomes of the servers, who comes back hears all, in order, each once."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from tests.support.gateway_server import Process
from tests.system.chaos.chaos_environment import Ground
from tests.system.chaos.load_writers import Writer, writing
from tests.system.chaos.scenarios import crowd, lazy, scene, tell

EXIT = 6
"""Seconds within which a server that is told to end has ended."""


@contextmanager
def again(ground: Ground, gone: Process) -> Iterator[Process]:
    """Serve where another served."""
    with ground.serving("--port", str(urlsplit(gone.url).port)) as serving:
        assert serving.url == gone.url
        yield serving


def end(process: Process) -> float:
    """Have a server end; give how long that took."""
    began = time.monotonic()
    assert process.end(signal.SIGTERM) == 0
    return time.monotonic() - began


async def test_a_server_is_terminated_in_a_burst_and_another_takes_its_place(
    ground: Ground,
) -> None:
    with ground.serving() as first:
        stuck = lazy(ground, first.url, 4)
        async with scene("SIGTERM", ground, [*crowd(ground, first.url), *stuck]) as played:
            for each in stuck:
                each.rest()
            async with writing(Writer(ground.url, [*ground.projects], 21), 5, 200):
                await asyncio.sleep(2)
                took = await asyncio.to_thread(end, first)
                tell(f"the server took {took:.1f} s to end")
                for each in stuck:
                    each.go_on()
                serving = again(ground, first)
                await asyncio.to_thread(serving.__enter__)
            await played.settle()
            assert played.reasons == {}
            assert sum(played.count("losses").values()) >= len(played.subscribers)
        assert took < EXIT
        await asyncio.to_thread(serving.__exit__, None, None, None)


async def test_one_of_two_workers_is_killed(ground: Ground) -> None:
    with ground.serving("--workers", "2") as serving:
        subscribers = crowd(ground, serving.url)
        async with scene("worker killed", ground, subscribers) as played:
            async with writing(Writer(ground.url, [*ground.projects], 22), 3):
                await asyncio.sleep(1)
                children = psutil.Process(serving.process.pid).children()
                workers = [each for each in children if "spawn_main" in " ".join(each.cmdline())]
                assert len(workers) == 2
                busier = max(workers, key=lambda each: len(each.net_connections()))
                os.kill(busier.pid, signal.SIGKILL)
            assert played.reasons == {}
            assert sum(played.count("losses").values()) > 0


async def test_one_of_two_servers_is_killed_and_the_other_takes_over(ground: Ground) -> None:
    with ground.serving() as one, ground.serving() as other:
        subscribers = crowd(ground, one.url, other.url)
        async with scene("server killed", ground, subscribers) as played:
            async with writing(Writer(ground.url, [*ground.projects], 23), 3):
                await asyncio.sleep(1)
                one.end(signal.SIGKILL)
                for each in subscribers:
                    each.url = other.url
            assert played.reasons == {}
