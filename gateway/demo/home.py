"""The demo in a data folder: its database, and the tokens of its users in a file beside it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from gateway.db.admin.install import occupied
from gateway.db.queries.tokens import tokens
from gateway.demo.marketplace.fill import make
from gateway.demo.postgres import Postgres

TOKENS = "tokens.json"
RESOURCES, SEED = 600, 1
Say = Callable[[str], None]


class OccupiedError(Exception):
    """The database holds Waldur's tables already; the text names one."""


class NoDemoError(Exception):
    """The data folder holds no demo."""


@contextmanager
def running(data: Path, say: Say) -> Iterator[str]:
    """Have the demo's database run, made if it is not there yet; give its address.

    PostgresProblem if that can't be.
    """
    with Postgres.at(data) as server:
        with psycopg.connect(server.url) as connection:
            empty = not occupied(connection)
        if empty:
            fill(server.url, say=say)
        keep_tokens(server.url, data)
        yield server.url


def fill(url: str, *, say: Say, resources: int = RESOURCES, seed: int = SEED) -> None:
    """Make the demo marketplace in an empty database; OccupiedError if it is not."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        taken = occupied(connection)
        if taken:
            raise OccupiedError(
                f"The database already holds Waldur's tables, {taken[0]} among them; "
                "choose an empty one."
            )
        say(f"Making a demo marketplace with {resources} resources (seed {seed}) ...")
        make(connection, resources=resources, seed=seed)
    say("The demo marketplace is made.")


def keep_tokens(url: str, data: Path) -> None:
    """Write the users' tokens to a file in the data folder, for its owner only."""
    with psycopg.connect(url) as connection:
        known = tokens(connection)
    place, draft = data / TOKENS, data / f".{TOKENS}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(known, file, indent=2)
    draft.replace(place)


def kept_tokens(data: Path) -> dict[str, str]:
    """Give the tokens of the demo in a data folder; NoDemoError if there is none."""
    try:
        known: dict[str, str] = json.loads((data / TOKENS).read_text())
    except (OSError, ValueError):
        raise NoDemoError(
            f"The folder {data} holds no demo: `gateway init` or `gateway serve` makes one."
        ) from None
    return known
