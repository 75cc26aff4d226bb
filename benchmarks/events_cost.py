"""Measure what the triggers add to writing resources: `python -m benchmarks.events_cost`.

One connection and then several update single rows, and one updates all rows in one statement,
each without and with triggers, in interleaved rounds. The ratio is the median of the rounds'
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

from benchmarks.cli_support import RESULTS_FOLDER, handle_signals, print_progress, write_results
from gateway.db.events import triggers
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres

STATE_ASSIGNMENTS = "state = case state when 3 then 4 else 3 end, modified = now()"
UPDATE_STATEMENTS = {
    "one state": f"update marketplace_resource set {STATE_ASSIGNMENTS} where id = %s",
    "only modified": "update marketplace_resource set modified = now() where id = %s",
}
UPDATE_ALL_SQL = f"update marketplace_resource set {STATE_ASSIGNMENTS}"
Connection = psycopg.Connection[Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the ratios and write the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events_cost", description=__doc__)
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--updates", type=int, default=1000, help="updates in each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--output", type=Path, default=RESULTS_FOLDER / "events-cost.json")
    options = parser.parse_args(argv)
    handle_signals()
    with _create_marketplace(options.resources) as url:
        rounds = [
            _measure_round(url, options.updates, options.clients) for _ in range(options.rounds)
        ]
    costs = {name: _summarise_rounds([round_[name] for round_ in rounds]) for name in rounds[0]}
    for name, (without_triggers, with_triggers, ratio) in costs.items():
        print(f"{name:<28} {without_triggers:9.3f} ms {with_triggers:9.3f} ms  x {ratio:.2f}")
    write_results(options.output, {"options": {**vars(options), "output": None}, "costs": costs})
    return 0


@contextmanager
def _create_marketplace(resources: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres.start(Path(folder) / "data") as server:
            print_progress(f"Creating a demo of {resources:,} resources ...")
            with psycopg.connect(server.url) as connection:
                create_marketplace(connection, resource_count=resources, seed=1)
            yield server.url


def _measure_round(url: str, updates: int, clients: int) -> dict[str, tuple[float, float]]:
    """Return milliseconds per update for each workload, without and with triggers."""
    times_by_workload: dict[str, list[float]] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for set_triggers in (triggers.uninstall_triggers, triggers.install_triggers):
            set_triggers(connection)
            for name, milliseconds in _measure_workloads(url, connection, updates, clients):
                times_by_workload.setdefault(name, []).append(milliseconds)
            connection.execute("vacuum marketplace_resource")
    return {name: (times[0], times[1]) for name, times in times_by_workload.items()}


def _measure_workloads(
    url: str, connection: Connection, updates: int, clients: int
) -> Iterator[tuple[str, float]]:
    for name, sql in UPDATE_STATEMENTS.items():
        yield name, _time_call(partial(_run_updates, connection, sql, updates)) / updates
    run_clients = partial(_run_clients, url, updates // clients, clients)
    yield f"one state, {clients} clients", _time_call(run_clients) / updates
    update_all = partial(connection.execute, UPDATE_ALL_SQL.encode())
    yield "all states in a statement", _time_call(update_all)


def _run_updates(connection: Connection, sql: str, updates: int, first_id: int = 0) -> None:
    for number in range(updates):
        connection.execute(sql.encode(), [first_id + number + 1])


def _run_clients(url: str, updates: int, clients: int) -> None:
    def run_client(first: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            _run_updates(connection, UPDATE_STATEMENTS["one state"], updates, first)

    threads = [
        threading.Thread(target=run_client, args=[number * updates]) for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _time_call(call: Callable[[], object]) -> float:
    started_at = perf_counter()
    call()
    return (perf_counter() - started_at) * 1000


def _summarise_rounds(rounds: list[tuple[float, float]]) -> tuple[float, float, float]:
    without_triggers, with_triggers = zip(*rounds, strict=True)
    ratio = median(with_time / without_time for without_time, with_time in rounds)
    return median(without_triggers), median(with_triggers), ratio


if __name__ == "__main__":
    sys.exit(main())
