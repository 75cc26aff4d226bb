"""Requests that were sent end by themselves, also if their client has left."""

import asyncio
import logging
import time

import pytest

from gateway.rest_api import request_tasks
from gateway.rest_api.request_tasks import NoAnswerYetError, RequestTasks
from tests.support.time_limits import wait_until


async def answer_after(event: asyncio.Event) -> str:
    """Return an answer when an event is set."""
    await event.wait()
    return "accepted"


@pytest.mark.parametrize("has_time_out", [False, True])
async def test_request_goes_on_without_its_client(
    caplog: pytest.LogCaptureFixture, has_time_out: bool
) -> None:
    caplog.set_level(logging.INFO)
    tasks, event = RequestTasks(), asyncio.Event()
    task = tasks.start_task(answer_after(event))
    give_up_at = time.monotonic() if has_time_out else None
    waiting = asyncio.create_task(tasks.await_task(task, give_up_at))
    await asyncio.sleep(0)
    if not has_time_out:
        waiting.cancel()
    with pytest.raises(NoAnswerYetError if has_time_out else asyncio.CancelledError):
        await waiting
    assert not task.done()
    event.set()
    assert await tasks.await_task(task, None) == "accepted"
    await wait_until(lambda: "accepted" in caplog.text)


async def test_failure_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("no")

    tasks = RequestTasks()
    with pytest.raises(ValueError, match="no"):
        await tasks.await_task(tasks.start_task(fail()), None)


async def test_closing_waits_for_answers() -> None:
    tasks, event = RequestTasks(), asyncio.Event()
    task = tasks.start_task(answer_after(event))
    closing = asyncio.create_task(tasks.close())
    await asyncio.sleep(0)
    event.set()
    await closing
    assert task.result() == "accepted"
    await tasks.close()


async def test_closing_ends_what_is_not_answered(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_tasks, "FINISH_SECONDS", 0)
    tasks = RequestTasks()
    task = tasks.start_task(answer_after(asyncio.Event()))
    await asyncio.sleep(0)
    await tasks.close()
    assert task.cancelled()
    assert "1 requests to Waldur's REST API had no answer" in caplog.text
