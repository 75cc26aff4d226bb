"""Who is connected: their roles and tokens are looked at again and again."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from gateway.auth.authenticator import UnauthenticatedError, ViewerCache
from gateway.db.access.viewer import Viewer

log = logging.getLogger(__name__)
CHECK_INTERVAL_SECONDS, MAX_CONCURRENT_CHECKS = 10, 8
"""After so many seconds a viewer's roles and token are looked at again; so many together."""
Credentials = tuple[str | None, str | None]
"""A token's key and the address that it is used from."""


class MonitoredSession(Protocol):
    """A connection on which a viewer is told of events."""

    def viewer_changed(self, viewer: Viewer) -> None:
        """Go on as this viewer."""

    def revoked(self, reason: str) -> None:
        """End: the token does not count any more."""


class SessionMonitor:
    """The sessions of a process."""

    def __init__(
        self, viewer_cache: ViewerCache, interval_seconds: float = CHECK_INTERVAL_SECONDS
    ) -> None:
        """Ask `viewers` every so many seconds."""
        self.viewer_cache, self._interval_seconds = viewer_cache, interval_seconds
        self._sessions: defaultdict[Credentials, set[MonitoredSession]] = defaultdict(set)

    async def add_session(self, session: MonitoredSession, credentials: Credentials) -> Viewer:
        """Look after a session; give its viewer. UnauthenticatedError if it has none."""
        viewer = await self.viewer_cache.authenticate(*credentials)
        self._sessions[credentials].add(session)
        return viewer

    def remove_session(self, session: MonitoredSession, credentials: Credentials) -> None:
        """Have done with a session."""
        self._sessions[credentials].discard(session)
        if not self._sessions[credentials]:
            del self._sessions[credentials]

    async def run_checks(self) -> None:
        """Look at everybody again and again."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            credentials_list = [*self._sessions]
            for start in range(0, len(credentials_list), MAX_CONCURRENT_CHECKS):
                await asyncio.gather(
                    *map(
                        self._check_sessions,
                        credentials_list[start : start + MAX_CONCURRENT_CHECKS],
                    )
                )

    async def _check_sessions(self, credentials: Credentials) -> None:
        try:
            viewer = await self.viewer_cache.get_viewer(
                *credentials, max_age_seconds=self._interval_seconds
            )
        except UnauthenticatedError as error:
            reason = str(error)
            self._notify_sessions(credentials, lambda session: session.revoked(reason))
        except Exception as error:  # noqa: BLE001 - others are to be looked at, too
            log.warning("Who is subscribed can't be looked at: %r", error)
        else:
            self._notify_sessions(credentials, lambda session: session.viewer_changed(viewer))

    def _notify_sessions(
        self, credentials: Credentials, notify: Callable[[MonitoredSession], None]
    ) -> None:
        for session in [*self._sessions.get(credentials, ())]:
            try:
                notify(session)
            except Exception:
                log.exception("A session can't be told who it is of")
