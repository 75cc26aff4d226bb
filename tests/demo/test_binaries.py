"""Tests of PostgreSQL under root: its account, its folders and its programs."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from gateway.demo import binaries
from gateway.demo.postgres import EmbeddedPostgres, PostgresError
from tests.support.embedded_postgres import (
    GATEWAY_SCRIPT,
    query_value,
    start_gateway_process,
)
from tests.support.project_paths import PROJECT_ROOT

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="PostgreSQL has an account of its own only under root"
)
PACKAGES_DIRECTORY = sysconfig.get_path("purelib")


@pytest.fixture
def closed_directory(tmp_path: Path) -> Path:
    """Return a folder that only root can enter."""
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def shared_directory(base_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for relocated clusters, which does not exist yet."""
    monkeypatch.setattr(binaries, "SHARED_DIRECTORIES", (base_directory / "shared",))
    return base_directory / "shared"


def test_relocated_cluster_is_found_again(closed_directory: Path, shared_directory: Path) -> None:
    with EmbeddedPostgres.start(closed_directory / "data") as server:
        query_value(server, "create table stored as select 42 as number")
        cluster_directory = Path(query_value(server, "show data_directory"))
    with EmbeddedPostgres.start(closed_directory / "data") as restarted_server:
        assert query_value(restarted_server, "select number from stored") == 42
    assert cluster_directory.parent.parent == shared_directory
    assert (
        str(cluster_directory.parent)
        in (closed_directory / "data" / binaries.POINTER_FILE_NAME).read_text()
    )
    assert closed_directory.stat().st_mode & 0o777 == 0o700


def test_pointer_to_another_folder_is_refused(base_directory: Path) -> None:
    data_directory = base_directory / "misled"
    data_directory.mkdir()
    (data_directory / binaries.POINTER_FILE_NAME).write_text("/etc\n")
    with pytest.raises(PostgresError, match="does not name a folder of the gateway"):
        EmbeddedPostgres.start(data_directory)


def test_existing_cluster_is_not_relocated(closed_directory: Path) -> None:
    (closed_directory / "postgres").mkdir()
    with pytest.raises(PostgresError, match=r"cannot enter.*--data"):
        EmbeddedPostgres.start(closed_directory)


def test_error_if_no_folder_can_be_entered(
    closed_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "SHARED_DIRECTORIES", (closed_directory / "shared",))
    with pytest.raises(PostgresError, match=r"nor .*shared.*--data"):
        EmbeddedPostgres.start(closed_directory / "data")


def test_error_without_an_unprivileged_account(
    base_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "UNPRIVILEGED_ACCOUNTS", ("no-such-account",))
    with pytest.raises(PostgresError, match="as an ordinary user"):
        EmbeddedPostgres.start(base_directory / "alone")


def test_programs_that_the_account_cannot_run_are_copied(
    base_directory: Path, closed_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base_directory / "copied" / "programs-1").mkdir(parents=True)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed_directory / name).symlink_to(Path(PACKAGES_DIRECTORY) / name)
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    monkeypatch.syspath_prepend(closed_directory)
    with EmbeddedPostgres.start(base_directory / "copied") as server:
        assert (base_directory / "copied") in Path(psutil.Process(server.pid).exe()).parents
        assert query_value(server, "select 1") == 1
    assert not (base_directory / "copied" / "programs-1").exists()


def test_ordinary_user_runs_postgres_in_an_own_folder(base_directory: Path) -> None:
    account = pwd.getpwnam("nobody")
    process_options: dict[str, Any] = {
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": [],
    }
    process_options["env"] = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{PROJECT_ROOT}:{PACKAGES_DIRECTORY}",
    }
    python_name = f"python3.{sys.version_info.minor}"
    pythons = (sys.executable, shutil.which(python_name, path="/usr/local/bin:/usr/bin"))
    python = next(
        (each for each in pythons if each and _can_run_gateway(each, process_options)), None
    )
    if python is None:
        pytest.skip("the account `nobody` cannot enter this environment")
    own_directory = base_directory / "own"
    own_directory.mkdir(mode=0o700)
    os.chown(own_directory, account.pw_uid, account.pw_gid)
    with start_gateway_process(own_directory, python=python, cwd="/", **process_options) as (
        _,
        pid,
        url,
    ):
        assert psutil.Process(pid).uids().real == account.pw_uid
        assert query_value(url, "select 1") == 1
    denied_process = subprocess.run(
        [python, "-c", GATEWAY_SCRIPT, str(base_directory / "denied")],
        check=False,
        capture_output=True,
        **process_options,
    )
    assert b"Permission denied" in denied_process.stderr
    assert b"--data" in denied_process.stderr


def _can_run_gateway(python: str, process_options: dict[str, Any]) -> bool:
    command = [python, "-c", "import gateway, psycopg"]
    try:
        return subprocess.run(command, check=False, **process_options).returncode == 0
    except OSError:
        return False
