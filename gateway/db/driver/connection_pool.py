"""Which batch goes on which connection, and what becomes of those on a lost one."""

import asyncio
from math import inf

from gateway.db.driver.batch import Batch
from gateway.db.driver.connection_options import Session
from gateway.db.driver.connector import Opening
from gateway.db.driver.errors import UnavailableError
from gateway.db.driver.pipeline_connection import Line
from gateway.db.driver.timer import SLOW, Watch
from gateway.db.driver.wait_queue import Waiting

DEPTH = 8
"""How many batches may be under way on one connection."""
AWAKE = 2
"""On so many connections quick batches share: a third would only wake up one more backend."""
FAREWELL = 2
"""Seconds that what is under way gets when all is closed."""


class Lines:
    """Up to `size` connections to one database."""

    def __init__(self, session: Session, size: int, *, wait: float) -> None:
        """Wait so many seconds for a connection, and for a sign of life beyond a time-out."""
        self._session, self._size, self._wait = session, size, wait
        self._depth = DEPTH if session.first is None else 1
        self.loop = asyncio.get_running_loop()
        self._lines: set[Line] = set()
        self._leaving: set[Line] = set()
        self._idle: list[Line] = []
        self._waiting = Waiting()
        self._opening = Opening(self._open, self._opened, self._fill)
        self._watch = Watch(self._look)
        self._closing = False
        self.answered = 0.0
        """When the database answered last, on the loop's clock."""
        self._fill()

    def take(self, batch: Batch) -> None:
        """Run a batch: at once if there is a connection for it, else in its turn."""
        if self._closing:
            batch.fail(UnavailableError("The connections are closed."))
            return
        self._watch.wake()
        line = self._line(batch)
        if line is None:
            self._waiting.add(batch, self.loop.time())
        else:
            line.send(batch)
        if line is None or not self._idle:
            self._fill(behind=line is not None and len(line.batches) > 1)

    def _line(self, batch: Batch) -> Line | None:
        """Give a connection that can take a batch, if there is one.

        Quick ones share few connections; a slow one, and what would wait for
        it, get others as long as there are any.
        """
        if self._idle and (batch.slow or len(self._lines) - len(self._idle) < AWAKE):
            return self._idle.pop()
        if self._waiting:
            return None
        line = self._least()
        return self._idle.pop() if self._idle and (line is None or line.slow) else line

    def _least(self) -> Line | None:
        """Give the busy connection with the least to do that can take more; best a quick one."""
        now, found = self.loop.time(), None
        for each in self._lines:
            if each.batches and self._takes(each, now) and (found is None or _eases(each, found)):
                found = each
        return found

    def _takes(self, line: Line, now: float) -> bool:
        if line.doomed or line not in self._lines:
            return False
        load = len(line.batches)
        return not load or (load < self._depth and now - line.began < SLOW)

    def freed(self, line: Line) -> None:
        """Give what waits to a connection that has place again."""
        self.answered = now = self.loop.time()
        while self._waiting and self._takes(line, now):
            batch = self._waiting.next()
            if batch is not None:
                line.send(batch)
        if not line.batches and not line.doomed:
            self._rest(line)

    def _rest(self, line: Line) -> None:
        if line in self._lines:
            self._idle.append(line)
        elif line in self._leaving:
            self._leaving.discard(line)
            line.close()

    def _aside(self, batch: Batch) -> bool:
        """Run a batch that is held up on an idle connection besides; tell whether there is one."""
        if self._idle:
            self._idle.pop().send(batch)
            return True
        self._fill(behind=True)
        return False

    def again(self, batch: Batch, error: Exception) -> None:
        """Run a batch once more, before those that wait; tell it `error` if that was done."""
        if batch.repeated or self._closing:
            batch.fail(error)
            return
        batch.repeated = True
        if not batch.over() and not self._aside(batch):
            self._waiting.put_first(batch, self.loop.time())

    def lost(self, line: Line, left: list[Batch], error: Exception) -> None:
        """Run what is left on new connections: what broke one may have broken all."""
        if line in self._lines:
            self._renew()
        self._leaving.discard(line)
        for batch in reversed(left):
            self.again(batch, error)
        self._fill()

    def _renew(self) -> None:
        """Let go of all connections, also of coming ones; of those in use when they are done."""
        self._opening.forget()
        self._leaving |= self._lines
        self._lines.clear()
        self._idle.clear()
        for line in [each for each in self._leaving if not each.batches and not each.doomed]:
            self._rest(line)

    def _fill(self, *, behind: bool = False) -> None:
        """Open a connection if there is none, or for what waits or was sent `behind` others."""
        opening = len(self._opening)
        there = len(self._lines) + opening
        wanted = not there or (there < self._size and opening < len(self._waiting) + behind)
        if wanted and not self._closing:
            self._opening.start()

    async def _open(self) -> Line:
        return Line(await self._session.connect(), self, self._session.first)

    def _opened(self, line: Line) -> None:
        self._lines.add(line)
        self.freed(line)
        self._fill()

    def _busy(self) -> list[Line]:
        return [each for each in (*self._lines, *self._leaving) if each.batches]

    def _look(self, now: float) -> bool:
        """Look after what is under way and what waits; tell whether there is anything."""
        busy = self._busy()
        for line in busy:
            if line.batches and now - line.began > SLOW:
                self._slow(line, now - line.began)
        silent = now - self.answered > self._wait
        self._waiting.lapse(now - self._wait if silent else 0)
        return bool(busy or self._waiting)

    def _slow(self, line: Line, seconds: float) -> None:
        """Give up a dead server, stop what nobody waits for, send elsewhere what is held up."""
        first, *others = line.batches
        if seconds > self._wait + self._session.seconds * len(first.asks):
            line.give_up()
            return
        if first.over():
            line.cancel()
        for batch in others:
            if not batch.shared and not batch.over():
                batch.shared = self._aside(batch)

    async def close(self) -> None:
        """Take nothing any more; end the connections when what is under way is done, or soon."""
        self._closing = True
        self._waiting.lapse(inf)
        await self._opening.close()
        left = [batch for line in self._busy() for batch in line.batches]
        futures = [future for batch in left for _, _, future in batch.asks]
        if futures:
            await asyncio.wait(futures, timeout=FAREWELL)
        for batch in left:
            batch.fail(UnavailableError("The connections are closed."))
        await asyncio.gather(*[line.stop() for line in self._busy()])
        for line in (*self._lines, *self._leaving):
            line.close()
        self._watch.stop()


def _eases(line: Line, other: Line) -> bool:
    """Tell whether a batch would rather wait behind what is on `line` than on `other`."""
    if line.slow != other.slow:
        return other.slow
    return len(line.batches) < len(other.batches)
