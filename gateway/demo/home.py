"""The demo in a data folder: its database, and the tokens of its users in a file beside it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from gateway.db.admin.install import list_existing_tables
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres

TOKENS_FILE_NAME = "tokens.json"
DEFAULT_RESOURCE_COUNT, DEFAULT_SEED = 600, 1
ProgressReporter = Callable[[str], None]


class DatabaseOccupiedError(Exception):
    """The database holds Waldur's tables already; the text names one."""


class DemoNotFoundError(Exception):
    """The data folder holds no demo."""


@contextmanager
def run_demo_database(data_directory: Path, report_progress: ProgressReporter) -> Iterator[str]:
    """Have the demo's database run, made if it is not there yet; give its address.

    PostgresProblem if that can't be.
    """
    with EmbeddedPostgres.start(data_directory) as server:
        with psycopg.connect(server.url) as connection:
            is_empty = not list_existing_tables(connection)
        if is_empty:
            create_demo_database(server.url, report_progress=report_progress)
        save_tokens(server.url, data_directory)
        yield server.url


def create_demo_database(
    url: str,
    *,
    report_progress: ProgressReporter,
    resource_count: int = DEFAULT_RESOURCE_COUNT,
    seed: int = DEFAULT_SEED,
) -> None:
    """Make the demo marketplace in an empty database; OccupiedError if it is not."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        existing_tables = list_existing_tables(connection)
        if existing_tables:
            raise DatabaseOccupiedError(
                f"The database already holds Waldur's tables, {existing_tables[0]} among them; "
                "choose an empty one."
            )
        report_progress(
            f"Making a demo marketplace with {resource_count} resources (seed {seed}) ..."
        )
        create_marketplace(connection, resource_count=resource_count, seed=seed)
    report_progress("The demo marketplace is made.")


def save_tokens(url: str, data_directory: Path) -> None:
    """Write the users' tokens to a file in the data folder, for its owner only."""
    with psycopg.connect(url) as connection:
        tokens_by_username = load_tokens_by_username(connection)
    tokens_path, draft_path = (
        data_directory / TOKENS_FILE_NAME,
        data_directory / f".{TOKENS_FILE_NAME}",
    )
    with os.fdopen(os.open(draft_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(tokens_by_username, file, indent=2)
    draft_path.replace(tokens_path)


def load_tokens(data_directory: Path) -> dict[str, str]:
    """Give the tokens of the demo in a data folder; NoDemoError if there is none."""
    try:
        tokens_by_username: dict[str, str] = json.loads(
            (data_directory / TOKENS_FILE_NAME).read_text()
        )
    except (OSError, ValueError):
        raise DemoNotFoundError(
            f"The folder {data_directory} holds no demo: `gateway init` or `gateway serve` makes one."
        ) from None
    return tokens_by_username
