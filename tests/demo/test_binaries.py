"""Root has PostgreSQL run as somebody else, in folders that this somebody can enter."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from gateway.demo import binaries
from gateway.demo.postgres import Postgres, PostgresProblem
from tests.support.embedded_postgres import GATEWAY, ask, gateway_process, open_folder
from tests.support.project_paths import PROJECT_ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends PostgreSQL an account")
PACKAGES = sysconfig.get_path("purelib")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Give a folder that root alone can enter."""
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder where root puts what cannot stand in a closed folder."""
    monkeypatch.setattr(binaries, "OURS", (folder / "ours",))
    return folder / "ours"


def test_finds_the_cluster_again_that_had_to_stand_elsewhere(closed: Path, ours: Path) -> None:
    with Postgres.at(closed / "data") as server:
        ask(server, "create table kept as select 42 as answer")
        stands = Path(ask(server, "show data_directory"))
    with Postgres.at(closed / "data") as again:
        assert ask(again, "select answer from kept") == 42
    assert stands.parent.parent == ours
    assert str(stands.parent) in (closed / "data" / binaries.ELSEWHERE).read_text()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_refuses_to_work_in_a_folder_that_is_not_ours(folder: Path) -> None:
    data = folder / "misled"
    data.mkdir()
    (data / binaries.ELSEWHERE).write_text("/etc\n")
    with pytest.raises(PostgresProblem, match="does not name a folder of the gateway"):
        Postgres.at(data)


def test_does_not_leave_a_cluster_behind_that_cannot_be_entered(closed: Path) -> None:
    (closed / "postgres").mkdir()
    with pytest.raises(PostgresProblem, match=r"cannot enter.*--data"):
        Postgres.at(closed)


def test_says_when_no_folder_can_be_entered(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "OURS", (closed / "ours",))
    with pytest.raises(PostgresProblem, match=r"nor .*ours.*--data"):
        Postgres.at(closed / "data")


def test_says_when_there_is_no_account_to_lend(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "LENT", ("no-such-account",))
    with pytest.raises(PostgresProblem, match="as an ordinary user"):
        Postgres.at(folder / "alone")


def test_copies_the_programs_that_the_account_cannot_run(
    folder: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "copied" / "programs-1").mkdir(parents=True)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / name).symlink_to(Path(PACKAGES) / name)
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    monkeypatch.syspath_prepend(closed)
    with Postgres.at(folder / "copied") as server:
        assert (folder / "copied") in Path(psutil.Process(server.pid).exe()).parents
        assert ask(server, "select 1") == 1
    assert not (folder / "copied" / "programs-1").exists()


def test_an_ordinary_user_serves_a_folder_of_their_own(folder: Path) -> None:
    user = pwd.getpwnam("nobody")
    how: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    how["env"] = {"PATH": os.defpath, "PYTHONPATH": f"{PROJECT_ROOT}:{PACKAGES}"}
    minor = f"python3.{sys.version_info.minor}"
    pythons = (sys.executable, shutil.which(minor, path="/usr/local/bin:/usr/bin"))
    python = next((each for each in pythons if each and runs(each, how)), None)
    if python is None:
        pytest.skip("the account `nobody` cannot enter this environment")
    own = folder / "own"
    own.mkdir(mode=0o700)
    os.chown(own, user.pw_uid, user.pw_gid)
    with gateway_process(own, python=python, cwd="/", **how) as (_, pid, url):
        assert psutil.Process(pid).uids().real == user.pw_uid
        assert ask(url, "select 1") == 1
    denied = subprocess.run(
        [python, "-c", GATEWAY, str(folder / "denied")],
        check=False,
        capture_output=True,
        **how,
    )
    assert b"Permission denied" in denied.stderr
    assert b"--data" in denied.stderr


def runs(python: str, how: dict[str, Any]) -> bool:
    command = [python, "-c", "import gateway, psycopg"]
    try:
        return subprocess.run(command, check=False, **how).returncode == 0
    except OSError:
        return False
