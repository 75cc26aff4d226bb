"""A Redis server on a free port of this machine, without files."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.support.time_limits import block_until

REDIS_PATH = shutil.which("redis-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""Path of the program; None if it is not installed."""
needs_redis = pytest.mark.skipif(REDIS_PATH is None, reason="redis-server is not installed.")


@dataclass(frozen=True)
class RedisServer:
    """A running Redis."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        """URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stall(self) -> None:
        """Stop the process, so that connections are accepted and not answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a stalled process."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def run_redis(port: int = 0) -> Iterator[RedisServer]:
    """Run a Redis until the end of the body, on a free port by default."""
    assert REDIS_PATH is not None
    port = port or _find_free_port()
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": "/"}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    process = subprocess.Popen([REDIS_PATH, *arguments], stdout=subprocess.DEVNULL)
    try:
        block_until(lambda: _accepts_connections(port))
        yield RedisServer(process, port)
    finally:
        process.kill()
        process.wait()


def _accepts_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
