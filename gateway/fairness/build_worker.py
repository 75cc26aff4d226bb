"""The build worker: a thread that builds plans, statements and wide answers, in viewers' turns."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from gateway.fairness.current_client import ClientKey, get_current_client

T = TypeVar("T")
MAX_UNPAID_CLIENTS = 10_000
"""Maximum number of clients whose builds are counted; the oldest is dropped."""


class BuildWorker:
    """Thread that runs build jobs, one at a time; the viewers take turns.

    Building what was never asked before takes milliseconds of processor time: 50 for a plan
    of 100 statements, 5 to 50 for a statement. In a thread that does not stop the event
    loop, which gets the interpreter back within a switch interval (5 ms).

        run_job ----> waiting, in its viewer's queue ----> running ----> done
                                 |
                                 +-- all waiters were cancelled: dropped

    Jobs with equal keys run once: a viewer who asks for a job that another one waits for
    puts it into the own queue as well, and the first turn that comes runs it. A viewer with
    a thousand jobs thus delays another's by one job. A job that runs is finished even if
    all waiters were cancelled, because a thread can't be cancelled; jobs are short.

    All methods are called in one event loop; only the jobs run in the thread.
    """

    def __init__(self, thread_name: str = "build") -> None:
        """Name the thread, which starts with the first job."""
        self._thread_pool = ThreadPoolExecutor(1, thread_name_prefix=thread_name)
        self._queues: OrderedDict[Hashable, deque[_Job]] = OrderedDict()
        self._jobs: dict[Hashable, _Job] = {}
        self._is_running = False
        self.job_count = 0
        """The number of jobs that were run."""
        self.unpaid_builds: dict[ClientKey, int] = {}
        """What was built for each client since its last operation was charged."""

    async def run_job(self, owner: Hashable, key: Hashable, work: Callable[[], T]) -> T:
        """Return the result of `work`, run in the thread in a turn of `owner`.

        Without an owner it is a turn of the current client: anonymous viewers have no id.
        A job with an equal key that waits or runs is joined. Raises what `work` raises.
        """
        owner = get_current_client() if owner is None else owner
        job = self._jobs.get(key)
        if job is None:
            job = self._jobs[key] = _Job(key, work)
        if not job.is_started:
            self._queues.setdefault(owner, deque()).append(job)
            self._start_next()
        job.waiter_count += 1
        try:
            result: T = await asyncio.shield(job.future)
        finally:
            job.waiter_count -= 1
            self._forget_unused(job)
        return result

    def count_builds(self, count: int) -> None:
        """Count builds for the current client; its next operation is charged for them."""
        client = get_current_client()
        if client is not None:
            self.unpaid_builds[client] = self.unpaid_builds.pop(client, 0) + count
            if len(self.unpaid_builds) > MAX_UNPAID_CLIENTS:
                del self.unpaid_builds[next(iter(self.unpaid_builds))]

    def _start_next(self) -> None:
        """Start the next job, unless one runs."""
        job = None if self._is_running else self._take_next()
        if job is not None:
            self._is_running = job.is_started = True
            self.job_count += 1
            self._thread_pool.submit(self._run_in_thread, job, job.future.get_loop())

    def _take_next(self) -> "_Job | None":
        """Return the first job in the queues, in turns; drop those that are not waited for."""
        while self._queues:
            owner, queue = self._queues.popitem(last=False)
            job = queue.popleft()
            if queue:
                self._queues[owner] = queue
            if not job.is_started and self._jobs.get(job.key) is job:
                return job
        return None

    def _run_in_thread(self, job: "_Job", loop: asyncio.AbstractEventLoop) -> None:
        try:
            outcome: tuple[Any, BaseException | None] = job.work(), None
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            outcome = None, error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(self._finish_job, job, *outcome)

    def _finish_job(self, job: "_Job", result: Any, error: BaseException | None) -> None:
        self._is_running = False
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)
            job.future.exception()
        self._forget_unused(job)
        self._start_next()

    def _forget_unused(self, job: "_Job") -> None:
        """Forget a job without waiters; until its waiters have the result, others may join it."""
        if not job.waiter_count and (job.future.done() or not job.is_started):
            self._jobs.pop(job.key, None)


class _Job:
    """A job, and those who wait for it."""

    def __init__(self, key: Hashable, work: Callable[[], Any]) -> None:
        self.key, self.work = key, work
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiter_count = 0
        self.is_started = False
