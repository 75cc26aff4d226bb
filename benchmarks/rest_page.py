"""Measure a page of 50 resources with REST's fields over the rows of Waldur (October 2024).

    python -m benchmarks.rest_page [requests]

The marketplace is created from tests/waldur, which has all its rows. Requests are sent one at a
time over one connection, after WARMUP_REQUESTS that don't count.
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

from gateway.demo.postgres import EmbeddedPostgres
from tests.support import waldur_2024
from tests.support.gateway_server import UNLIMITED_RATES, load_user_tokens, run_gateway_process
from tests.support.marketplaces import open_marketplace
from tests.support.schema_documents import select_mapped_fields

PAGE_TEMPLATE = "{ resources(first: 50, visibleAs: CONSUMER) { nodes { %s } } }"
DOCUMENTS_BY_NAME = {
    "a resource's": PAGE_TEMPLATE % select_mapped_fields(("resource",)),
    "all nested, too": PAGE_TEMPLATE % select_mapped_fields(),
}
"""All paths in the contract's section of resources, and in all sections."""
VIEWERS = ("staff", "project_member_c0")
EXECUTIONS = ("compiled", "reference")
WARMUP_REQUESTS = 100


class PageMeasurement(NamedTuple):
    """The figures of a page."""

    times_ms: list[float]
    """Response times in milliseconds."""
    cpu_ms: float
    """CPU milliseconds of the server per request."""
    size_bytes: int
    """The size of a response."""

    def __str__(self) -> str:
        """Return the figures as columns of a Markdown table."""
        percentile_90 = quantiles(self.times_ms, n=10)[-1]
        times = f"{median(self.times_ms):.1f} | {percentile_90:.1f}"
        return f"{times} | {self.cpu_ms:.1f} | {self.size_bytes / 1000:.0f}"


async def count_page_statements(url: str, document: str, viewer: str, execution: str) -> int:
    """Return the number of statements of a page."""
    async with open_marketplace(url, execution) as marketplace:
        data = await marketplace.fetch_data(document, viewer)
        assert len(data["resources"]["nodes"]) == 50  # noqa: PLR2004 - the page
        return len(marketplace.database.recorded_sql)


def measure_page(
    client: httpx.Client, pid: int, document: str, request_count: int
) -> PageMeasurement:
    """Request a page many times and measure."""
    body, server, times_ms = json.dumps({"query": document}), psutil.Process(pid), []
    content, cpu_before = b"", 0.0
    for number in range(WARMUP_REQUESTS + request_count):
        if number == WARMUP_REQUESTS:
            cpu_before = sum(server.cpu_times()[:2])
        start = time.perf_counter()
        content = client.post("/graphql", content=body).raise_for_status().content
        times_ms.append((time.perf_counter() - start) * 1000)
    assert b'"errors"' not in content
    cpu_ms = (sum(server.cpu_times()[:2]) - cpu_before) * 1000 / request_count
    return PageMeasurement(times_ms[WARMUP_REQUESTS:], cpu_ms, len(content))


def write_table_rows(url: str, request_count: int) -> Iterator[str]:
    """Yield the rows of the table."""
    tokens = load_user_tokens(url)
    for execution in EXECUTIONS:
        with run_gateway_process(
            "--database-url", url, execution=execution, **UNLIMITED_RATES
        ) as server:
            for viewer in VIEWERS:
                headers = {
                    "Authorization": f"Token {tokens[viewer]}",
                    "Content-Type": "application/json",
                }
                with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
                    for name, document in DOCUMENTS_BY_NAME.items():
                        statement_count = asyncio.run(
                            count_page_statements(url, document, viewer, execution)
                        )
                        measurement = measure_page(
                            client, server.popen.pid, document, request_count
                        )
                        yield (
                            f"| {execution} | {viewer} | {name} | {statement_count} |"
                            f" {measurement} |"
                        )


def main(request_count: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="gateway-october-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres.start(Path(folder) / "data") as server:
            with psycopg.connect(server.url) as connection:
                waldur_2024.create_waldur_database(connection)
            print("| execution | viewer | paths | statements | median ms | p90 | CPU ms | kB |")
            print("|---|---|---|---|---|---|---|---|")
            for row in write_table_rows(server.url, request_count):
                print(row, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
