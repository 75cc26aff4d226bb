"""The embedded PostgreSQL: one server over one data folder, for as long as the gateway runs.

It listens on no port, only on a socket in a folder that nobody but its account and root can enter,
so it needs no password. Two locks tell who is alive, whatever a process number may mean by now:
`gateway.lock` is held by the gateway, `server.lock` by every process of PostgreSQL.
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

__all__ = ["EmbeddedPostgres", "PostgresError"]

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
_SOCKET_DIRECTORY_PREFIX = "gateway-"
_SOCKET_NAME = f".s.PGSQL.{SERVER_SETTINGS['port']}"
_MAX_BASE_PATH_LENGTH = 103 - len(
    f"/{_SOCKET_DIRECTORY_PREFIX}12345678/{_SOCKET_NAME}"
)  # of macOS, where a socket's path is shortest


class EmbeddedPostgres:
    """A running PostgreSQL; as a context manager it stops at the end."""

    def __init__(self, socket_directory: Path, pid: int, exit_stack: ExitStack) -> None:
        self.pid = pid
        host = quote(str(socket_directory), safe="")
        self.url = f"postgresql://postgres@/postgres?host={host}&port={SERVER_SETTINGS['port']}"
        self._exit_stack = exit_stack

    @classmethod
    def start(cls, data_directory: Path) -> Self:
        """Start PostgreSQL over the folder `data`; what is not there yet is made."""
        data_directory = data_directory.resolve()
        try:
            with ExitStack() as exit_stack:
                return cls._start_cluster(data_directory, exit_stack)
        except OSError as error:
            raise PostgresError(
                f"The data folder {data_directory} can't be used ({error.strerror}: {error.filename}): "
                "choose another with --data."
            ) from error

    @classmethod
    def _start_cluster(cls, data_directory: Path, exit_stack: ExitStack) -> Self:
        lock_file = exit_stack.enter_context(_lock_data_directory(data_directory))
        account, cluster_directory = choose_account_and_directory(data_directory)
        cluster = _Cluster(cluster_directory, find_programs(account, cluster_directory), account)
        with cluster.acquire_lock() as lock_fd:
            for stale_directory in _read_socket_directories(lock_file):
                _remove_socket_directory(stale_directory)
            cluster.ensure_initialised(lock_fd)
            socket_directory = exit_stack.enter_context(_create_socket_directory(account))
            _write_lock_file(lock_file, socket_directory)
            pid = exit_stack.enter_context(
                cluster.run_server(socket_directory, data_directory / "server.log", lock_fd)
            )
        return cls(socket_directory, pid, exit_stack.pop_all())

    def stop(self) -> None:
        """Stop the server, its processes and temporary folders; a second call does nothing."""
        self._exit_stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class _Cluster:
    """A folder with PostgreSQL's files, the programs that serve it, and as whom they run."""

    directory: Path
    program_directory: Path
    account: ServerAccount

    @contextmanager
    def acquire_lock(self) -> Iterator[int]:
        """Give the lock that PostgreSQL is to hold, after the end of a server left by a crash."""
        with _open_private_file(self.directory.with_name("server.lock")) as file:
            if not _try_lock(file):
                self._stop_orphan(file)
            yield file.fileno()

    def ensure_initialised(self, lock_fd: int) -> None:
        """Make the cluster if there is none; refuse one that another PostgreSQL made."""
        if (self.directory / "PG_VERSION").exists():
            self._check_version()
        else:
            self._initialise_cluster(lock_fd)
        # Nobody holds the lock, so the process of that number, if there is one, is another.
        (self.directory / "postmaster.pid").unlink(missing_ok=True)

    @contextmanager
    def run_server(self, socket_directory: Path, log_path: Path, lock_fd: int) -> Iterator[int]:
        """Serve the cluster, and give the process number of the server."""
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
            f"PostgreSQL of an earlier run still works in {self.directory} and does not stop: "
            "end its processes, or choose another folder with --data."
        )

    def _check_version(self) -> None:
        cluster_version = (self.directory / "PG_VERSION").read_text().strip()
        version_output = self.account.run_command(
            self.program_directory / "bin" / "postgres", "--version"
        )[1]
        program_version = version_output.rpartition(" ")[2].partition(".")[0]
        if cluster_version != program_version:
            raise PostgresError(
                f"{self.directory} was made by PostgreSQL {cluster_version}, and this is PostgreSQL {program_version}: "
                "choose another folder with --data, or remove this one to begin anew."
            )

    def _initialise_cluster(self, lock_fd: int) -> None:
        """Make the cluster under another name first, so that half a cluster never counts as one."""
        partial_directory = self.directory.with_name(f"{self.directory.name}.part")
        rmtree(partial_directory, ignore_errors=True)
        self.account.create_directory(partial_directory)
        locale_options = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin")
        options = (
            *locale_options,
            "--builtin-locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=reject",
        )
        command = (
            self.program_directory / "bin" / "initdb",
            "-D",
            partial_directory,
            "-U",
            "postgres",
            *options,
        )
        succeeded, output = self.account.run_command(*command, inherited_fds=(lock_fd,))
        if not succeeded:
            raise PostgresError(
                f"PostgreSQL can't make its files in {self.directory.parent} ({extract_error_line(output)}): "
                "put that right, or choose another folder with --data."
            )
        partial_directory.rename(self.directory)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log_path: Path) -> None:
        """Wait until the server says in its file that it is ready."""
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
            f"put that right (more is in {log_path}), or choose another folder with --data."
        )


@contextmanager
def _lock_data_directory(data_directory: Path) -> Iterator[TextIO]:
    """Hold the data folder for this process; give the note that says who does, and with what."""
    if not data_directory.exists():
        data_directory.mkdir(parents=True)
        data_directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    if (data_directory / "PG_VERSION").exists():
        raise PostgresError(
            f"{data_directory} is a PostgreSQL cluster itself: choose another with --data."
        )
    with _open_private_file(data_directory / "gateway.lock") as lock_file:
        if not _try_lock(lock_file):
            pid = lock_file.readline().strip() or "unknown"
            raise PostgresError(
                f"Another gateway (process {pid}) is using {data_directory}: "
                "stop it, or choose another folder with --data."
            )
        _write_lock_file(lock_file, *_read_socket_directories(lock_file))
        yield lock_file


def _read_socket_directories(lock_file: TextIO) -> list[Path]:
    """Give the folders of sockets that were noted, and perhaps left behind by a crash."""
    lock_file.seek(0)
    return [Path(line) for line in lock_file.read().splitlines()[1:]]


def _write_lock_file(lock_file: TextIO, *socket_directories: Path) -> None:
    """Note that this process holds the data folder, and which folders it is to remove."""
    lock_file.seek(0)
    lock_file.truncate()
    print(os.getpid(), *socket_directories, sep="\n", file=lock_file, flush=True)


@contextmanager
def _create_socket_directory(account: ServerAccount) -> Iterator[Path]:
    """Give a folder for the socket that only `account` and root can enter, for a while."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp makes it private
        # To libpq a comma parts two hosts; other signs would have to be quoted three times.
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
    """Remove the folder of a socket, and nothing else, whatever a note may say."""
    if directory.name.startswith(_SOCKET_DIRECTORY_PREFIX):
        for name in (_SOCKET_NAME, f"{_SOCKET_NAME}.lock"):
            (directory / name).unlink(missing_ok=True)
        with suppress(OSError):
            directory.rmdir()


def _open_private_file(path: Path) -> TextIO:
    """Open our own file for reading and writing; another's link is not followed."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+")


def _try_lock(file: TextIO) -> bool:
    """Tell whether the file is ours now."""
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
