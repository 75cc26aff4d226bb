"""Check of a data folder: a demo that was deleted or copied in part is reported, not repaired.

Nothing is deleted here: the messages name what is missing and the command that removes the rest.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from gateway.demo.binaries import PostgresError, locate_cluster

TOKENS_FILE_NAME = "tokens.json"
CLUSTER_ENTRIES = (
    "PG_VERSION",
    "postgresql.conf",
    "pg_hba.conf",
    "global/pg_control",
    "global/pg_filenode.map",
    "base/1/PG_VERSION",
    "base/4/PG_VERSION",
    "base/5/PG_VERSION",
    "base/5/pg_filenode.map",
    "pg_commit_ts",
    "pg_multixact/members",
    "pg_multixact/offsets",
    "pg_notify",
    "pg_replslot",
    "pg_twophase",
    "pg_wal",
    "pg_xact",
)
"""Files and folders of a cluster that PostgreSQL does not start without.

The databases in `base` have fixed ids: 1 is `template1`, 4 is `template0`, 5 is `postgres`.
"""
_DAMAGE_SQLSTATES = {"58P01", "XX001", "XX002"}
"""Codes of PostgreSQL's errors undefined_file, data_corrupted and index_corrupted."""


def check_cluster_exists(data_directory: Path) -> None:
    """Check that a data folder with the tokens of a demo has its cluster, too.

    Raises PostgresError if the cluster is missing.
    """
    cluster_directory = locate_cluster(data_directory)
    if (data_directory / TOKENS_FILE_NAME).exists() and not cluster_directory.exists():
        raise _incomplete_error(data_directory, f"{cluster_directory} is missing")


def check_cluster_files(data_directory: Path) -> None:
    """Check that a cluster has all files that PostgreSQL needs to start.

    Raises PostgresError if one is missing or empty.
    """
    cluster_directory = locate_cluster(data_directory)
    for entry in CLUSTER_ENTRIES:
        path = cluster_directory / entry
        if not path.exists():
            raise _incomplete_error(data_directory, f"{path} is missing")
        if path.is_file() and path.stat().st_size == 0:
            raise _incomplete_error(data_directory, f"{path} is empty")


@contextmanager
def report_damage(data_directory: Path) -> Iterator[None]:
    """Context manager that maps errors of a damaged database.

    Raises PostgresError if PostgreSQL misses a file of the database or finds its data corrupted.
    """
    try:
        yield
    except psycopg.Error as error:
        # An error while connecting has no code. PostgreSQL's messages are English, by LC_ALL=C.
        if error.sqlstate not in _DAMAGE_SQLSTATES and "could not open file" not in str(error):
            raise
        reason = str(error).partition("FATAL:")[2] or str(error)
        raise _incomplete_error(data_directory, " ".join(reason.split())) from error


def format_removal_command(data_directory: Path) -> str:
    """Return the shell command that removes a demo, and nothing else, from a data folder."""
    paths = (locate_cluster(data_directory), data_directory / TOKENS_FILE_NAME)
    return shlex.join(["rm", "-r", *(str(path) for path in paths if path.exists())])


def _incomplete_error(data_directory: Path, reason: str) -> PostgresError:
    return PostgresError(
        f"The demo in {data_directory} is incomplete ({reason}): remove it "
        f"({format_removal_command(data_directory)}) to create a new demo, "
        "or choose another folder with --data."
    )
