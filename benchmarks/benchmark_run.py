"""A benchmark run: in each round every query is sent to every server, in changing order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.answer_comparison import find_differences, normalise_answer
from benchmarks.cli_support import print_progress
from benchmarks.load import LoadResult, run_load
from benchmarks.marketplaces import BenchmarkMarketplace
from benchmarks.process_usage import (
    count_statements,
    cpu_seconds,
    machine_busy_seconds,
    wait_until_idle,
)
from benchmarks.servers import ServerTarget
from benchmarks.subjects import BenchmarkSubjects

SAMPLE_SIZE = 20
"""Requests whose responses are compared and whose statements are counted."""
GATEWAY_ONLY_QUERY = "q5"
"""The query that only the gateway supports; its responses depend on the viewer."""


@dataclass(frozen=True)
class MeasurementPlan:
    """The queries, connections and durations of a run."""

    queries: Sequence[str]
    connections: Sequence[int]
    rounds: int
    seconds: int
    """The duration of each measurement."""
    warmup: int
    """Seconds of load before the measurements, for each query and server."""


@dataclass(frozen=True)
class MeasuredCell:
    """The figures of one query on one server with a number of connections in one round."""

    query: str
    target: str
    connections: int
    round: int
    requests: int
    rate: float
    """Requests per second."""
    p50: float
    p99: float
    """Percentiles of the response time in milliseconds."""
    server_ms: float
    database_ms: float
    client_ms: float
    """CPU milliseconds per request."""
    others: float
    """The mean number of cores that were busy with other processes."""


class BenchmarkRun:
    """A run over one marketplace and its servers: comparison, statement counts, measurements."""

    def __init__(
        self,
        marketplace: BenchmarkMarketplace,
        subjects: BenchmarkSubjects,
        targets: Sequence[ServerTarget],
        plan: MeasurementPlan,
    ) -> None:
        self.marketplace, self.subjects = marketplace, subjects
        self.targets, self.plan = targets, plan
        self._min_answer_sizes: dict[tuple[str, str], float] = {}

    def targets_for(self, query: str) -> list[ServerTarget]:
        """Return the servers that support a query."""
        return [target for target in self.targets if query in target.dialect.query_heads]

    def check_answers(self) -> None:
        """Raise SystemExit if responses differ between servers or contain errors."""
        for query in self.plan.queries:
            first_target, *other_targets = self.targets_for(query)
            expected = self._fetch_answers(query, first_target)
            for other_target in other_targets:
                differences = list(
                    find_differences(expected, self._fetch_answers(query, other_target))
                )
                if differences:
                    listing = "\n  ".join(differences[:5])
                    raise SystemExit(
                        f"{query}: {first_target.name} and {other_target.name} differ:\n  {listing}"
                    )

    def _fetch_answers(self, query: str, target: ServerTarget) -> list[object]:
        bodies = [
            target.post_request(request)
            for request in self.subjects.build_requests(query, target.dialect, SAMPLE_SIZE)
        ]
        self._min_answer_sizes[query, target.name] = min(map(len, bodies))
        decoded_bodies = [json.loads(body) for body in bodies]
        for body in decoded_bodies:
            if "errors" in body or None in body["data"].values():
                raise SystemExit(f"{query}: {target.name} failed: {str(body)[:500]}")
        if query == GATEWAY_ONLY_QUERY:
            return []
        return [normalise_answer(body["data"]) for body in decoded_bodies]

    def count_statements(self) -> dict[str, dict[str, float]]:
        """Return the mean number of statements per request, by query and server."""
        counts: dict[str, dict[str, float]] = {}
        for query in self.plan.queries:
            counts[query] = {}
            for target in self.targets_for(query):
                with count_statements(
                    self.marketplace.url, self.marketplace.log_path
                ) as read_count:
                    for body in self.subjects.build_requests(query, target.dialect, SAMPLE_SIZE):
                        target.post_request(body)
                    counts[query][target.name] = read_count() / SAMPLE_SIZE
        return counts

    def measure_cells(self) -> Iterator[MeasuredCell]:
        """Warm up all servers, then yield the measurements round by round."""
        for query in self.plan.queries:
            for target in self.targets_for(query):
                bodies = self.subjects.build_requests(query, target.dialect)
                run_load(target, bodies, max(self._connection_counts(query)), self.plan.warmup)
                wait_until_idle(target.pid)
        for round_number in range(self.plan.rounds):
            for query in self.plan.queries:
                yield from self._measure_round(query, round_number)

    def _measure_round(self, query: str, round_number: int) -> Iterator[MeasuredCell]:
        targets = self.targets_for(query)
        offset = round_number % len(targets)
        order = [*targets[offset:], *targets[:offset]]
        for connections in self._connection_counts(query):
            for target in order if round_number % 2 == 0 else order[::-1]:
                cell = self._measure_cell(query, target, connections, round_number)
                print_progress(_format_cell(cell))
                yield cell

    def _connection_counts(self, query: str) -> Sequence[int]:
        return (1,) if query == GATEWAY_ONLY_QUERY else self.plan.connections

    def _check_response_size(self, query: str, target: ServerTarget, load: LoadResult) -> None:
        """Raise SystemExit if responses are shorter than the compared ones: they contain errors."""
        if load.requests and load.mean_bytes < self._min_answer_sizes[query, target.name]:
            raise SystemExit(
                f"{query}: responses of {target.name} must have at least"
                f" {self._min_answer_sizes[query, target.name]} bytes,"
                f" got {load.mean_bytes:.0f} on average."
            )

    def _measure_cell(
        self, query: str, target: ServerTarget, connections: int, round_number: int
    ) -> MeasuredCell:
        bodies = self.subjects.build_requests(query, target.dialect)
        cpu_before = self._read_cpu_clocks(target)
        load_result = run_load(target, bodies, connections, self.plan.seconds)
        server_cpu, database_cpu, machine_cpu = (
            after - before
            for before, after in zip(cpu_before, self._read_cpu_clocks(target), strict=True)
        )
        other_cpu = machine_cpu - server_cpu - database_cpu - load_result.client_cpu
        wait_until_idle(target.pid)
        self._check_response_size(query, target, load_result)
        ms_per_request = 1000 / max(load_result.requests, 1)
        return MeasuredCell(
            query,
            target.name,
            connections,
            round_number,
            load_result.requests,
            load_result.rate,
            load_result.p50,
            load_result.p99,
            server_ms=server_cpu * ms_per_request,
            database_ms=database_cpu * ms_per_request,
            client_ms=load_result.client_cpu * ms_per_request,
            others=other_cpu / self.plan.seconds,
        )

    def _read_cpu_clocks(self, target: ServerTarget) -> tuple[float, float, float]:
        """Return the CPU seconds of a server, of PostgreSQL and of the machine."""
        database_pid = self.marketplace.pid
        return cpu_seconds(target.pid), cpu_seconds(database_pid), machine_busy_seconds()


def _format_cell(cell: MeasuredCell) -> str:
    return (
        f"round {cell.round + 1}  {cell.query:<3}  {cell.target:<15}  c={cell.connections:<2}  "
        f"{cell.rate:8.1f} req/s  {cell.server_ms:7.2f} + {cell.database_ms:.2f} ms CPU"
    )
