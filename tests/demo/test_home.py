"""Tests of the demo in a data folder: its first start, later starts, and damage."""

import json
from pathlib import Path

import pytest

from gateway.demo.binaries import PostgresError
from gateway.demo.home import DemoNotFoundError, load_tokens, run_demo_database
from tests.support.embedded_postgres import query_value


def run_demo_once(data_directory: Path) -> list[str]:
    """Start and stop a demo; return the lines of its progress."""
    lines: list[str] = []
    with run_demo_database(data_directory, lines.append) as url:
        assert query_value(url, "select count(*) from marketplace_resource") == 600
    return lines


def test_only_the_first_start_reports_progress(base_directory: Path) -> None:
    lines = run_demo_once(base_directory / "demo")
    assert lines[0] == "Starting the embedded PostgreSQL for the first time ..."
    assert lines[1] == "Creating the demo marketplace (600 resources, seed 1) ..."
    assert len(lines[2:-1]) >= 5
    assert all(line.startswith("  ") for line in lines[2:-1])
    assert lines[-1] == "The demo marketplace is ready."
    assert "staff" in json.loads((base_directory / "demo" / "tokens.json").read_text())
    assert run_demo_once(base_directory / "demo") == []


@pytest.mark.parametrize("file_name", ["base/5/1259", "base/5/2619", "global/1262"])
def test_missing_file_of_the_database_is_reported(base_directory: Path, file_name: str) -> None:
    data_directory = base_directory / "damaged"
    run_demo_once(data_directory)
    path = data_directory / "postgres" / file_name
    path.rename(path.with_suffix(".removed"))
    with (
        pytest.raises(
            PostgresError, match=rf"is incomplete .*{file_name}.*rm -r .*--data"
        ) as raised,
        run_demo_database(data_directory, print),
    ):
        raise AssertionError
    assert "\n" not in str(raised.value)
    path.with_suffix(".removed").rename(path)
    assert run_demo_once(data_directory) == []


@pytest.mark.parametrize("content", ["", "[1]", "5", '{"staff": 1}', "\udcff"])
def test_invalid_tokens_file_is_reported(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DemoNotFoundError, match="contains no demo"):
        load_tokens(tmp_path)
