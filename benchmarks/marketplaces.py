"""The measured marketplaces: demos of any size, created once in benchmarks/.data."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import psycopg

from benchmarks.cli_support import print_progress
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.postgres import EmbeddedPostgres

BENCHMARKS_FOLDER = Path(__file__).parent
DATA_FOLDER = BENCHMARKS_FOLDER / ".data"
CATALOGUE_SQL = (BENCHMARKS_FOLDER / "catalogue.sql").read_bytes()


@dataclass(frozen=True)
class BenchmarkMarketplace:
    """A running demo marketplace."""

    resources: int
    """The number of resources."""
    url: str
    pid: int
    """The process of PostgreSQL."""
    tokens: dict[str, str]
    """API tokens by username."""
    log_path: Path
    """The log file of PostgreSQL."""


@contextmanager
def run_marketplace(resources: int) -> Iterator[BenchmarkMarketplace]:
    """Run a demo with that many resources; create it on first use."""
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
    """Create a demo in a folder with another name, renamed when it is complete."""
    print_progress(f"Creating a demo of {resources:,} resources in {data}, once ...")
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
