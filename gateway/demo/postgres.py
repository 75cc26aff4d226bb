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

from gateway.demo.binaries import PATIENCE, Account, PostgresProblem, last_line, programs, settle

__all__ = ["Postgres", "PostgresProblem"]

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_PREFIX = "gateway-"
_SOCKET = f".s.PGSQL.{SETTINGS['port']}"
_LONGEST = 103 - len(f"/{_PREFIX}12345678/{_SOCKET}")  # of macOS, where a socket's path is shortest


class Postgres:
    """A running PostgreSQL; as a context manager it stops at the end."""

    def __init__(self, sockets: Path, pid: int, held: ExitStack) -> None:
        self.pid = pid
        host = quote(str(sockets), safe="")
        self.url = f"postgresql://postgres@/postgres?host={host}&port={SETTINGS['port']}"
        self._held = held

    @classmethod
    def at(cls, data: Path) -> Self:
        """Start PostgreSQL over the folder `data`; what is not there yet is made."""
        data = data.resolve()
        try:
            with ExitStack() as held:
                return cls._start(data, held)
        except OSError as problem:
            raise PostgresProblem(
                f"The data folder {data} can't be used ({problem.strerror}: {problem.filename}): "
                "choose another with --data."
            ) from problem

    @classmethod
    def _start(cls, data: Path, held: ExitStack) -> Self:
        note = held.enter_context(_claimed(data))
        account, folder = settle(data)
        cluster = _Cluster(folder, programs(account, folder), account)
        with cluster.claimed() as lock:
            for left in _noted(note):
                _remove(left)
            cluster.make(lock)
            sockets = held.enter_context(_socket_folder(account))
            _note(note, sockets)
            pid = held.enter_context(cluster.served(sockets, data / "server.log", lock))
        return cls(sockets, pid, held.pop_all())

    def stop(self) -> None:
        """Stop the server, its processes and temporary folders; a second call does nothing."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class _Cluster:
    """A folder with PostgreSQL's files, the programs that serve it, and as whom they run."""

    folder: Path
    home: Path
    account: Account

    @contextmanager
    def claimed(self) -> Iterator[int]:
        """Give the lock that PostgreSQL is to hold, after the end of a server left by a crash."""
        with _opened(self.folder.with_name("server.lock")) as file:
            if not _locked(file):
                self._end(file)
            yield file.fileno()

    def make(self, lock: int) -> None:
        """Make the cluster if there is none; refuse one that another PostgreSQL made."""
        if (self.folder / "PG_VERSION").exists():
            self._check()
        else:
            self._initialise(lock)
        # Nobody holds the lock, so the process of that number, if there is one, is another.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    @contextmanager
    def served(self, sockets: Path, log: Path, lock: int) -> Iterator[int]:
        """Serve the cluster, and give the process number of the server."""
        settings = {**SETTINGS, "unix_socket_directories": str(sockets)}
        options = (f"--{name}={value}" for name, value in settings.items())
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        command = (f"{self.home}/bin/postgres", "-D", str(self.folder), *options)
        with _opened(log) as out, self.account.serving(command, out, lock) as process:
            self._await(process, log)
            with self.account.watching(process.pid):
                yield process.pid

    def _end(self, lock: TextIO) -> None:
        for mode in ("fast", "immediate"):
            stop = ("stop", "-D", self.folder, "-m", mode, "-t", str(PATIENCE))
            self.account.run(self.home / "bin" / "pg_ctl", *stop)
            for _ in range(200):
                if _locked(lock):
                    return
                time.sleep(0.02)
        raise PostgresProblem(
            f"PostgreSQL of an earlier run still works in {self.folder} and does not stop: "
            "end its processes, or choose another folder with --data."
        )

    def _check(self) -> None:
        made_by = (self.folder / "PG_VERSION").read_text().strip()
        said = self.account.run(self.home / "bin" / "postgres", "--version")[1]
        ours = said.rpartition(" ")[2].partition(".")[0]
        if made_by != ours:
            raise PostgresProblem(
                f"{self.folder} was made by PostgreSQL {made_by}, and this is PostgreSQL {ours}: "
                "choose another folder with --data, or remove this one to begin anew."
            )

    def _initialise(self, lock: int) -> None:
        """Make the cluster under another name first, so that half a cluster never counts as one."""
        part = self.folder.with_name(f"{self.folder.name}.part")
        rmtree(part, ignore_errors=True)
        self.account.make(part)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin")
        options = (*locale, "--builtin-locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject")
        initdb = (self.home / "bin" / "initdb", "-D", part, "-U", "postgres", *options)
        done, said = self.account.run(*initdb, held=(lock,))
        if not done:
            raise PostgresProblem(
                f"PostgreSQL can't make its files in {self.folder.parent} ({last_line(said)}): "
                "put that right, or choose another folder with --data."
            )
        part.rename(self.folder)

    def _await(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Wait until the server says in its file that it is ready."""
        status = self.folder / "postmaster.pid"
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(FileNotFoundError):
                if status.read_bytes().splitlines()[7:8] == [b"ready   "]:
                    return
            time.sleep(0.01)
        why = last_line(log.read_text(errors="replace"))
        raise PostgresProblem(
            f"PostgreSQL does not start in {self.folder} ({why}): "
            f"put that right (more is in {log}), or choose another folder with --data."
        )


@contextmanager
def _claimed(data: Path) -> Iterator[TextIO]:
    """Hold the data folder for this process; give the note that says who does, and with what."""
    if not data.exists():
        data.mkdir(parents=True)
        data.chmod(0o711 if os.geteuid() == 0 else 0o700)
    if (data / "PG_VERSION").exists():
        raise PostgresProblem(f"{data} is a PostgreSQL cluster itself: choose another with --data.")
    with _opened(data / "gateway.lock") as note:
        if not _locked(note):
            pid = note.readline().strip() or "unknown"
            raise PostgresProblem(
                f"Another gateway (process {pid}) is using {data}: "
                "stop it, or choose another folder with --data."
            )
        _note(note, *_noted(note))
        yield note


def _noted(note: TextIO) -> list[Path]:
    """Give the folders of sockets that were noted, and perhaps left behind by a crash."""
    note.seek(0)
    return [Path(line) for line in note.read().splitlines()[1:]]


def _note(note: TextIO, *sockets: Path) -> None:
    """Note that this process holds the data folder, and which folders it is to remove."""
    note.seek(0)
    note.truncate()
    print(os.getpid(), *sockets, sep="\n", file=note, flush=True)


@contextmanager
def _socket_folder(account: Account) -> Iterator[Path]:
    """Give a folder for the socket that only `account` and root can enter, for a while."""
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp makes it private
        # To libpq a comma parts two hosts; other signs would have to be quoted three times.
        if fullmatch(rf"[\w./-]{{1,{_LONGEST}}}", str(base), ASCII) and account.enters(base):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
            break
    else:
        raise PostgresProblem("PostgreSQL's socket needs a short temporary folder: set TMPDIR.")
    try:
        account.give(folder)
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the folder of a socket, and nothing else, whatever a note may say."""
    if folder.name.startswith(_PREFIX):
        for name in (_SOCKET, f"{_SOCKET}.lock"):
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()


def _opened(path: Path) -> TextIO:
    """Open our own file for reading and writing; another's link is not followed."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+")


def _locked(file: TextIO) -> bool:
    """Tell whether the file is ours now."""
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
