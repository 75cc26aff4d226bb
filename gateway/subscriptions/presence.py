"""Who is connected: their roles and tokens are looked at again and again."""

import asyncio
import logging
from collections import defaultdict
from typing import Protocol

from gateway.auth import UnauthenticatedError, Viewers
from gateway.db.viewer import Viewer

log = logging.getLogger(__name__)
SECONDS = 10
"""After so many seconds a viewer's roles and token are looked at again."""
Name = tuple[str | None, str | None]
"""A token's key and the address that it is used from."""


class Session(Protocol):
    """A connection on which a viewer is told of events."""

    def seen(self, viewer: Viewer) -> None:
        """Go on as this viewer."""

    def refused(self, why: str) -> None:
        """End: the token does not count any more."""


class Presence:
    """The sessions of a process."""

    def __init__(self, viewers: Viewers, seconds: float = SECONDS) -> None:
        """Ask `viewers` every so many seconds."""
        self.viewers, self._seconds = viewers, seconds
        self._sessions: defaultdict[Name, set[Session]] = defaultdict(set)

    async def enter(self, session: Session, name: Name) -> Viewer:
        """Look after a session; give its viewer. UnauthenticatedError if it has none."""
        viewer = await self.viewers.viewer(*name)
        self._sessions[name].add(session)
        return viewer

    def leave(self, session: Session, name: Name) -> None:
        """Have done with a session."""
        self._sessions[name].discard(session)
        if not self._sessions[name]:
            del self._sessions[name]

    async def run(self) -> None:
        """Look at everybody again and again."""
        while True:
            await asyncio.sleep(self._seconds)
            for name in [*self._sessions]:
                await self._look(name)

    async def _look(self, name: Name) -> None:
        try:
            viewer = await self.viewers.look(*name)
        except UnauthenticatedError as problem:
            for each in self._of(name):
                each.refused(str(problem))
        except Exception as problem:  # noqa: BLE001 - others are to be looked at, too
            log.warning("Who is subscribed can't be looked at: %r", problem)
        else:
            for each in self._of(name):
                each.seen(viewer)

    def _of(self, name: Name) -> list[Session]:
        return [*self._sessions.get(name, ())]
