"""Embedded PostgreSQL: a server over a data folder that runs as long as its gateway.

The server listens on no port, only on a Unix socket in a directory that only its account and root
can enter; therefore it needs no password.

A data folder contains:

    gateway.lock          locked by the gateway; its process id, and the socket directories in use
    server.lock           locked by every process of PostgreSQL, which inherit the open file
    postgres/             the cluster (elsewhere, if there is a database-folder.txt)
    server.log            PostgreSQL's log; server.log.1 is that of the previous run
    tokens.json           the tokens of the demo's users

Locks show which processes are alive; process ids could be those of other processes by now. A start
takes these steps:

1. Lock gateway.lock. If that fails, another gateway uses the folder.
2. Check that the folder contains a whole demo or none.
3. Lock server.lock. If that fails, a server has survived its killed gateway: stop it.
4. Remove the socket directories of earlier runs.
5. Initialise the cluster, if there is none: under another name, so that a cluster that was
   initialised in part is never used.
6. Start the server and a watcher process, which stops the server if the gateway is killed.
"""

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from re import ASCII, fullmatch
from shutil import rmtree
from typing import Self, TextIO
from urllib.parse import quote

from gateway.demo.binaries import (
    SERVER_TIMEOUT_SECONDS,
    PostgresError,
    ServerAccount,
    choose_account_and_directory,
    extract_error_line,
    find_programs,
)
from gateway.demo.integrity import (
    check_cluster_exists,
    check_cluster_files,
    format_removal_command,
)
from gateway.demo.progress import ProgressReporter, ignore_progress

__all__ = ["EmbeddedPostgres", "PostgresError", "check_folder_is_free"]

SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
INITDB_OPTIONS = (
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth-local=trust",
    "--auth-host=reject",
)
_LOCK_NAME = "gateway.lock"
_SOCKET_DIRECTORY_PREFIX = "gateway-"
_SOCKET_NAME = f".s.PGSQL.{SERVER_SETTINGS['port']}"
_MAX_BASE_PATH_LENGTH = 103 - len(
    f"/{_SOCKET_DIRECTORY_PREFIX}12345678/{_SOCKET_NAME}"
)  # macOS has the shortest limit, 103 bytes for a socket's path


