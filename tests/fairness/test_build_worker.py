"""Test the build worker: turns of viewers, shared jobs, cancellation."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from gateway.fairness.build_worker import BuildWorker
from gateway.fairness.current_client import set_current_client
from tests.support.time_limits import scale_seconds, time_limit


class BlockedWorker(BuildWorker):
    """Build worker whose first job runs until `release_job`; it records the others' names."""

    def __init__(self) -> None:
        super().__init__()
        self._released, self.names = threading.Event(), list[str]()

    def start_blocking(self) -> "asyncio.Task[bool]":
        """Start the first job."""
        return asyncio.create_task(
            self.run_job("first", "block", lambda: self._released.wait(scale_seconds(10)))
        )

    def start_job(self, owner: str | None, name: str) -> "asyncio.Task[str]":
        """Start a job that returns its name."""
        return asyncio.create_task(self.run_job(owner, name, lambda: self._record_name(name)))

    def _record_name(self, name: str) -> str:
        self.names.append(name)
        return name

    def release_job(self) -> None:
        """End the first job."""
        self._released.set()


@pytest_asyncio.fixture
async def worker() -> AsyncIterator[BlockedWorker]:
    """Yield a worker that is blocked by a job."""
    blocked_worker = BlockedWorker()
    blocking_task = blocked_worker.start_blocking()
    await asyncio.sleep(0)
    yield blocked_worker
    blocked_worker.release_job()
    await blocking_task


async def test_viewers_take_turns(worker: BlockedWorker) -> None:
    tasks = [worker.start_job("greedy", f"greedy{number}") for number in range(100)]
    await asyncio.sleep(0)
    tasks += [worker.start_job("other", f"other{number}") for number in range(2)]
    await asyncio.sleep(0)
    worker.release_job()
    await asyncio.gather(*tasks)
    assert worker.names[:5] == ["greedy0", "other0", "greedy1", "other1", "greedy2"]


async def test_anonymous_clients_take_turns(worker: BlockedWorker) -> None:
    set_current_client("192.0.2.1")
    tasks = [worker.start_job(None, f"greedy{number}") for number in range(100)]
    await asyncio.sleep(0)
    set_current_client("192.0.2.2")
    tasks += [worker.start_job(None, f"other{number}") for number in range(2)]
    await asyncio.sleep(0)
    worker.release_job()
    await asyncio.gather(*tasks)
    assert worker.names[:5] == ["greedy0", "other0", "greedy1", "other1", "greedy2"]


async def test_equal_jobs_run_once_in_the_first_turn_of_their_viewers(
    worker: BlockedWorker,
) -> None:
    tasks = [worker.start_job("greedy", f"greedy{number}") for number in range(100)]
    await asyncio.sleep(0)
    tasks.append(worker.start_job("other", "greedy99"))
    await asyncio.sleep(0)
    worker.release_job()
    results = await asyncio.gather(*tasks)
    assert results[-2:] == ["greedy99", "greedy99"]
    assert worker.names[:2] == ["greedy0", "greedy99"]
    assert len(worker.names) == 100


async def test_jobs_without_waiters_are_dropped(worker: BlockedWorker) -> None:
    tasks = [worker.start_job("viewer", f"job{number}") for number in range(3)]
    joined_task = worker.start_job("other", "job0")
    await asyncio.sleep(0)
    for task in tasks[:2]:
        task.cancel()
    await asyncio.wait(tasks[:2])
    again = worker.start_job("viewer", "job1")
    await asyncio.sleep(0)
    again.cancel()
    await asyncio.wait([again])
    worker.release_job()
    results = await asyncio.gather(tasks[2], joined_task)
    assert list(results) == ["job2", "job0"]
    assert sorted(worker.names) == ["job0", "job2"]


async def test_waiters_of_a_running_job_can_be_cancelled() -> None:
    worker = BlockedWorker()
    first, second = worker.start_blocking(), worker.start_blocking()
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    worker.release_job()
    assert await second
    assert await worker.start_job("viewer", "after") == "after"


def fail_with(error: BaseException) -> Callable[[], None]:
    """Return a job that raises an error."""

    def raise_error() -> None:
        raise error

    return raise_error


async def test_errors_are_raised_where_the_result_is_awaited() -> None:
    worker = BuildWorker()
    for error in (ValueError("wrong"), RecursionError(), MemoryError()):
        with pytest.raises(type(error)):
            await worker.run_job("viewer", "key", fail_with(error))
    assert await worker.run_job("viewer", "key", lambda: 1) == 1


async def test_the_event_loop_runs_while_a_job_computes() -> None:
    worker, is_stopped = BuildWorker(), False

    def compute() -> bool:
        while not is_stopped:
            pass
        return True

    task = asyncio.create_task(worker.run_job("viewer", "key", compute))
    async with time_limit(10, "turns of the loop during a job"):
        for _ in range(20):
            await asyncio.sleep(0.001)
    is_stopped = True
    assert await task
