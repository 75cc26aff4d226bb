"""HTTP server that drains before it stops: uvicorn's server with one more phase."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn

BEGIN_DRAIN_KEY = "begin_drain"
"""Key of the application's function in the lifespan state that begins to drain."""
SHUTDOWN_SECONDS = 5
"""Seconds within which running requests must finish after the drain."""
LINGER_SECONDS = 0.5
"""Seconds in which connections that were accepted last may send their first request."""


class DrainingServer(uvicorn.Server):
    """Uvicorn's server, with a drain before its shutdown.

        SERVING --- SIGTERM ------> DRAINING --- drain_seconds later ----> STOPPING ---> ended
           |                          |                                      ^
           |                          +--- another SIGTERM, SIGINT ----------+
           +--- SIGINT, or a drain of 0 seconds -----------------------------+

    DRAINING: the application has begun to drain (`begin_drain` of the lifespan state): it
    reports that it is not ready, ends streams and WebSockets so that clients reconnect, and
    refuses new ones; other requests are served, on new connections, too, until load
    balancers have noticed. STOPPING: the listening socket is closed, after LINGER_SECONDS idle
    connections are closed, and requests that have not finished within SHUTDOWN_SECONDS
    are cancelled.

    `report_alive` is called about once a second by the event loop; it returns False if the
    server is to stop.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        drain_seconds: float,
        report_alive: Callable[[], bool] = lambda: True,
    ) -> None:
        """Serve by `config`."""
        super().__init__(config)
        self._drain_seconds, self._report_alive = drain_seconds, report_alive
        self._drain_ends_at: float | None = None
        self._is_draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first SIGTERM; stop at once at any other signal."""
        can_drain = self.started and self._drain_ends_at is None and not self.should_exit
        if sig == signal.SIGTERM and can_drain and self._drain_seconds > 0:
            self._drain_ends_at = time.monotonic() + self._drain_seconds
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Report that the event loop runs; begin and end the drain when it is time."""
        if counter % 10 == 0 and not self._report_alive():
            self.should_exit = True
        if self._drain_ends_at is not None:
            if not self._is_draining:
                self._is_draining = True
                self.lifespan.state.get(BEGIN_DRAIN_KEY, bool)()
            self.should_exit = self.should_exit or time.monotonic() >= self._drain_ends_at
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Stop listening, serve the connections that were accepted last, then stop."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(LINGER_SECONDS)
        await super().shutdown(None if sockets is None else [*sockets])