class EmbeddedPostgres:
    """Running PostgreSQL server; as a context manager it stops at the end."""

    def __init__(self, socket_directory: Path, pid: int, exit_stack: ExitStack) -> None:
        self.pid = pid
        host = quote(str(socket_directory), safe="")
        self.url = f"postgresql://postgres@/postgres?host={host}&port={SERVER_SETTINGS['port']}"
        self._exit_stack = exit_stack

    @classmethod
    def start(
        cls, data_directory: Path, report_progress: ProgressReporter = ignore_progress
    ) -> Self:
        """Start PostgreSQL over a data folder; the first time, create the folder and the cluster.

        Raises PostgresError if the folder is in use, incomplete or cannot be used.
        """
        data_directory = data_directory.resolve()
        try:
            with ExitStack() as exit_stack:
                return cls._start_cluster(data_directory, exit_stack, report_progress)
        except OSError as error:
            raise PostgresError(
                f"The data folder {data_directory} can't be used "
                f"({error.strerror}: {error.filename}): choose another with --data."
            ) from error

    @classmethod
    def _start_cluster(
        cls, data_directory: Path, exit_stack: ExitStack, report_progress: ProgressReporter
    ) -> Self:
        lock_file = exit_stack.enter_context(_lock_data_directory(data_directory))
        check_cluster_exists(data_directory)
        account, cluster_directory = choose_account_and_directory(data_directory)
        cluster = _Cluster(cluster_directory, find_programs(account, cluster_directory), account)
        with cluster.acquire_lock() as lock_fd:
            for stale_directory in _read_socket_directories(lock_file):
                _remove_socket_directory(stale_directory)
            if cluster.directory.exists():
                cluster.check_version(data_directory)
                check_cluster_files(data_directory)
            cluster.ensure_initialised(lock_fd, report_progress)
            socket_directory = exit_stack.enter_context(_create_socket_directory(account))
            _write_lock_file(lock_file, socket_directory)
            pid = exit_stack.enter_context(
                cluster.run_server(socket_directory, data_directory / "server.log", lock_fd)
            )
        return cls(socket_directory, pid, exit_stack.pop_all())

    def stop(self) -> None:
        """Stop the server and remove its socket directory; a second call does nothing."""
        self._exit_stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class _Cluster:
    """Cluster (a directory with PostgreSQL's files), its programs, and the account they run as."""

    directory: Path
    program_directory: Path
    account: ServerAccount

    @contextmanager
    def acquire_lock(self) -> Iterator[int]:
        """Lock the cluster; yield the file descriptor of the lock, which PostgreSQL inherits.

        A server that has survived its gateway is stopped first.
        """
        with _open_private_file(self.directory.with_name("server.lock")) as file:
            if not _try_lock(file):
                self._stop_orphan(file)
            yield file.fileno()

    def check_version(self, data_directory: Path) -> None:
        """Check that the cluster is of the programs' major version.

        Raises PostgresError if it has another. An unknown version is not an error here.
        """
        version_file = self.directory / "PG_VERSION"
        cluster_version = version_file.read_text().strip() if version_file.is_file() else ""
        version_output = self.account.run_command(
            self.program_directory / "bin" / "postgres", "--version"
        )[1]
        program_version = version_output.rpartition(" ")[2].partition(".")[0]
        if cluster_version not in {program_version, ""}:
            raise PostgresError(
                f"{self.directory} was created by PostgreSQL {cluster_version}, but this is "
                f"PostgreSQL {program_version}: choose another folder with --data, or remove the "
                f"demo ({format_removal_command(data_directory)}) to create a new one."
            )

    def ensure_initialised(
        self, lock_fd: int, report_progress: ProgressReporter = ignore_progress
    ) -> None:
        """Initialise the cluster if it does not exist."""
        if not self.directory.exists():
            report_progress("Starting the embedded PostgreSQL for the first time ...")
            self._initialise_cluster(lock_fd)

    @contextmanager
    def run_server(self, socket_directory: Path, log_path: Path, lock_fd: int) -> Iterator[int]:
        """Run the server; yield its process id when it is ready."""
        # No server runs, since this process has the lock: the file is of a crash, and its process
        # id may be another process's.
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
        settings = {**SERVER_SETTINGS, "unix_socket_directories": str(socket_directory)}
        options = (f"--{name}={value}" for name, value in settings.items())
        if log_path.exists():
            log_path.replace(log_path.with_name(f"{log_path.name}.1"))
        command = (f"{self.program_directory}/bin/postgres", "-D", str(self.directory), *options)
        with (
            _open_private_file(log_path) as log_file,
            self.account.run_server(command, log_file, lock_fd) as process,
        ):
            self._wait_until_ready(process, log_path)
            with self.account.stop_server_on_exit(process.pid):
                yield process.pid

    def _stop_orphan(self, lock_file: TextIO) -> None:
        for mode in ("fast", "immediate"):
            stop_arguments = (
                "stop",
                "-D",
                self.directory,
                "-m",
                mode,
                "-t",
                str(SERVER_TIMEOUT_SECONDS),
            )
            self.account.run_command(self.program_directory / "bin" / "pg_ctl", *stop_arguments)
            for _ in range(200):
                if _try_lock(lock_file):
                    return
                time.sleep(0.02)
        raise PostgresError(
            f"PostgreSQL of an earlier run still uses {self.directory} and does not stop: "
            "end its processes, or choose another folder with --data."
        )

    def _initialise_cluster(self, lock_fd: int) -> None:
        """Initialise the cluster under another name, and rename it when it is complete."""
        partial_directory = self.directory.with_name(f"{self.directory.name}.part")
        rmtree(partial_directory, ignore_errors=True)
        self.account.create_directory(partial_directory)
        is_successful, output = self.account.run_command(
            self.program_directory / "bin" / "initdb",
            f"--pgdata={partial_directory}",
            *INITDB_OPTIONS,
            inherited_fds=(lock_fd,),
        )
        if not is_successful:
            raise PostgresError(
                f"PostgreSQL can't create its files in {self.directory.parent} "
                f"({extract_error_line(output)}): correct that, or choose another folder "
                "with --data."
            )
        partial_directory.rename(self.directory)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log_path: Path) -> None:
        """Wait until the server's pid file says that it is ready.

        Raises PostgresError if the server ends, or after SERVER_TIMEOUT_SECONDS.
        """
        pid_file = self.directory / "postmaster.pid"
        deadline = time.monotonic() + SERVER_TIMEOUT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(FileNotFoundError):
                if pid_file.read_bytes().splitlines()[7:8] == [b"ready   "]:
                    return
            time.sleep(0.01)
        reason = extract_error_line(log_path.read_text(errors="replace"))
        raise PostgresError(
            f"PostgreSQL does not start in {self.directory} ({reason}): "
            f"correct that (details in {log_path}), or choose another folder with --data."
        )


