"""The demo in a data folder: its database, and a file with the tokens of its users."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.db.admin.install import list_existing_tables
from gateway.db.driver.startup_connection import connect_database
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.integrity import TOKENS_FILE_NAME, format_removal_command, report_damage
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from gateway.demo.progress import ProgressReporter

DEFAULT_RESOURCE_COUNT, DEFAULT_SEED = 600, 1


class DatabaseOccupiedError(Exception):
    """Error for a database that already contains Waldur's tables; the message names one."""


class DemoNotFoundError(Exception):
    """Error for a data folder or database without a demo."""


@contextmanager
def run_demo_database(data_directory: Path, report_progress: ProgressReporter) -> Iterator[str]:
    """Run the demo's database, which is created if it does not exist; yield its URL.

    Raises PostgresError if PostgreSQL cannot run, or if the demo is incomplete.
    """
    with EmbeddedPostgres.start(data_directory, report_progress) as server:
        with report_damage(data_directory), connect_database(server.url) as connection:
            is_empty = not list_existing_tables(connection)
        if is_empty:
            create_demo_database(server.url, report_progress=report_progress)
        with report_damage(data_directory):
            save_tokens(server.url, data_directory)
        yield server.url


def create_demo(
    data_directory: Path, *, report_progress: ProgressReporter, resource_count: int, seed: int
) -> None:
    """Create a demo in a data folder.

    Raises PostgresError if PostgreSQL cannot run, DatabaseOccupiedError if there is a demo.
    """
    with EmbeddedPostgres.start(data_directory, report_progress) as server:
        try:
            create_demo_database(
                server.url,
                report_progress=report_progress,
                resource_count=resource_count,
                seed=seed,
            )
        except DatabaseOccupiedError:
            raise DatabaseOccupiedError(
                f"The folder {data_directory} already contains a demo: remove it "
                f"({format_removal_command(data_directory)}) to create a new one, "
                "or choose another folder with --data."
            ) from None
        save_tokens(server.url, data_directory)


def create_demo_database(
    url: str,
    *,
    report_progress: ProgressReporter,
    resource_count: int = DEFAULT_RESOURCE_COUNT,
    seed: int = DEFAULT_SEED,
    pooler: bool = False,
) -> None:
    """Create the demo marketplace in an empty database.

    Raises DatabaseOccupiedError if the database contains Waldur's tables.
    """
    with connect_database(url, pooler=pooler) as connection:
        existing_tables = list_existing_tables(connection)
        if existing_tables:
            raise DatabaseOccupiedError(
                f"The database already holds Waldur's tables, {existing_tables[0]} among them; "
                "choose an empty one."
            )
        report_progress(
            f"Creating the demo marketplace ({resource_count} resources, seed {seed}) ..."
        )
        create_marketplace(
            connection,
            resource_count=resource_count,
            seed=seed,
            report_progress=report_progress,
        )
    report_progress("The demo marketplace is ready.")


def save_tokens(url: str, data_directory: Path) -> None:
    """Write the users' tokens to a file in the data folder that only its owner can read."""
    with connect_database(url) as connection:
        tokens_by_username = load_tokens_by_username(connection)
    tokens_path = data_directory / TOKENS_FILE_NAME
    draft_path = data_directory / f".{TOKENS_FILE_NAME}"
    with os.fdopen(os.open(draft_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(tokens_by_username, file, indent=2)
    draft_path.replace(tokens_path)


def load_tokens(data_directory: Path) -> dict[str, str]:
    """Return the tokens of the demo in a data folder, by username.

    Raises DemoNotFoundError if the folder has no file with tokens.
    """
    try:
        tokens_by_username = msgspec.json.decode(
            (data_directory / TOKENS_FILE_NAME).read_bytes(), type=dict[str, str]
        )
    except (OSError, ValueError):
        raise DemoNotFoundError(
            f"The folder {data_directory} contains no demo: "
            "`gateway init` or `gateway serve` creates one."
        ) from None
    return tokens_by_username
