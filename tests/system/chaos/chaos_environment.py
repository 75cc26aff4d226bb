"""The ground on which things break: a PostgreSQL that can be restarted, and a demo in it."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from gateway.demo.binaries import programs, settle
from gateway.demo.marketplace.fill import make
from gateway.demo.postgres import SETTINGS, _Cluster, _socket_folder
from tests.support.gateway_server import Process, process, tokens_at
from tests.system.chaos.expected_events import Sight, sights

SOCKETS = int(os.environ.get("CHAOS_SOCKETS", "20"))
"""How many subscribers each scene has."""
LARGE = SOCKETS > 50
VIEWERS = ("staff", "member", "provider", "owner", "manager")
OURS = "application_name = 'marketplace-gateway'"
LISTENS = "query ilike 'listen %' or query like '%gateway.event_horizon%'"


class Server:
    """A PostgreSQL that is found at the same place after each restart."""

    def __init__(self, data: Path, held: ExitStack) -> None:
        account, folder = settle(data)
        self._cluster = _Cluster(folder, programs(account, folder), account)
        self._lock = held.enter_context(self._cluster.claimed())
        self._sockets = held.enter_context(_socket_folder(account))
        self._log, self._running = data / "server.log", ExitStack()
        self.url = f"postgresql://postgres@/postgres?host={self._sockets}&port={SETTINGS['port']}"
        self._pid = 0
        held.callback(self.stop)

    def start(self) -> None:
        """Start it."""
        self._cluster.make(self._lock)
        served = self._cluster.served(self._sockets, self._log, self._lock)
        self._pid = self._running.enter_context(served)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it as `pg_ctl stop` does, in its mode fast or immediate."""
        if immediate:
            os.kill(self._pid, signal.SIGQUIT)
        self._running.close()

    def end(self, which: str) -> int:
        """Terminate the backends that meet a condition; tell how many."""
        statement = f"select pg_terminate_backend(pid) from pg_stat_activity where {which}"
        with psycopg.connect(self.url, autocommit=True) as root:
            return len(root.execute(statement.encode()).fetchall())


class Ground:
    """A server with a demo, and what is known of both."""

    def __init__(self, server: Server) -> None:
        self.server, self.url = server, server.url
        with psycopg.connect(self.url) as connection:
            make(connection, resources=60, seed=1)
            self.projects = _names(connection, "structure_project where not is_removed")
            self.offerings = _names(connection, "marketplace_offering")
            self.sights: dict[str, Sight] = sights(connection, VIEWERS)
        self.tokens = tokens_at(self.url)
        self.random = Random(7)

    def sql(self, statement: str, *given: Any) -> list[Any]:
        """Run a statement, and give the rows that it gives."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            done = connection.execute(statement.encode(), given or None)
            return done.fetchall() if done.description else []

    @contextmanager
    def serving(self, *arguments: str, **given: str) -> Iterator[Process]:
        """Serve it in a process; the demo's provider does nothing."""
        effective = {
            "database_url": self.url,
            "provider_seconds": "off",
            "user_subscriptions": "1000",
            **given,
        }
        with process(*arguments, **effective) as running:
            yield running


def _names(connection: psycopg.Connection[Any], table: str) -> dict[int, str]:
    found = connection.execute(f"select id, uuid from {table} order by id".encode())
    return {id_: uuid.hex for id_, uuid in found}


@contextmanager
def ground_at(folder: Path) -> Iterator[Ground]:
    """Make a ground in a folder, and have it for a while."""
    data = folder / "data"
    data.mkdir(mode=0o711)
    with ExitStack() as held:
        server = Server(data, held)
        server.start()
        yield Ground(server)
