"""`make bench-events`: measure the delay and completeness of events for many subscribers.

    python -m benchmarks.events --sockets 1000 --events 1000 --rate 20

First changes are committed one by one at a rate, then as many as fast as possible.
Subscribers are staff and support users, in a process of their own on the same machine: they, the
gateway and PostgreSQL share its cores.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]
import psycopg

from benchmarks.cli_support import RESULTS_FOLDER, handle_signals, print_progress, write_results
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.home import create_demo_database
from gateway.demo.postgres import EmbeddedPostgres
from tests.support.gateway_server import UNLIMITED_RATES, run_gateway_process

VIEWERS = ("staff", "support")
TOGGLE_STATE_SQL = "update marketplace_resource set state = 6 - state where id = %s"
"""Toggles a resource between OK (2) and Updating (4)."""


@contextmanager
def _create_database(resources: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gateway-events-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres.start(Path(folder) / "data") as server:
            with psycopg.connect(server.url, autocommit=True) as admin_connection:
                admin_connection.execute("create database events")
            url = server.url.replace("/postgres?", "/events?")
            create_demo_database(
                url, report_progress=print_progress, resource_count=resources, seed=1
            )
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("update marketplace_resource set state = 2")
            yield url


def _measure_delivery(url: str, options: argparse.Namespace, rate: float) -> dict[str, Any]:
    """Write all changes at a rate (0: as fast as possible) and return the delivery figures."""
    settings = {
        "provider_seconds": "off",
        "user_subscriptions": str(options.sockets),
        **UNLIMITED_RATES,
    }
    with (
        psycopg.connect(url, autocommit=True) as connection,
        run_gateway_process(
            "--database-url", url, subscriber_queue=options.queue, **settings
        ) as server,
    ):
        tokens_by_user = load_tokens_by_username(connection)
        token_list = ",".join(tokens_by_user[username] for username in VIEWERS)
        arguments = (server.url, token_list, str(options.sockets), str(options.events))
        with _run_subscribers(*arguments) as output:
            cpu_before, started_at = _cpu_seconds(server.popen.pid), time.time()
            _write_changes(connection, options.events, rate)
            written_at = time.time()
            figures: dict[str, Any] = json.loads(output.readline())
        cpu_seconds = _cpu_seconds(server.popen.pid) - cpu_before
        expected_cursors = _load_cursors(connection, options.events)
        figures["as in the table"] = figures.pop("order") == expected_cursors
        memory_bytes = psutil.Process(server.popen.pid).memory_info().rss
    return figures | {
        "writing seconds": written_at - started_at,
        "drained after seconds": figures.pop("last") - written_at,
        "seconds of the gateway's CPU": cpu_seconds,
        "gateway's MB": memory_bytes / 1e6,
    }


@contextmanager
def _run_subscribers(*arguments: str) -> Iterator[IO[bytes]]:
    """Run the process of subscribers; yield its output when all are subscribed."""
    command = (sys.executable, "-m", "benchmarks.websocket_subscribers", *arguments)
    subscribers = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert subscribers.stdout is not None
        if subscribers.stdout.readline() != b"ready\n":
            raise SystemExit("The subscribers failed to subscribe; their error is printed above.")
        yield subscribers.stdout
    finally:
        subscribers.terminate()
        subscribers.wait()


def _write_changes(connection: psycopg.Connection[Any], events: int, rate: float) -> None:
    resource_ids = [
        resource_id
        for (resource_id,) in connection.execute("select id from marketplace_resource order by id")
    ]
    start = time.monotonic()
    for number in range(events):
        if rate:
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
        connection.execute(TOGGLE_STATE_SQL, [resource_ids[number % len(resource_ids)]])


def _load_cursors(connection: psycopg.Connection[Any], events: int) -> list[str]:
    """Return the cursors of the last events in the order of transactions."""
    from gateway.db.driver.connection_options import ConnectionOptions  # noqa: PLC0415 - needed only here
    from gateway.db.events.source_watch import load_source_name  # noqa: PLC0415
    from gateway.schema.framework.event_cursors import encode_event_cursor  # noqa: PLC0415

    rows = connection.execute(
        "select xid::text::bigint, id from gateway.marketplace_event"
        " order by xid desc, id desc limit %s",
        [events],
    ).fetchall()
    options = ConnectionOptions(connection.info.dsn, 10)
    source_name = asyncio.run(load_source_name(options, "triggers"))
    return [encode_event_cursor(source_name, (xid, event_id)) for xid, event_id in reversed(rows)]


def _cpu_seconds(pid: int) -> float:
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure both rates, print and write the figures; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.events", description="Measure the delivery of events."
    )
    parser.add_argument("--sockets", type=int, default=1000, help="subscribers (%(default)s)")
    parser.add_argument("--events", type=int, default=1000, help="changes (%(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="changes per second (%(default)s)")
    parser.add_argument("--queue", default="1000", help="GATEWAY_SUBSCRIBER_QUEUE (%(default)s)")
    parser.add_argument(
        "--resources", type=int, default=600, help="resources of the demo (%(default)s)"
    )
    parser.add_argument("--output", type=Path, default=RESULTS_FOLDER / "events.json")
    options = parser.parse_args(argv)
    handle_signals()
    figures = {}
    with _create_database(options.resources) as url:
        for name, rate in (("steady", options.rate), ("burst", 0.0)):
            print_progress(f"Measuring: {name} ...")
            figures[name] = _measure_delivery(url, options, rate)
            print(name, json.dumps(figures[name], indent=1), flush=True)
    write_results(options.output, {"options": {**vars(options), "output": None}, **figures})
    return 0


if __name__ == "__main__":
    sys.exit(main())
