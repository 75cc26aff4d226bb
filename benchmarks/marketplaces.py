"""The marketplaces that are measured: a demo of any size, made once and kept in a folder."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import psycopg

from benchmarks.saying import print_progress
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.postgres import EmbeddedPostgres

BENCHMARKS_FOLDER = Path(__file__).parent
DATA_FOLDER = BENCHMARKS_FOLDER / ".data"
CATALOGUE_SQL = (BENCHMARKS_FOLDER / "catalogue.sql").read_bytes()


@dataclass(frozen=True)
class BenchmarkMarketplace:
    """A demo of so many resources, and the PostgreSQL that serves it."""

    resources: int
    url: str
    pid: int
    tokens: dict[str, str]
    log_path: Path
    """Where PostgreSQL says what it does."""


@contextmanager
def run_marketplace(resources: int) -> Iterator[BenchmarkMarketplace]:
    """Have the demo of so many resources run, made if it is not there yet."""
    data = DATA_FOLDER / f"{resources}"
    if not data.exists():
        _create_marketplace(data, resources)
    with EmbeddedPostgres.start(data) as server:
        with psycopg.connect(server.url) as connection:
            tokens_by_user = load_tokens_by_username(connection)
        yield BenchmarkMarketplace(
            resources, server.url, server.pid, tokens_by_user, data / "server.log"
        )


def _create_marketplace(data: Path, resources: int) -> None:
    """Make a demo under another name first, so that half of one never counts as one."""
    print_progress(f"Making a demo of {resources:,} resources in {data}, once ...")
    partial_data = data.with_name(f"{data.name}.part")
    rmtree(partial_data, ignore_errors=True)
    options = ("--resources", str(resources), "--data", str(partial_data))
    subprocess.run((sys.executable, "-m", "gateway", "init", *options), check=True)
    with (
        EmbeddedPostgres.start(partial_data) as server,
        psycopg.connect(server.url, autocommit=True) as connection,
    ):
        connection.execute(CATALOGUE_SQL)
        connection.execute("vacuum (analyze)")
    partial_data.rename(data)
