"""The marketplaces that are measured: a demo of any size, made once and kept in a folder."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import psycopg

from benchmarks.saying import say
from gateway.db.queries.tokens import tokens
from gateway.demo.postgres import Postgres

HERE = Path(__file__).parent
FOLDER = HERE / ".data"
CATALOGUE = (HERE / "catalogue.sql").read_bytes()


@dataclass(frozen=True)
class Marketplace:
    """A demo of so many resources, and the PostgreSQL that serves it."""

    resources: int
    url: str
    pid: int
    tokens: dict[str, str]
    log: Path
    """Where PostgreSQL says what it does."""


@contextmanager
def marketplace(resources: int) -> Iterator[Marketplace]:
    """Have the demo of so many resources run, made if it is not there yet."""
    data = FOLDER / f"{resources}"
    if not data.exists():
        _make(data, resources)
    with Postgres.at(data) as server:
        with psycopg.connect(server.url) as connection:
            known = tokens(connection)
        yield Marketplace(resources, server.url, server.pid, known, data / "server.log")


def _make(data: Path, resources: int) -> None:
    """Make a demo under another name first, so that half of one never counts as one."""
    say(f"Making a demo of {resources:,} resources in {data}, once ...")
    part = data.with_name(f"{data.name}.part")
    rmtree(part, ignore_errors=True)
    chosen = ("--resources", str(resources), "--data", str(part))
    subprocess.run((sys.executable, "-m", "gateway", "init", *chosen), check=True)
    with Postgres.at(part) as server, psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(CATALOGUE)
        connection.execute("vacuum (analyze)")
    part.rename(data)
