"""REST's page of 50 resources, asked of the gateway over a Waldur of October 2024.

    python -m benchmarks.october [requests]

The marketplace is made anew from tests/waldur, which has all its rows. Requests come one at a time
over one connection, first a hundred that are not counted.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg

from gateway.demo.postgres import Postgres
from tests.support import waldur_2024
from tests.support.gateway_server import process, tokens_at
from tests.support.marketplaces import opened
from tests.support.schema_documents import contract

PAGE = "{ resources(first: 50, visibleAs: CONSUMER) { nodes { %s } } }"
DOCUMENTS = {
    "a resource's": PAGE % contract(("resource",)),
    "all that is below it, too": PAGE % contract(),
}
"""All paths of the contract's section of resources; and of all sections."""
VIEWERS = ("staff", "project_member_c0")
EXECUTIONS = ("compiled", "reference")
WARMING = 100


class Measured(NamedTuple):
    """What a page took."""

    times: list[float]
    """Milliseconds."""
    cpu: float
    """The server's milliseconds of CPU a request."""
    size: int
    """Bytes of an answer."""

    def __str__(self) -> str:
        """Tell it as a part of a table's row."""
        last = quantiles(self.times, n=10)[-1]
        return f"{median(self.times):.1f} | {last:.1f} | {self.cpu:.1f} | {self.size / 1000:.0f}"


async def statements(url: str, document: str, viewer: str, execution: str) -> int:
    """Count the statements of a page."""
    async with opened(url, execution) as marketplace:
        answer = await marketplace.data(document, viewer)
        assert len(answer["resources"]["nodes"]) == 50  # noqa: PLR2004 - the page
        return len(marketplace.database.asked)


def measured(client: httpx.Client, pid: int, document: str, requests: int) -> Measured:
    """Ask for a page many times."""
    body, server, times = json.dumps({"query": document}), psutil.Process(pid), []
    answer, before = b"", 0.0
    for number in range(WARMING + requests):
        if number == WARMING:
            before = sum(server.cpu_times()[:2])
        start = time.perf_counter()
        answer = client.post("/graphql", content=body).raise_for_status().content
        times.append((time.perf_counter() - start) * 1000)
    assert b'"errors"' not in answer
    cpu = (sum(server.cpu_times()[:2]) - before) * 1000 / requests
    return Measured(times[WARMING:], cpu, len(answer))


def rows(url: str, requests: int) -> Iterator[str]:
    """Write the rows of the table."""
    tokens = tokens_at(url)
    for execution in EXECUTIONS:
        with process("--database-url", url, execution=execution) as server:
            for viewer in VIEWERS:
                headers = {
                    "Authorization": f"Token {tokens[viewer]}",
                    "Content-Type": "application/json",
                }
                with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
                    for name, document in DOCUMENTS.items():
                        count = asyncio.run(statements(url, document, viewer, execution))
                        found = measured(client, server.process.pid, document, requests)
                        yield f"| {execution} | {viewer} | {name} | {count} | {found} |"


def main(requests: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="gateway-october-") as folder:
        Path(folder).chmod(0o711)
        with Postgres.at(Path(folder) / "data") as server:
            with psycopg.connect(server.url) as connection:
                waldur_2024.build(connection)
            print("| execution | viewer | paths | statements | median ms | p90 | CPU ms | kB |")
            print("|---|---|---|---|---|---|---|---|")
            for row in rows(server.url, requests):
                print(row, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
