"""`make bench-events`: how soon many subscribers are told of changes, and whether of all.

    python -m benchmarks.events --sockets 1000 --events 1000 --rate 20

First the changes come at a rate, each committed by itself; then as many at once, as fast as they
can be written. Subscribers are staff and support, in a process of their own on the same machine:
they, the gateway and PostgreSQL share its cores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg

from benchmarks.keeping import RESULTS, heed_signals, keep
from benchmarks.saying import say
from gateway.db.queries.tokens import tokens
from gateway.demo.home import fill
from gateway.demo.postgres import Postgres
from tests.support.gateway_server import process

VIEWERS = ("staff", "support")
CHANGE = "update marketplace_resource set state = 6 - state where id = %s"
"""OK and Updating take turns."""


@contextmanager
def _database(resources: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gateway-events-") as folder:
        Path(folder).chmod(0o711)
        with Postgres.at(Path(folder) / "data") as server:
            with psycopg.connect(server.url, autocommit=True) as root:
                root.execute("create database events")
            url = server.url.replace("/postgres?", "/events?")
            fill(url, say=say, resources=resources, seed=1)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("update marketplace_resource set state = 2")
            yield url


def _measured(url: str, given: argparse.Namespace, rate: float) -> dict[str, Any]:
    """Have all changes made at a rate, and tell what came of them; 0 is as fast as can be."""
    sockets, events = str(given.sockets), str(given.events)
    settings = {"provider_seconds": "off", "user_subscriptions": sockets}
    with (
        psycopg.connect(url, autocommit=True) as connection,
        process("--database-url", url, subscriber_queue=given.queue, **settings) as server,
    ):
        known = tokens(connection)
        keys = ",".join(known[each] for each in VIEWERS)
        command = (sys.executable, "-m", "benchmarks.listeners", server.url, keys, sockets, events)
        listeners = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert listeners.stdout is not None
            if listeners.stdout.readline() != b"ready\n":
                raise SystemExit("The subscribers could not subscribe; see above.")
            cpu, began = _cpu(server.process.pid), time.time()
            _change(connection, given.events, rate)
            written = time.time()
            figures: dict[str, Any] = json.loads(listeners.stdout.readline())
        finally:
            listeners.terminate()
            listeners.wait()
        used = _cpu(server.process.pid) - cpu
        figures["as in the table"] = figures.pop("order") == _truth(connection, given.events)
        memory = psutil.Process(server.process.pid).memory_info().rss
    return figures | {
        "writing seconds": written - began,
        "drained after seconds": figures.pop("last") - written,
        "seconds of the gateway's CPU": used,
        "gateway's MB": memory / 1e6,
    }


def _change(connection: psycopg.Connection[Any], events: int, rate: float) -> None:
    ids = [id_ for (id_,) in connection.execute("select id from marketplace_resource order by id")]
    start = time.monotonic()
    for number in range(events):
        if rate:
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
        connection.execute(CHANGE, [ids[number % len(ids)]])


def _truth(connection: psycopg.Connection[Any], events: int) -> list[str]:
    """Give the cursors of the last events, in the order of the table."""
    from gateway.subscriptions.cursors import encode  # noqa: PLC0415 - the gateway's own spelling

    last = connection.execute(
        "select xid::text::bigint, id from gateway.resource_event"
        " order by xid desc, id desc limit %s",
        [events],
    ).fetchall()
    return [encode("triggers", (xid, id_)) for xid, id_ in reversed(last)]


def _cpu(pid: int) -> float:
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both ways, print the figures and keep them; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events")
    parser.add_argument("--sockets", type=int, default=1000, help="subscribers (%(default)s)")
    parser.add_argument("--events", type=int, default=1000, help="changes (%(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="changes a second (%(default)s)")
    parser.add_argument("--queue", default="1000", help="GATEWAY_SUBSCRIBER_QUEUE (%(default)s)")
    parser.add_argument("--resources", type=int, default=600, help="in the demo (%(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "events.json")
    given = parser.parse_args(arguments)
    heed_signals()
    figures = {}
    with _database(given.resources) as url:
        for name, rate in (("steady", given.rate), ("burst", 0.0)):
            say(f"Measuring: {name} ...")
            figures[name] = _measured(url, given, rate)
            print(name, json.dumps(figures[name], indent=1), flush=True)
    keep(given.output, {"asked": {**vars(given), "output": None}, **figures})
    return 0


if __name__ == "__main__":
    sys.exit(main())
