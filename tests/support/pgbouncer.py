"""PgBouncer in transaction mode, in front of a PostgreSQL."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.support.embedded_postgres import create_public_folder
from tests.support.time_limits import block_until, scale_seconds

PGBOUNCER_PATH = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""Path of the program; None if it is not installed."""
PGBOUNCER_CONFIG = """
[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
"""


@contextmanager
def run_pgbouncer(url: str) -> Iterator[str]:
    """Run PgBouncer in front of the server of `url`; yield the database's URL behind it."""
    assert PGBOUNCER_PATH is not None
    conninfo, port = conninfo_to_dict(url), _find_free_port()
    with create_public_folder() as folder:
        config_file = folder / "pgbouncer.ini"
        config_file.write_text(
            PGBOUNCER_CONFIG.format(host=conninfo["host"], port=conninfo["port"], listen=port)
        )
        owner_uid = Path(str(conninfo["host"])).stat().st_uid
        with _run_process([PGBOUNCER_PATH, str(config_file)], folder, owner_uid):
            pooled_url = (
                f"postgresql://postgres@127.0.0.1:{port}{urlsplit(url).path}?sslmode=disable"
            )
            _wait_for_server(pooled_url)
            yield pooled_url


@contextmanager
def _run_process(command: list[str], folder: Path, owner_uid: int) -> Iterator[None]:
    """Run a command until the end of the body, if root as `owner_uid`: PgBouncer rejects root."""
    user = owner_uid if os.geteuid() == 0 else None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _wait_for_server(url: str) -> None:
    block_until(lambda: _accepts_connections(url))


def _accepts_connections(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=round(scale_seconds(2))).close()
    except psycopg.OperationalError:
        return False
    return True


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