def check_folder_is_free(data_directory: Path) -> None:
    """Check that no gateway uses a data folder, which need not exist.

    Raises PostgresError if one does. A folder that can't be read is not an error here.
    """
    data_directory = data_directory.resolve()
    with suppress(OSError), (data_directory / _LOCK_NAME).open() as lock_file:
        _acquire_folder_lock(lock_file, data_directory)


def _acquire_folder_lock(lock_file: TextIO, data_directory: Path) -> None:
    """Lock a data folder until the file is closed.

    Raises PostgresError if another gateway has the lock.
    """
    if not _try_lock(lock_file):
        pid = lock_file.readline().strip() or "unknown"
        raise PostgresError(
            f"Another gateway (process {pid}) is using {data_directory}: "
            "stop it, or choose another folder with --data."
        )


@contextmanager
def _lock_data_directory(data_directory: Path) -> Iterator[TextIO]:
    """Create the data folder if needed and lock it; yield the lock file.

    Raises PostgresError if another gateway has the lock, or the folder is itself a cluster.
    """
    if not data_directory.exists():
        data_directory.mkdir(parents=True)
        data_directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    if (data_directory / "PG_VERSION").exists():
        raise PostgresError(
            f"{data_directory} is itself a PostgreSQL cluster: choose another folder with --data."
        )
    with _open_private_file(data_directory / _LOCK_NAME) as lock_file:
        _acquire_folder_lock(lock_file, data_directory)
        _write_lock_file(lock_file, *_read_socket_directories(lock_file))
        yield lock_file


def _read_socket_directories(lock_file: TextIO) -> list[Path]:
    """Return the socket directories in the lock file; after a crash they may still exist."""
    lock_file.seek(0)
    return [Path(line) for line in lock_file.read().splitlines()[1:]]


def _write_lock_file(lock_file: TextIO, *socket_directories: Path) -> None:
    """Write the id of this process and its socket directories to the lock file."""
    lock_file.seek(0)
    lock_file.truncate()
    print(os.getpid(), *socket_directories, sep="\n", file=lock_file, flush=True)


@contextmanager
def _create_socket_directory(account: ServerAccount) -> Iterator[Path]:
    """Create a directory for the socket that only the account and root can enter; yield it."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp makes it private
        # A comma separates hosts in libpq; other special characters would need to be quoted thrice.
        if fullmatch(
            rf"[\w./-]{{1,{_MAX_BASE_PATH_LENGTH}}}", str(parent), ASCII
        ) and account.can_enter(parent):
            directory = Path(tempfile.mkdtemp(prefix=_SOCKET_DIRECTORY_PREFIX, dir=parent))
            break
    else:
        raise PostgresError("PostgreSQL's socket needs a short temporary folder: set TMPDIR.")
    try:
        account.take_ownership(directory)
        yield directory
    finally:
        _remove_socket_directory(directory)


def _remove_socket_directory(directory: Path) -> None:
    """Remove a socket directory; a directory with another kind of name is left alone."""
    if directory.name.startswith(_SOCKET_DIRECTORY_PREFIX):
        for name in (_SOCKET_NAME, f"{_SOCKET_NAME}.lock"):
            (directory / name).unlink(missing_ok=True)
        with suppress(OSError):
            directory.rmdir()


def _open_private_file(path: Path) -> TextIO:
    """Open a file of mode 0600 for reading and writing; a symbolic link is not followed."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+")


def _try_lock(file: TextIO) -> bool:
    """Try to lock a file without waiting; return whether it succeeded."""
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
