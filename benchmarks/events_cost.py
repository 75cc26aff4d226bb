"""What the triggers cost who writes resources: `python -m benchmarks.events_cost`.

One connection, and then several, update single rows, and one all in one statement,
without triggers and with, in turns; the ratio is the median of the rounds'
ratios.
"""

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

from benchmarks.keeping import RESULTS, heed_signals, keep
from benchmarks.saying import say
from gateway.db.events import triggers
from gateway.demo.marketplace.fill import make
from gateway.demo.postgres import Postgres

STATE = "state = case state when 3 then 4 else 3 end, modified = now()"
WORKS = {
    "one state": f"update marketplace_resource set {STATE} where id = %s",
    "only modified": "update marketplace_resource set modified = now() where id = %s",
}
ALL = f"update marketplace_resource set {STATE}"
Connection = psycopg.Connection[Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the ratios and write the figures; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events_cost", description=__doc__)
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--updates", type=int, default=1000, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--output", type=Path, default=RESULTS / "events-cost.json")
    given = parser.parse_args(arguments)
    heed_signals()
    with _marketplace(given.resources) as url:
        rounds = [_round(url, given.updates, given.clients) for _ in range(given.rounds)]
    costs = {name: _cost([each[name] for each in rounds]) for name in rounds[0]}
    for name, (without, with_, ratio) in costs.items():
        print(f"{name:<28} {without:9.3f} ms {with_:9.3f} ms  x {ratio:.2f}")
    keep(given.output, {"given": {**vars(given), "output": None}, "costs": costs})
    return 0


@contextmanager
def _marketplace(resources: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        Path(folder).chmod(0o711)
        with Postgres.at(Path(folder) / "data") as server:
            say(f"Making {resources} resources ...")
            with psycopg.connect(server.url) as connection:
                make(connection, resources=resources, seed=1)
            yield server.url


def _round(url: str, updates: int, clients: int) -> dict[str, tuple[float, float]]:
    """Give the milliseconds that each work takes for each update, without triggers and with."""
    found: dict[str, list[float]] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for change in (triggers.uninstall, triggers.install):
            change(connection)
            for name, took in _measured(url, connection, updates, clients):
                found.setdefault(name, []).append(took)
            connection.execute("vacuum marketplace_resource")
    return {name: (without, with_) for name, (without, with_) in found.items()}


def _measured(
    url: str, connection: Connection, updates: int, clients: int
) -> Iterator[tuple[str, float]]:
    for name, sql in WORKS.items():
        yield name, _timed(partial(_updates, connection, sql, updates)) / updates
    together = partial(_together, url, updates // clients, clients)
    yield f"one state, {clients} clients", _timed(together) / updates
    yield "all states in a statement", _timed(partial(connection.execute, ALL.encode()))


def _updates(connection: Connection, sql: str, updates: int, first: int = 0) -> None:
    for n in range(updates):
        connection.execute(sql.encode(), [first + n + 1])


def _together(url: str, updates: int, clients: int) -> None:
    def client(first: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            _updates(connection, WORKS["one state"], updates, first)

    threads = [threading.Thread(target=client, args=[n * updates]) for n in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def _cost(rounds: list[tuple[float, float]]) -> tuple[float, float, float]:
    without, with_ = zip(*rounds, strict=True)
    ratio = median(two / one for one, two in rounds)
    return median(without), median(with_), ratio


if __name__ == "__main__":
    sys.exit(main())
