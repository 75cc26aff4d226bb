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
from gateway.demo.binaries import Account
from gateway.demo.postgres import Postgres, PostgresProblem
from tests.support.embedded_postgres import (
    ask,
    eventually,
    gateway_process,
    open_folder,
    socket_folder,
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    """Give a data folder whose cluster is made, with the server stopped."""
    Postgres.at(folder / "mein Gerät" / "daten, alle").stop()
    return folder / "mein Gerät" / "daten, alle"


def test_answers_on_a_private_socket_only(data: Path) -> None:
    with Postgres.at(data) as server:
        assert ask(server, "show listen_addresses") == ""
        assert ask(server, "show server_encoding") == "UTF8"
        assert ask(server, "select datlocale from pg_database where datname = 'postgres'")
        assert socket_folder(server.url).stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends PostgreSQL an account")
def test_root_lends_the_server_another_account(data: Path) -> None:
    with Postgres.at(data) as server:
        assert psutil.Process(server.pid).uids().real != 0
        assert socket_folder(server.url).stat().st_uid != 0


def test_leaves_nothing_behind_when_stopped(data: Path) -> None:
    before = psutil.Process().children()
    server = Postgres.at(data)
    server.stop()
    server.stop()
    assert not psutil.pid_exists(server.pid)
    assert not socket_folder(server.url).exists()
    assert set(psutil.Process().children()) <= set(before)


def test_two_servers_run_at_once(data: Path, folder: Path) -> None:
    with Postgres.at(data) as one, Postgres.at(folder / "other") as other:
        ask(one, "create table only_here ()")
        assert ask(one, "select to_regclass('only_here')::text") == "only_here"
        assert ask(other, "select to_regclass('only_here')::text") is None


def test_serves_a_folder_with_a_space_and_an_umlaut(data: Path) -> None:
    with Postgres.at(data) as server:
        assert ask(server, "show data_directory").endswith("mein Gerät/daten, alle/postgres")


def test_keeps_data_over_a_restart_of_less_than_three_seconds(data: Path) -> None:
    with Postgres.at(data) as server:
        ask(server, "create table kept as select 42 as answer")
        began = time.monotonic()
        server.stop()
        with Postgres.at(data) as again:
            assert time.monotonic() - began < 3
            assert ask(again, "select answer from kept") == 42


def test_refuses_a_folder_in_use_and_names_the_process(data: Path) -> None:
    with gateway_process(data) as (process, _, url):
        with pytest.raises(PostgresProblem, match=rf"process {process.pid}\b.*--data"):
            Postgres.at(data)
        assert ask(url, "select 1") == 1


def test_recovers_what_was_written_before_the_server_was_killed(data: Path) -> None:
    with Postgres.at(data) as server:
        ask(server, "create table survived as select 42 as answer")
        os.kill(server.pid, signal.SIGKILL)
    with Postgres.at(data) as again:
        assert ask(again, "select answer from survived") == 42


def test_does_not_take_another_process_for_its_server(data: Path) -> None:
    status = data / "postgres" / "postmaster.pid"
    owner = status.parent.stat()
    lent: dict[str, Any] = (
        {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    )
    with Postgres.at(data) as server:
        left = status.read_text().replace(str(server.pid), "{pid}")
        os.kill(server.pid, signal.SIGKILL)
    with subprocess.Popen(["sleep", "60"], **lent) as another:
        status.write_text(left.format(pid=another.pid))
        with Postgres.at(data) as again:
            assert ask(again, "select 1") == 1
        assert another.poll() is None
        another.kill()


def test_the_server_ends_when_its_gateway_is_killed(data: Path) -> None:
    with gateway_process(data) as (process, _, url):
        process.kill()
        assert eventually(lambda: not (data / "postgres" / "postmaster.pid").exists())
    Postgres.at(data).stop()
    assert not socket_folder(url).exists()


def test_takes_over_from_a_server_that_outlived_its_gateway(data: Path) -> None:
    with gateway_process(data) as (process, pid, url):
        for child in psutil.Process(process.pid).children():
            if child.pid != pid:
                child.kill()
        process.kill()
        process.wait()
        ask(url, "create table of_the_orphan ()")
        with Postgres.at(data) as server:
            assert ask(server, "select to_regclass('of_the_orphan')::text")
            assert not socket_folder(url).exists()


def test_ctrl_c_leaves_the_server_to_its_gateway(data: Path) -> None:
    with gateway_process(data) as (process, _, url):
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=10)[0].strip() == "still here"
        assert not socket_folder(url).exists()


def test_begins_anew_where_making_the_cluster_was_broken_off(folder: Path) -> None:
    part = folder / "broken off" / "postgres.part"
    part.mkdir(parents=True)
    (part / "PG_VERSION").write_text("18\n")
    part.parent.chmod(0o711)
    with Postgres.at(part.parent) as server:
        assert ask(server, "select 1") == 1
    assert not part.exists()


def test_refuses_a_cluster_of_another_postgresql(folder: Path) -> None:
    cluster = folder / "old" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresProblem, match=r"PostgreSQL 17, and this is PostgreSQL 18.*--data"):
        Postgres.at(cluster.parent)


def test_refuses_a_folder_that_is_a_cluster_itself(data: Path) -> None:
    with pytest.raises(PostgresProblem, match=r"cluster itself.*--data"):
        Postgres.at(data / "postgres")


def test_says_why_the_server_does_not_start(data: Path) -> None:
    settings = data / "postgres" / "postgresql.conf"
    before = settings.read_text()
    settings.write_text("no_such_setting = 1\n")
    with pytest.raises(PostgresProblem, match=r"contains errors.*server.log.*--data"):
        Postgres.at(data)
    settings.write_text(before)


def test_says_why_the_cluster_cannot_be_made(folder: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(PostgresProblem, match=r"can't make its files.*File too large.*--data"):
            Postgres.at(folder / "no room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_says_that_an_earlier_server_does_not_stop(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with (data / "server.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PostgresProblem, match=r"earlier run.*does not stop.*--data"):
            Postgres.at(data)


def test_says_that_the_programs_are_missing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(PostgresProblem, match="make setup"):
        Postgres.at(data)


def test_ends_a_server_that_does_not_want_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "PATIENCE", 0.2)
    stubborn = ("/bin/sh", "-c", "trap '' INT; echo deaf; exec sleep 60")
    said = tmp_path / "said"
    with said.open("w+") as out, Account().serving(stubborn, out, out.fileno()) as server:
        assert eventually(lambda: said.read_text() == "deaf\n")
    assert server.returncode == -signal.SIGQUIT


@pytest.mark.parametrize("path", ["/dev/null", "/dev/null/data", "/proc/data"])
def test_refuses_what_cannot_be_a_data_folder(path: str) -> None:
    with pytest.raises(PostgresProblem, match=rf"{path} can't be used.*--data"):
        Postgres.at(Path(path))
