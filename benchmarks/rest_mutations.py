"""Measure what mutations over Waldur's REST API cost the gateway.

    python -m benchmarks.rest_mutations [requests]

A server in another process takes the place of Waldur and accepts everything. Requests are sent one
at a time over one connection, after WARMUP_REQUESTS that don't count. The parts are measured alone:
a mutation that the checks before the request refuse, reading the result by a query, and the request
to the REST API, by the same client in this process.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg

from benchmarks.process_usage import cpu_seconds
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from gateway.rest_api.rest_request import RestRequest
from tests.support.gateway_server import UNLIMITED_RATES, load_user_tokens, run_gateway_process
from tests.support.rest_clients import REQUESTER, open_rest_client

WARMUP_REQUESTS = 100
ROUNDS = 5
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 49\r\n\r\n"
    b'{"order_uuid":"00000000000000000000000000000000"}'
)
PAYLOAD = "... on Accepted { resource { uuid state endDate } order { uuid state } }"
MUTATION = "mutation ($input: %sInput!) { %s(input: $input) { __typename %s } }"
RESOURCES = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
RESOURCE = "query ($uuid: UUID!) { resource(uuid: $uuid) { uuid state endDate } }"
INPUTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "pullResource": ("PULL_RESOURCE", {}),
    "setResourceEndDate": ("SET_RESOURCE_END_DATE", {"endDate": "2098-01-01"}),
    "renewResource": ("RENEW_RESOURCE", {"extensionMonths": 12}),
}
"""The operation that `allowedOperations` has, and the input without the uuid, by mutation."""
MISSING_UUID = "0" * 32


class _StandIn(asyncio.Protocol):
    """A server that answers each request with the same bytes, as cheaply as possible."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when the whole request has arrived."""
        self._received += data
        head, separator, content = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if separator and len(content) >= int(length or 0):
            self._received = b""
            self._transport.write(ANSWER)


async def _serve_stand_in(port_sender: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_StandIn, "127.0.0.1", 0)
    port_sender.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run_stand_in(port_sender: Connection) -> None:
    asyncio.run(_serve_stand_in(port_sender))


@contextmanager
def start_stand_in() -> Iterator[str]:
    """Yield the URL of the server in place of Waldur."""
    context = get_context("spawn")
    port_receiver, port_sender = context.Pipe(duplex=False)
    process = context.Process(target=_run_stand_in, args=(port_sender,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port_receiver.recv()}"
    finally:
        process.terminate()
        process.join()


def measure_cpu(read_cpu: Callable[[], float], send: Callable[[], object], count: int) -> float:
    """Return CPU milliseconds per call, the median of several rounds."""
    for _ in range(WARMUP_REQUESTS):
        send()
    costs = []
    for _ in range(ROUNDS):
        cpu_before = read_cpu()
        for _ in range(count):
            send()
        costs.append((read_cpu() - cpu_before) * 1000 / count)
    return median(costs)


def measure_client(rest_url: str, count: int) -> float:
    """Return CPU milliseconds of a request to the REST API alone."""
    request = RestRequest(path="/api/things/1/act/", route="things/act", body={"months": 1})

    async def send_many() -> float:
        async with open_rest_client(rest_url) as client:
            for _ in range(WARMUP_REQUESTS):
                await client.send_request(REQUESTER, request)
            cpu_before = time.process_time()
            for _ in range(count):
                await client.send_request(REQUESTER, request)
            return (time.process_time() - cpu_before) * 1000 / count

    return median(asyncio.run(send_many()) for _ in range(ROUNDS))


def measure_mutations(url: str, rest_url: str, count: int) -> Iterator[tuple[str, float]]:
    """Yield what is measured, and its CPU milliseconds of the gateway."""
    token = load_user_tokens(url)["staff"]
    settings = {"changes": "waldur", "waldur_url": rest_url, "keep_tokens": "off"}
    with run_gateway_process("--database-url", url, **settings, **UNLIMITED_RATES) as server:
        headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:

            def execute(document: str, **variables: Any) -> Any:
                content = json.dumps({"query": document, "variables": variables})
                result = client.post("/graphql", content=content).raise_for_status().json()
                assert "errors" not in result, result
                return result["data"]

            def measure(document: str, **variables: Any) -> float:
                return measure_cpu(
                    lambda: cpu_seconds(server.popen.pid),
                    lambda: execute(document, **variables),
                    count,
                )

            nodes = execute(RESOURCES)["resources"]["nodes"]
            yield "the query of a resource", measure(RESOURCE, uuid=nodes[0]["uuid"])
            for field, (operation, values) in INPUTS.items():
                uuid = next(
                    each["uuid"] for each in nodes if operation in each["allowedOperations"]
                )
                document = MUTATION % (f"{field[0].upper()}{field[1:]}", field, PAYLOAD)
                (result,) = execute(document, input={"uuid": uuid, **values}).values()
                assert "resource" in result, result
                yield field, measure(document, input={"uuid": uuid, **values})
                yield (
                    f"{field}, refused as not found",
                    measure(document, input={"uuid": MISSING_UUID, **values}),
                )


def main(request_count: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="gateway-rest-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres.start(Path(folder) / "data") as server, start_stand_in() as rest_url:
            with psycopg.connect(server.url) as connection:
                create_marketplace(connection, resource_count=300, seed=1)
                connection.execute("delete from marketplace_offeringtermsofservice")
            print("| what | CPU ms of the gateway |\n|---|---|")
            for name, cpu_ms in measure_mutations(server.url, rest_url, request_count):
                print(f"| {name} | {cpu_ms:.2f} |", flush=True)
            print(
                f"| the request to the REST API | {measure_client(rest_url, request_count):.2f} |"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
