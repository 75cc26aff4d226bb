"""Tests of data folders that were deleted or copied in part: one line that says so."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.demo import binaries
from gateway.demo.integrity import CLUSTER_ENTRIES
from gateway.demo.postgres import EmbeddedPostgres, PostgresError
from tests.support.gateway_server import expect_usage_error, run_command


@pytest.fixture(scope="module")
def data_directory(base_directory: Path) -> Path:
    """Return a data folder with a cluster and a file of tokens, which tests must restore."""
    data_directory = base_directory / "data"
    EmbeddedPostgres.start(data_directory).stop()
    (data_directory / "tokens.json").write_text("{}")
    return data_directory


@contextmanager
def remove_temporarily(path: Path) -> Iterator[None]:
    """Remove a file or folder within the context."""
    removed_path = path.with_name(f"{path.name}.removed")
    path.rename(removed_path)
    try:
        yield
    finally:
        removed_path.rename(path)


def list_files(directory: Path) -> set[Path]:
    """Return all files and folders below a folder."""
    return set(directory.rglob("*"))


def expect_incomplete(data_directory: Path, missing_path: Path) -> str:
    """Check that a start fails without a change; return its message."""
    files = list_files(data_directory)
    message = rf"^The demo in {data_directory} is incomplete \({missing_path} is (missing|empty)\)"
    with pytest.raises(PostgresError, match=message) as raised:
        EmbeddedPostgres.start(data_directory)
    assert list_files(data_directory) == files
    assert "--data" in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("entry", CLUSTER_ENTRIES)
def test_missing_file_of_the_cluster_is_reported(data_directory: Path, entry: str) -> None:
    path = data_directory / "postgres" / entry
    with remove_temporarily(path):
        message = expect_incomplete(data_directory, path)
    assert f"(rm -r {data_directory}/postgres {data_directory}/tokens.json)" in message


def test_missing_folder_of_the_databases_is_reported(data_directory: Path) -> None:
    with remove_temporarily(data_directory / "postgres" / "base"):
        expect_incomplete(data_directory, data_directory / "postgres" / "base/1/PG_VERSION")
    EmbeddedPostgres.start(data_directory).stop()


def test_empty_file_of_the_cluster_is_reported(data_directory: Path) -> None:
    path = data_directory / "postgres" / "PG_VERSION"
    with remove_temporarily(path):
        path.touch()
        expect_incomplete(data_directory, path)


def test_missing_cluster_is_reported(data_directory: Path) -> None:
    with remove_temporarily(data_directory / "postgres"):
        message = expect_incomplete(data_directory, data_directory / "postgres")
    assert f"(rm -r {data_directory}/tokens.json)" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="a cluster is relocated only under root")
def test_missing_relocated_cluster_is_reported(
    base_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "SHARED_DIRECTORIES", (base_directory / "shared",))
    tmp_path.chmod(0o700)
    EmbeddedPostgres.start(tmp_path / "data").stop()
    (tmp_path / "data" / "tokens.json").write_text("{}")
    cluster_directory = binaries.locate_cluster(tmp_path / "data")
    with remove_temporarily(cluster_directory.parent):
        expect_incomplete(tmp_path / "data", cluster_directory)


@pytest.mark.parametrize("command", ["serve", "init"])
def test_empty_cluster_is_an_error_of_the_command(base_directory: Path, command: str) -> None:
    data_directory = base_directory / f"empty {command}"
    (data_directory / "postgres").mkdir(parents=True)
    data_directory.chmod(0o711)
    flags = ("--port", "0") if command == "serve" else ()
    message = expect_usage_error(run_command(command, *flags, "--data", str(data_directory)))
    assert message.startswith(f"The demo in {data_directory} is incomplete (")
    assert message.endswith(
        f": remove it (rm -r '{data_directory}/postgres') to create a new demo, "
        "or choose another folder with --data.\n"
    )
