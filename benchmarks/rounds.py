"""Measuring in turns: in every round each query goes to every server, in changing order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.answers import find_differences, normalise_answer
from benchmarks.load import LoadResult, run_load
from benchmarks.marketplaces import BenchmarkMarketplace
from benchmarks.meters import count_statements, cpu_seconds, machine_busy_seconds, wait_until_idle
from benchmarks.saying import print_progress
from benchmarks.servers import ServerTarget
from benchmarks.subjects import BenchmarkSubjects

SAMPLE_SIZE = 20
GATEWAY_ONLY_QUERY = "q5"
"""The query that the gateway alone knows; its answers depend on the viewer."""


@dataclass(frozen=True)
class MeasurementPlan:
    """What is measured, and for how long."""

    queries: Sequence[str]
    connections: Sequence[int]
    rounds: int
    seconds: int
    warmup: int


@dataclass(frozen=True)
class MeasuredCell:
    """One query sent to one server by so many connections for some seconds."""

    query: str
    target: str
    connections: int
    round: int
    requests: int
    rate: float
    """Requests per second."""
    p50: float
    p99: float
    """Milliseconds until the answer."""
    server_ms: float
    database_ms: float
    client_ms: float
    """CPU milliseconds for each request."""
    others: float
    """Cores that were busy with something else."""


class BenchmarkRun:
    """A run over one marketplace and its servers."""

    def __init__(
        self,
        marketplace: BenchmarkMarketplace,
        subjects: BenchmarkSubjects,
        targets: Sequence[ServerTarget],
        plan: MeasurementPlan,
    ) -> None:
        self.marketplace, self.subjects, self.targets, self.plan = (
            marketplace,
            subjects,
            targets,
            plan,
        )
        self._min_answer_sizes: dict[tuple[str, str], float] = {}

    def targets_for(self, query: str) -> list[ServerTarget]:
        """Give the servers that know a query."""
        return [target for target in self.targets if query in target.dialect.query_heads]

    def check_answers(self) -> None:
        """Stop if the answers are not the same, or hold errors."""
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
            target.post_request(encoded_body)
            for encoded_body in self.subjects.build_requests(query, target.dialect, SAMPLE_SIZE)
        ]
        self._min_answer_sizes[query, target.name] = min(map(len, bodies))
        decoded_bodies = [json.loads(encoded_body) for encoded_body in bodies]
        for decoded_body in decoded_bodies:
            if "errors" in decoded_body or None in decoded_body["data"].values():
                raise SystemExit(f"{query}: {target.name} answers {str(decoded_body)[:500]}")
        return (
            []
            if query == GATEWAY_ONLY_QUERY
            else [normalise_answer(encoded_body["data"]) for encoded_body in decoded_bodies]
        )

    def count_statements(self) -> dict[str, dict[str, float]]:
        """Count the SQL statements of a request, by query and server, once all are prepared."""
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
        """Measure all, round by round."""
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

    def _check_answer_size(self, query: str, target: ServerTarget, load: LoadResult) -> None:
        """Stop if the answers were shorter than those that were compared: they hold errors."""
        if load.requests and load.mean_bytes < self._min_answer_sizes[query, target.name]:
            raise SystemExit(f"{query}: {target.name} gave answers that are too short.")

    def _measure_cell(
        self, query: str, target: ServerTarget, connections: int, round_number: int
    ) -> MeasuredCell:
        bodies = self.subjects.build_requests(query, target.dialect)
        server_cpu, database_cpu, machine_cpu = (
            cpu_seconds(target.pid),
            cpu_seconds(self.marketplace.pid),
            machine_busy_seconds(),
        )
        load_result = run_load(target, bodies, connections, self.plan.seconds)
        server_cpu, database_cpu = (
            cpu_seconds(target.pid) - server_cpu,
            cpu_seconds(self.marketplace.pid) - database_cpu,
        )
        others = (
            machine_busy_seconds()
            - machine_cpu
            - server_cpu
            - database_cpu
            - load_result.client_cpu
        )
        wait_until_idle(target.pid)
        self._check_answer_size(query, target, load_result)
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
            others=others / self.plan.seconds,
        )


def _format_cell(cell: MeasuredCell) -> str:
    return (
        f"round {cell.round + 1}  {cell.query:<3}  {cell.target:<15}  c={cell.connections:<2}  "
        f"{cell.rate:8.1f} req/s  {cell.server_ms:7.2f} + {cell.database_ms:.2f} ms CPU"
    )
