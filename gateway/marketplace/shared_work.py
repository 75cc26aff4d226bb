"""Work that the changes in one transaction share: a batch of them must not do it for each."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class SharedWork:
    """Work of one transaction that is done once for each key.

    It keeps changes that run concurrently in one transaction (`change_batch`) from disturbing each
    other: what one of them would insert if it is missing is inserted once, and values that are
    computed from the rows of several changes are computed after all of them.
    """

    def __init__(self) -> None:
        self._results: dict[Hashable, asyncio.Future[Any]] = {}
        self._final_works: dict[Hashable, Callable[[], Awaitable[None]]] = {}

    async def run_once(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work`, or return its result if it was already run under this key."""
        if key not in self._results:
            self._results[key] = asyncio.ensure_future(work())
        result: T = await self._results[key]
        return result

    def run_finally(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` once, after all changes of the transaction. It must not meet a problem."""
        self._final_works[key] = work

    def take_final_works(self) -> list[Callable[[], Awaitable[None]]]:
        """Return the work that remains to be done before the commit."""
        works, self._final_works = [*self._final_works.values()], {}
        return works
