"""Tests of the embedded PostgreSQL: start, stop, crashes, and error messages."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from gateway.demo import binaries
from gateway.demo.binaries import ServerAccount
from gateway.demo.postgres import EmbeddedPostgres, PostgresError
from tests.support.embedded_postgres import (
    get_socket_folder,
    query_value,
    start_gateway_process,
)
from tests.support.time_limits import assert_within, block_until, scale_seconds


@pytest.fixture(scope="module")
def data_directory(base_directory: Path) -> Path:
    """Return a data folder with a cluster whose server is stopped."""
    EmbeddedPostgres.start(base_directory / "mein Gerät" / "daten, alle").stop()
    return base_directory / "mein Gerät" / "daten, alle"


def test_listens_on_a_private_socket_only(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        assert query_value(server, "show listen_addresses") == ""
        assert query_value(server, "show server_encoding") == "UTF8"
        assert query_value(server, "select datlocale from pg_database where datname = 'postgres'")
        assert get_socket_folder(server.url).stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(
    os.geteuid() != 0, reason="PostgreSQL has an account of its own only under root"
)
def test_server_of_root_runs_as_another_account(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        assert psutil.Process(server.pid).uids().real != 0
        assert get_socket_folder(server.url).stat().st_uid != 0


def test_stop_removes_processes_and_folders(data_directory: Path) -> None:
    processes_before = psutil.Process().children()
    server = EmbeddedPostgres.start(data_directory)
    server.stop()
    server.stop()
    assert not psutil.pid_exists(server.pid)
    assert not get_socket_folder(server.url).exists()
    assert set(psutil.Process().children()) <= set(processes_before)


def test_two_servers_run_at_once(data_directory: Path, base_directory: Path) -> None:
    with (
        EmbeddedPostgres.start(data_directory) as first_server,
        EmbeddedPostgres.start(base_directory / "other") as second_server,
    ):
        query_value(first_server, "create table only_here ()")
        assert query_value(first_server, "select to_regclass('only_here')::text") == "only_here"
        assert query_value(second_server, "select to_regclass('only_here')::text") is None


def test_folder_may_contain_a_space_and_an_umlaut(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        assert query_value(server, "show data_directory").endswith(
            "mein Gerät/daten, alle/postgres"
        )


def test_quick_restart_preserves_data(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        query_value(server, "create table stored as select 42 as number")
        with assert_within(3, "the restart"):
            server.stop()
            restarted_server = EmbeddedPostgres.start(data_directory)
        with restarted_server:
            assert query_value(restarted_server, "select number from stored") == 42


def test_folder_in_use_is_refused(data_directory: Path) -> None:
    with start_gateway_process(data_directory) as (process, _, url):
        with pytest.raises(PostgresError, match=rf"process {process.pid}\b.*--data"):
            EmbeddedPostgres.start(data_directory)
        assert query_value(url, "select 1") == 1


def test_killed_server_loses_no_committed_data(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        query_value(server, "create table survived as select 42 as number")
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedPostgres.start(data_directory) as restarted_server:
        assert query_value(restarted_server, "select number from survived") == 42


def test_process_with_a_reused_id_is_left_alone(data_directory: Path) -> None:
    pid_file = data_directory / "postgres" / "postmaster.pid"
    owner = pid_file.parent.stat()
    credentials: dict[str, Any] = (
        {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    )
    with EmbeddedPostgres.start(data_directory) as server:
        pid_file_template = pid_file.read_text().replace(str(server.pid), "{pid}")
        os.kill(server.pid, signal.SIGKILL)
    with subprocess.Popen(["sleep", "100"], **credentials) as other_process:
        pid_file.write_text(pid_file_template.format(pid=other_process.pid))
        with EmbeddedPostgres.start(data_directory) as restarted_server:
            assert query_value(restarted_server, "select 1") == 1
        assert other_process.poll() is None
        other_process.kill()


def test_server_stops_when_its_gateway_is_killed(data_directory: Path) -> None:
    with start_gateway_process(data_directory) as (process, _, url):
        process.kill()
        block_until(lambda: not (data_directory / "postgres" / "postmaster.pid").exists())
    EmbeddedPostgres.start(data_directory).stop()
    assert not get_socket_folder(url).exists()


def test_server_that_survived_its_gateway_is_replaced(data_directory: Path) -> None:
    with start_gateway_process(data_directory) as (process, pid, url):
        for child in psutil.Process(process.pid).children():
            if child.pid != pid:
                child.kill()
        process.kill()
        process.wait()
        query_value(url, "create table of_the_orphan ()")
        with EmbeddedPostgres.start(data_directory) as server:
            assert query_value(server, "select to_regclass('of_the_orphan')::text")
            assert not get_socket_folder(url).exists()


def test_ctrl_c_does_not_reach_the_server(data_directory: Path) -> None:
    with start_gateway_process(data_directory) as (process, _, url):
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=scale_seconds(10))[0].strip() == "still here"
        assert not get_socket_folder(url).exists()


def test_interrupted_initialisation_is_repeated(base_directory: Path) -> None:
    partial_directory = base_directory / "interrupted" / "postgres.part"
    partial_directory.mkdir(parents=True)
    (partial_directory / "PG_VERSION").write_text("18\n")
    partial_directory.parent.chmod(0o711)
    with EmbeddedPostgres.start(partial_directory.parent) as server:
        assert query_value(server, "select 1") == 1
    assert not partial_directory.exists()


def test_cluster_of_another_version_is_refused(base_directory: Path) -> None:
    cluster = base_directory / "old" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresError, match=r"PostgreSQL 17, but this is PostgreSQL 18.*--data"):
        EmbeddedPostgres.start(cluster.parent)


def test_cluster_as_data_folder_is_refused(data_directory: Path) -> None:
    with pytest.raises(PostgresError, match=r"itself a PostgreSQL cluster.*--data"):
        EmbeddedPostgres.start(data_directory / "postgres")


def test_error_names_why_the_server_does_not_start(data_directory: Path) -> None:
    settings = data_directory / "postgres" / "postgresql.conf"
    original_text = settings.read_text()
    settings.write_text("no_such_setting = 1\n")
    with pytest.raises(PostgresError, match=r"contains errors.*server.log.*--data"):
        EmbeddedPostgres.start(data_directory)
    settings.write_text(original_text)


def test_error_names_why_initialisation_failed(base_directory: Path) -> None:
    original_limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, original_limits[1]))
    try:
        with pytest.raises(PostgresError, match=r"can't create its files.*File too large.*--data"):
            EmbeddedPostgres.start(base_directory / "no room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, original_limits)


def test_error_if_an_earlier_server_does_not_stop(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with (data_directory / "server.lock").open() as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        with pytest.raises(PostgresError, match=r"earlier run.*does not stop.*--data"):
            EmbeddedPostgres.start(data_directory)


def test_error_if_the_programs_are_missing(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(PostgresError, match="make setup"):
        EmbeddedPostgres.start(data_directory)


@pytest.fixture
def default_sigquit() -> Iterator[None]:
    """Reset SIGQUIT, which a shell script ignores in what it runs in the background."""
    previous_handler = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGQUIT, previous_handler)


@pytest.mark.usefixtures("default_sigquit")
def test_server_that_ignores_signals_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "SERVER_TIMEOUT_SECONDS", 0.2)
    command = ("/bin/sh", "-c", "trap '' INT; echo ready; exec sleep 100")
    output_file = tmp_path / "output"
    with (
        output_file.open("w+") as output,
        ServerAccount().run_server(command, output, output.fileno()) as server,
    ):
        block_until(lambda: output_file.read_text() == "ready\n")
    assert server.returncode == -signal.SIGQUIT


@pytest.mark.parametrize("path", ["/dev/null", "/dev/null/data", "/proc/data"])
def test_unusable_data_folder_is_refused(path: str) -> None:
    with pytest.raises(PostgresError, match=rf"{path} can't be used.*--data"):
        EmbeddedPostgres.start(Path(path))
