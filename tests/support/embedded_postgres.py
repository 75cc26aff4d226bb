"""Helpers of the tests of the embedded PostgreSQL: folders, queries, processes."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from gateway.demo.postgres import EmbeddedPostgres
from tests.support.project_paths import PROJECT_ROOT
from tests.support.time_limits import scale_seconds

GATEWAY_SCRIPT = """
import signal, sys
from pathlib import Path
import psycopg
from gateway.demo.postgres import EmbeddedPostgres, PostgresError
try:
    server = EmbeddedPostgres.start(Path(sys.argv[1]))
except PostgresError as error:
    sys.exit(f"problem: {error}")
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print(server.pid, server.url, flush=True)
signal.sigwait({signal.SIGINT})
with psycopg.connect(server.url) as connection:
    print(*connection.execute("select 'still here'").fetchone())
server.stop()
"""
"""Program that blocks SIGINT until `sigwait`: one that came just before a `pause` would be lost."""


@contextmanager
def create_public_folder() -> Iterator[Path]:
    """Yield a folder that all users may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def query_value(server: EmbeddedPostgres | str, statement: str) -> Any:
    """Return the first value of a statement's rows, from a server or its URL; None without rows."""
    url = server if isinstance(server, str) else server.url
    with psycopg.connect(
        url, connect_timeout=round(scale_seconds(5)), autocommit=True
    ) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def get_socket_folder(url: str) -> Path:
    """Return the folder of the Unix socket of `url`."""
    return Path(str(psycopg.conninfo.conninfo_to_dict(url)["host"]))


@contextmanager
def start_gateway_process(
    data: Path, **popen_options: Any
) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Yield a process that runs a server on `data`, the server's process id, and its URL."""
    python = popen_options.pop("python", sys.executable)
    popen_options = {
        "stdout": subprocess.PIPE,
        "text": True,
        "cwd": PROJECT_ROOT,
        "start_new_session": True,
        **popen_options,
    }
    process = subprocess.Popen([python, "-c", GATEWAY_SCRIPT, str(data)], **popen_options)
    try:
        assert process.stdout
        pid, url = process.stdout.readline().split()
        yield process, int(pid), url
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=scale_seconds(30))
