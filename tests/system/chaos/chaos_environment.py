"""Environment of the chaos tests: a PostgreSQL server that can be restarted, with a demo."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psycopg

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.events.source_watch import load_source_name
from gateway.demo.binaries import choose_account_and_directory, find_programs
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import SERVER_SETTINGS, _Cluster, _create_socket_directory
from tests.support.embedded_postgres import create_public_folder
from tests.support.gateway_server import (
    UNLIMITED_RATES,
    GatewayProcess,
    load_user_tokens,
    run_gateway_process,
)
from tests.support.time_limits import scale_seconds
from tests.system.chaos.expected_events import ResourceVisibility, load_visibilities

SUBSCRIBERS_PER_SCENARIO = int(os.environ.get("CHAOS_SOCKETS", "20"))
"""Number of subscribers of a scenario."""
IS_LARGE_RUN = SUBSCRIBERS_PER_SCENARIO > 50
VIEWER_USERNAMES = ("staff", "member", "provider", "owner", "manager")
GATEWAY_BACKENDS = "application_name = 'marketplace-gateway'"
LISTENING_BACKENDS = "query ilike 'listen %' or query like '%gateway.event_horizon%'"


class RestartablePostgres:
    """A PostgreSQL server with the same URL after each restart."""

    def __init__(self, data: Path, exit_stack: ExitStack) -> None:
        account, folder = choose_account_and_directory(data)
        self._cluster = _Cluster(folder, find_programs(account, folder), account)
        self._data_lock = exit_stack.enter_context(self._cluster.acquire_lock())
        self._socket_folder = exit_stack.enter_context(_create_socket_directory(account))
        self._log_file, self._running_stack = data / "server.log", ExitStack()
        self.url = f"postgresql://postgres@/postgres?host={self._socket_folder}&port={SERVER_SETTINGS['port']}"
        self._pid = 0
        exit_stack.callback(self.stop_server)

    def start_server(self) -> None:
        """Start the server; initialise its data directory the first time."""
        self._cluster.ensure_initialised(self._data_lock)
        serving_context = self._cluster.run_server(
            self._socket_folder, self._log_file, self._data_lock
        )
        self._pid = self._running_stack.enter_context(serving_context)

    def stop_server(self, *, is_immediate: bool = False) -> None:
        """Stop the server as `pg_ctl stop` does, in mode fast or immediate."""
        if is_immediate:
            os.kill(self._pid, signal.SIGQUIT)
        self._running_stack.close()

    def copy_files(self) -> Path:
        """Copy the data directory of the stopped server, with its owner; return the copy."""
        backup_folder = self._cluster.directory.with_name("backup")
        shutil.rmtree(backup_folder, ignore_errors=True)
        subprocess.run(["cp", "-a", self._cluster.directory, backup_folder], check=True)
        return backup_folder

    def promote_copy(self, backup_folder: Path | None = None) -> None:
        """Replace the server's files by a copy, or keep them, and promote it as a standby."""
        self.stop_server()
        if backup_folder is not None:
            shutil.rmtree(self._cluster.directory)
            backup_folder.rename(self._cluster.directory)
        signal_file = self._cluster.directory / "standby.signal"
        signal_file.touch()
        self._cluster.account.take_ownership(signal_file)
        self.start_server()
        with psycopg.connect(self.url, autocommit=True) as admin_connection:
            assert admin_connection.execute("select pg_promote()").fetchone() == (True,)

    def dump_database(self) -> Path:
        """Dump the database by pg_dump; return the file."""
        dump_file = self._log_file.with_name("database.dump")
        self._run_program("pg_dump", "--format=custom", f"--file={dump_file}", self.url)
        return dump_file

    def restore_database(self, dump_file: Path) -> None:
        """Drop the database, in use or not, create it and restore it from a dump."""
        admin_url = self.url.replace("/postgres?", "/template1?")
        with psycopg.connect(admin_url, autocommit=True) as admin_connection:
            admin_connection.execute("drop database postgres with (force)")
            admin_connection.execute("create database postgres template template0")
        self._run_program("pg_restore", f"--dbname={self.url}", dump_file)

    def _run_program(self, name: str, *arguments: str | Path) -> None:
        program = self._cluster.program_directory / "bin" / name
        subprocess.run([program, *arguments], check=True)

    def terminate_backends(self, condition: str) -> int:
        """Terminate the backends that match an SQL condition; return their number."""
        statement = f"select pg_terminate_backend(pid) from pg_stat_activity where {condition}"
        with psycopg.connect(self.url, autocommit=True) as admin_connection:
            return len(admin_connection.execute(statement.encode()).fetchall())


class ChaosEnvironment:
    """A server with a demo: its tokens, uuids, and the visibility of its users."""

    def __init__(self, server: RestartablePostgres) -> None:
        self.server, self.url = server, server.url
        with psycopg.connect(self.url) as connection:
            create_marketplace(connection, resource_count=60, seed=1)
            self.project_uuids = _load_uuids_by_id(
                connection, "structure_project where not is_removed"
            )
            self.offering_uuids = _load_uuids_by_id(connection, "marketplace_offering")
            self.visibility_by_user: dict[str, ResourceVisibility] = load_visibilities(
                connection, VIEWER_USERNAMES
            )
        self.tokens = load_user_tokens(self.url)
        self.random = Random(7)

    def execute_sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    async def load_source_name(self) -> str:
        """Return the name of the event triggers in cursors."""
        options = ConnectionOptions(self.url, 10)
        return await load_source_name(options, "triggers")

    @contextmanager
    def serve_gateway_process(
        self, *arguments: str, **setting_overrides: str
    ) -> Iterator[GatewayProcess]:
        """Serve the demo in a process, without the demo's provider."""
        setting_values = {
            "database_url": self.url,
            "provider_seconds": "off",
            "user_subscriptions": "1000",
            "operation_aliases": "1000",  # of bulky events
            **UNLIMITED_RATES,
            **setting_overrides,
        }
        with run_gateway_process(*arguments, **setting_values) as gateway_process:
            yield gateway_process


def _load_uuids_by_id(connection: psycopg.Connection[Any], table_clause: str) -> dict[int, str]:
    rows = connection.execute(f"select id, uuid from {table_clause} order by id".encode())
    return {row_id: uuid.hex for row_id, uuid in rows}


@contextmanager
def create_environment() -> Iterator[ChaosEnvironment]:
    """Start a server with a demo; stop it, and remove its files, when the context is left."""
    with create_public_folder() as folder, ExitStack() as exit_stack:
        data = folder / "data"
        data.mkdir(mode=0o711)
        server = RestartablePostgres(data, exit_stack)
        server.start_server()
        yield ChaosEnvironment(server)


async def fetch_metrics(gateway_process: GatewayProcess) -> str:
    """Return the metrics of a process."""
    async with httpx.AsyncClient(timeout=scale_seconds(5)) as http:
        return (await http.get(f"{gateway_process.url}/metrics")).text
