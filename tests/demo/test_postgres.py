"""The embedded PostgreSQL starts wherever it can, ends when it must and says what is in the way."""

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
    create_public_folder,
    get_socket_folder,
    is_eventually_true,
    query_value,
    start_gateway_process,
)


@pytest.fixture(scope="module")
def base_directory() -> Iterator[Path]:
    with create_public_folder() as directory:
        yield directory


@pytest.fixture(scope="module")
def data_directory(base_directory: Path) -> Path:
    """Give a data folder whose cluster is made, with the server stopped."""
    EmbeddedPostgres.start(base_directory / "mein Gerät" / "daten, alle").stop()
    return base_directory / "mein Gerät" / "daten, alle"


def test_answers_on_a_private_socket_only(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        assert query_value(server, "show listen_addresses") == ""
        assert query_value(server, "show server_encoding") == "UTF8"
        assert query_value(server, "select datlocale from pg_database where datname = 'postgres'")
        assert get_socket_folder(server.url).stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends PostgreSQL an account")
def test_root_lends_the_server_another_account(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        assert psutil.Process(server.pid).uids().real != 0
        assert get_socket_folder(server.url).stat().st_uid != 0


def test_leaves_nothing_behind_when_stopped(data_directory: Path) -> None:
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


def test_serves_a_folder_with_a_space_and_an_umlaut(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        assert query_value(server, "show data_directory").endswith(
            "mein Gerät/daten, alle/postgres"
        )


def test_keeps_data_over_a_restart_of_less_than_three_seconds(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        query_value(server, "create table kept as select 42 as answer")
        started_at = time.monotonic()
        server.stop()
        with EmbeddedPostgres.start(data_directory) as restarted_server:
            assert time.monotonic() - started_at < 3
            assert query_value(restarted_server, "select answer from kept") == 42


def test_refuses_a_folder_in_use_and_names_the_process(data_directory: Path) -> None:
    with start_gateway_process(data_directory) as (process, _, url):
        with pytest.raises(PostgresError, match=rf"process {process.pid}\b.*--data"):
            EmbeddedPostgres.start(data_directory)
        assert query_value(url, "select 1") == 1


def test_recovers_what_was_written_before_the_server_was_killed(data_directory: Path) -> None:
    with EmbeddedPostgres.start(data_directory) as server:
        query_value(server, "create table survived as select 42 as answer")
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedPostgres.start(data_directory) as restarted_server:
        assert query_value(restarted_server, "select answer from survived") == 42


def test_does_not_take_another_process_for_its_server(data_directory: Path) -> None:
    status = data_directory / "postgres" / "postmaster.pid"
    owner = status.parent.stat()
    credentials: dict[str, Any] = (
        {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    )
    with EmbeddedPostgres.start(data_directory) as server:
        pid_file_template = status.read_text().replace(str(server.pid), "{pid}")
        os.kill(server.pid, signal.SIGKILL)
    with subprocess.Popen(["sleep", "60"], **credentials) as other_process:
        status.write_text(pid_file_template.format(pid=other_process.pid))
        with EmbeddedPostgres.start(data_directory) as restarted_server:
            assert query_value(restarted_server, "select 1") == 1
        assert other_process.poll() is None
        other_process.kill()


def test_the_server_ends_when_its_gateway_is_killed(data_directory: Path) -> None:
    with start_gateway_process(data_directory) as (process, _, url):
        process.kill()
        assert is_eventually_true(
            lambda: not (data_directory / "postgres" / "postmaster.pid").exists()
        )
    EmbeddedPostgres.start(data_directory).stop()
    assert not get_socket_folder(url).exists()


def test_takes_over_from_a_server_that_outlived_its_gateway(data_directory: Path) -> None:
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


def test_ctrl_c_leaves_the_server_to_its_gateway(data_directory: Path) -> None:
    with start_gateway_process(data_directory) as (process, _, url):
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=10)[0].strip() == "still here"
        assert not get_socket_folder(url).exists()


def test_begins_anew_where_making_the_cluster_was_broken_off(base_directory: Path) -> None:
    partial_directory = base_directory / "broken off" / "postgres.part"
    partial_directory.mkdir(parents=True)
    (partial_directory / "PG_VERSION").write_text("18\n")
    partial_directory.parent.chmod(0o711)
    with EmbeddedPostgres.start(partial_directory.parent) as server:
        assert query_value(server, "select 1") == 1
    assert not partial_directory.exists()


def test_refuses_a_cluster_of_another_postgresql(base_directory: Path) -> None:
    cluster = base_directory / "old" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresError, match=r"PostgreSQL 17, and this is PostgreSQL 18.*--data"):
        EmbeddedPostgres.start(cluster.parent)


def test_refuses_a_folder_that_is_a_cluster_itself(data_directory: Path) -> None:
    with pytest.raises(PostgresError, match=r"cluster itself.*--data"):
        EmbeddedPostgres.start(data_directory / "postgres")


def test_says_why_the_server_does_not_start(data_directory: Path) -> None:
    settings = data_directory / "postgres" / "postgresql.conf"
    original_text = settings.read_text()
    settings.write_text("no_such_setting = 1\n")
    with pytest.raises(PostgresError, match=r"contains errors.*server.log.*--data"):
        EmbeddedPostgres.start(data_directory)
    settings.write_text(original_text)


def test_says_why_the_cluster_cannot_be_made(base_directory: Path) -> None:
    original_limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, original_limits[1]))
    try:
        with pytest.raises(PostgresError, match=r"can't make its files.*File too large.*--data"):
            EmbeddedPostgres.start(base_directory / "no room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, original_limits)


def test_says_that_an_earlier_server_does_not_stop(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with (data_directory / "server.lock").open() as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        with pytest.raises(PostgresError, match=r"earlier run.*does not stop.*--data"):
            EmbeddedPostgres.start(data_directory)


def test_says_that_the_programs_are_missing(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(PostgresError, match="make setup"):
        EmbeddedPostgres.start(data_directory)


def test_kills_a_server_that_ignores_signals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "SERVER_TIMEOUT_SECONDS", 0.2)
    command = ("/bin/sh", "-c", "trap '' INT; echo deaf; exec sleep 60")
    output_file = tmp_path / "said"
    with (
        output_file.open("w+") as output,
        ServerAccount().run_server(command, output, output.fileno()) as server,
    ):
        assert is_eventually_true(lambda: output_file.read_text() == "deaf\n")
    assert server.returncode == -signal.SIGQUIT


@pytest.mark.parametrize("path", ["/dev/null", "/dev/null/data", "/proc/data"])
def test_refuses_what_cannot_be_a_data_folder(path: str) -> None:
    with pytest.raises(PostgresError, match=rf"{path} can't be used.*--data"):
        EmbeddedPostgres.start(Path(path))
