"""Who is connected: their roles and tokens are looked at again and again."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from gateway.auth.authenticator import UnauthenticatedError, Viewers
from gateway.db.access.viewer import Viewer

log = logging.getLogger(__name__)
SECONDS, AT_ONCE = 10, 8
"""After so many seconds a viewer's roles and token are looked at again; so many together."""
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
            names = [*self._sessions]
            for start in range(0, len(names), AT_ONCE):
                await asyncio.gather(*map(self._look, names[start : start + AT_ONCE]))

    async def _look(self, name: Name) -> None:
        try:
            viewer = await self.viewers.look(*name, within=self._seconds)
        except UnauthenticatedError as problem:
            why = str(problem)
            self._each(name, lambda session: session.refused(why))
        except Exception as problem:  # noqa: BLE001 - others are to be looked at, too
            log.warning("Who is subscribed can't be looked at: %r", problem)
        else:
            self._each(name, lambda session: session.seen(viewer))

    def _each(self, name: Name, tell: Callable[[Session], None]) -> None:
        for each in [*self._sessions.get(name, ())]:
            try:
                tell(each)
            except Exception:
                log.exception("A session can't be told who it is of")
