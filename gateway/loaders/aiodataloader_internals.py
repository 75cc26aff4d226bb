"""The parts of aiodataloader that are not documented, all used here: how it queues a key.

A new version of aiodataloader may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

from abc import abstractmethod
from asyncio import AbstractEventLoop, Future
from collections.abc import Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader

KeyT = TypeVar("KeyT")
ResultT = TypeVar("ResultT")


class QueueingLoader(DataLoader[KeyT, ResultT]):
    """A dataloader that caches futures by key, and leaves batches to its subclass.

    DataLoader calls `do_resolve_reject` for each key that is not in its cache, and would
    dispatch a batch at the end of the turn of the event loop. Here that method is the
    subclass's `queue_key`, without a call in between.
    """

    def __init__(self, loop: AbstractEventLoop | None = None) -> None:
        super().__init__(_refuse_own_dispatch, loop=loop)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.do_resolve_reject = cls.queue_key  # type: ignore[method-assign, assignment]

    @abstractmethod
    def queue_key(self, key: KeyT, future: "Future[ResultT]") -> None:
        """Queue a key for the next batch, which settles the future."""


async def _refuse_own_dispatch(_keys: Sequence[Any]) -> list[Any]:
    raise AssertionError("Subclasses of QueueingLoader dispatch batches, not aiodataloader.")
