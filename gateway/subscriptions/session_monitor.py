"""Session monitor: periodic re-authentication of connected subscribers."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from gateway.auth.authenticator import ViewerCache
from gateway.auth.errors import RefusedCredentialsError
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Viewer

log = logging.getLogger(__name__)
CHECK_INTERVAL_SECONDS, MAX_CONCURRENT_CHECKS = 10, 8
"""Seconds between two checks of all sessions; maximum number of concurrent checks."""


class MonitoredSession(Protocol):
    """A connection with subscriptions of one viewer: a WebSocket or an HTTP stream."""

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue with the viewer's current roles."""

    def begin_drain(self) -> None:
        """End the session as soon as possible, so that the client reconnects elsewhere."""

    def revoked(self, error: RefusedCredentialsError) -> None:
        """End the session, as its token is no longer valid."""


class SessionMonitor:
    """Re-authentication of all sessions of a process.

    A request authenticates itself; a connection lives on after its first message. So the
    monitor authenticates the credentials of all sessions again every CHECK_INTERVAL_SECONDS.
    Sessions with the same credentials share one check, and checks do not count as a use of
    the token, which would keep it from expiring. A session's life:

        add_session -- RefusedCredentialsError ---> not added
             |
             v
         MONITORED --+ the check returns a viewer: viewer_changed(viewer), also if unchanged;
          |  |  ^    | the check fails (database not available): logged, checked next time
          |  |  +----+
          |  |
          |  +-- RefusedCredentialsError: revoked(error); the session then ends itself ----+
          |                                                                             |
          +-- the client disconnects --------------------------- remove_session <-------+

    So a revoked token ends its sessions, and a revoked role hides events, within about twice the
    interval: a check may use a viewer that was cached up to one interval ago.
    """

    def __init__(
        self, viewer_cache: ViewerCache, interval_seconds: float = CHECK_INTERVAL_SECONDS
    ) -> None:
        """Authenticate by `viewer_cache`."""
        self.viewer_cache, self._interval_seconds = viewer_cache, interval_seconds
        self._sessions: defaultdict[Credentials, set[MonitoredSession]] = defaultdict(set)

    async def add_session(self, session: MonitoredSession, credentials: Credentials) -> Viewer:
        """Authenticate a session, monitor it from now on, and return its viewer.

        Raises RefusedCredentialsError if the token is invalid.
        """
        viewer = await self.viewer_cache.authenticate(credentials)
        self._sessions[credentials].add(session)
        return viewer

    def remove_session(self, session: MonitoredSession, credentials: Credentials) -> None:
        """Stop monitoring a session."""
        self._sessions[credentials].discard(session)
        if not self._sessions[credentials]:
            del self._sessions[credentials]

    async def run_checks(self) -> None:
        """Check all sessions periodically, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            credentials_list = [*self._sessions]
            for start in range(0, len(credentials_list), MAX_CONCURRENT_CHECKS):
                batch = credentials_list[start : start + MAX_CONCURRENT_CHECKS]
                await asyncio.gather(*map(self._check_sessions, batch))

    async def _check_sessions(self, credentials: Credentials) -> None:
        try:
            viewer = await self.viewer_cache.get_viewer(
                credentials, max_age_seconds=self._interval_seconds
            )
        except RefusedCredentialsError as error:
            rejection = error
            self._notify_sessions(credentials, lambda session: session.revoked(rejection))
        except Exception as error:  # noqa: BLE001 - the other sessions are still to be checked
            log.warning("Sessions could not be re-authenticated: %r", error)
        else:
            self._notify_sessions(credentials, lambda session: session.viewer_changed(viewer))

    def drain_sessions(self) -> None:
        """End all sessions, because the server is about to stop."""
        for credentials in [*self._sessions]:
            self._notify_sessions(credentials, lambda session: session.begin_drain())

    def _notify_sessions(
        self, credentials: Credentials, notify: Callable[[MonitoredSession], None]
    ) -> None:
        for session in [*self._sessions.get(credentials, ())]:
            try:
                notify(session)
            except Exception:
                log.exception("A session could not be notified of its viewer")
