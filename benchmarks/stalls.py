"""`make abuse`: measure how long hostile clients delay another user's small query.

    python -m benchmarks.stalls --seconds 3 --clients 4

One attack after the other is made by several connections against one gateway with default limits,
but without the rate budget, which would end each attack at once. Meanwhile a user without
privileges sends a small query, in a process of its own. The gateway, PostgreSQL, the attackers
and this user share the machine's cores.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.adversarial_documents import ADVERSARIAL_DOCUMENTS
from benchmarks.cli_support import RESULTS_FOLDER, handle_signals, print_progress, write_results
from benchmarks.hostile_clients import (
    CONNECTION_ATTACKS,
    VARIABLE_ATTACKS,
    WORK_ATTACKS,
    Attack,
    AttackedServer,
    read_response,
    send_document,
)
from benchmarks.marketplaces import run_marketplace
from benchmarks.process_usage import memory_bytes
from tests.support.gateway_server import UNLIMITED_RATES, run_gateway_process

PROBE_QUERY = json.dumps({"query": "{ resources(first: 1) { nodes { name } } }"}).encode()
PROBE_INTERVAL_SECONDS = 0.01
MAX_PROBE_SECONDS = 60
MAX_STALL_MILLISECONDS = 250
MAX_GROWTH_BYTES = 50_000_000
MIN_HOSTILE_REQUESTS = 10_000
USERNAME, PROBE_USERNAME = "member", "manager"


async def _probe(port: int, token: str, seconds: float) -> list[float]:
    """Send the small query again and again; return the times until its responses."""
    server, latencies = AttackedServer(port, token), []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ends_at = time.monotonic() + seconds
    while (started_at := time.monotonic()) < ends_at:
        writer.write(server.build_request(PROBE_QUERY))
        head = await read_response(reader)
        assert b" 200 " in head[:16], head
        latencies.append(time.monotonic() - started_at)
        await asyncio.sleep(PROBE_INTERVAL_SECONDS)
    writer.close()
    return latencies


def run_probe(port: int, token: str, seconds: float, results: Connection) -> None:
    """Probe in this process, and send the latencies or the error."""
    try:
        results.send(asyncio.run(_probe(port, token, seconds)))
    except (OSError, EOFError, AssertionError) as error:
        results.send(repr(error))


async def _attack(
    server: AttackedServer, attack: Attack, clients: int, results: Connection
) -> list[float] | str:
    """Attack until the probe has results; return them."""
    tasks = [asyncio.create_task(attack(server)) for _ in range(clients)]
    has_results = await asyncio.to_thread(results.poll, MAX_PROBE_SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return results.recv() if has_results else f"no response within {MAX_PROBE_SECONDS} s"


def measure_attack(
    server: AttackedServer, probe_token: str, attack: Attack, clients: int, seconds: float
) -> dict[str, Any]:
    """Return the latencies of the small query during an attack, in milliseconds."""
    context = multiprocessing.get_context("spawn")
    results, sender = context.Pipe(duplex=False)
    probe = context.Process(target=run_probe, args=(server.port, probe_token, seconds, sender))
    probe.start()
    sender.close()
    count_before = server.request_count
    answer = asyncio.run(_attack(server, attack, clients, results))
    probe.kill()
    probe.join()
    requests = server.request_count - count_before
    if isinstance(answer, str):
        return {"error": answer, "requests": requests}
    latencies = sorted(answer)
    return {
        "requests": requests,
        "median": round(1000 * latencies[len(latencies) // 2], 1),
        "p99": round(1000 * latencies[int(0.99 * len(latencies))], 1),
        "maximum": round(1000 * latencies[-1], 1),
    }


async def _idle(_server: AttackedServer) -> None:
    await asyncio.Event().wait()


def list_attacks() -> Mapping[str, Attack]:
    """Return all attacks by description."""
    documents = {
        f"document: {name}": send_document(each.text, dict(each.variables), each.operation_name)
        for name, each in ADVERSARIAL_DOCUMENTS.items()
    }
    return {
        "none": _idle,
        **documents,
        **VARIABLE_ATTACKS,
        **WORK_ATTACKS,
        **CONNECTION_ATTACKS,
    }


def _measure_all(options: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    attacks = {name: each for name, each in list_attacks().items() if options.only in name}
    with (
        run_marketplace(options.resources) as marketplace,
        run_gateway_process("--database-url", marketplace.url, **UNLIMITED_RATES) as gateway,
    ):
        port = int(gateway.url.rpartition(":")[2])
        server = AttackedServer(port, marketplace.tokens[USERNAME])
        probe_token = marketplace.tokens[PROBE_USERNAME]
        measure_attack(server, probe_token, _idle, 1, 2)
        memory, memory_before = 0, memory_bytes(gateway.popen.pid)
        for name, attack in attacks.items():
            figures[name] = measure_attack(
                server, probe_token, attack, options.clients, options.seconds
            )
            memory = memory_bytes(gateway.popen.pid) - memory_before
            figures[name]["memory"] = round(memory / 1e6)
            print_progress(f"{name:60} {figures[name]}")
        figures["all"] = {"requests": server.request_count, "memory": round(memory / 1e6)}
    return figures


def main() -> None:
    """Measure all attacks, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3, help="duration of an attack")
    parser.add_argument("--clients", type=int, default=4, help="hostile connections")
    parser.add_argument("--resources", type=int, default=20_000, help="size of the marketplace")
    parser.add_argument("--only", default="", help="attacks whose description contains a text")
    parser.add_argument("--output", type=Path, default=RESULTS_FOLDER / "abuse.json")
    options = parser.parse_args()
    handle_signals()
    figures = _measure_all(options)
    write_results(options.output, {"milliseconds": figures})
    slow = [
        name for name, each in figures.items() if each.get("maximum", 0) > MAX_STALL_MILLISECONDS
    ]
    print_progress(f"Requests: {figures['all']['requests']}, growth: {figures['all']['memory']} MB")
    print_progress(f"Longer than {MAX_STALL_MILLISECONDS} ms: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
