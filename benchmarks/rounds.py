"""Measuring in turns: in every round each query goes to every server, in changing order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.answers import differences, plain
from benchmarks.load import Load, loaded
from benchmarks.marketplaces import Marketplace
from benchmarks.meters import busy, counting, cpu, settle
from benchmarks.saying import say
from benchmarks.servers import Target
from benchmarks.subjects import Subjects

SAMPLE = 20
ALONE = "q5"
"""The query that the gateway alone knows; its answers depend on the viewer."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    queries: Sequence[str]
    connections: Sequence[int]
    rounds: int
    seconds: int
    warmup: int


@dataclass(frozen=True)
class Cell:
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


class Course:
    """A run over one marketplace and its servers."""

    def __init__(
        self, place: Marketplace, subjects: Subjects, targets: Sequence[Target], plan: Plan
    ) -> None:
        self.place, self.subjects, self.targets, self.plan = place, subjects, targets, plan
        self._sizes: dict[tuple[str, str], float] = {}

    def speakers(self, query: str) -> list[Target]:
        """Give the servers that know a query."""
        return [each for each in self.targets if query in each.dialect.heads]

    def check(self) -> None:
        """Stop if the answers are not the same, or hold errors."""
        for query in self.plan.queries:
            first, *others = self.speakers(query)
            wanted = self._answers(query, first)
            for other in others:
                found = list(differences(wanted, self._answers(query, other)))
                if found:
                    places = "\n  ".join(found[:5])
                    raise SystemExit(f"{query}: {first.name} and {other.name} differ:\n  {places}")

    def _answers(self, query: str, target: Target) -> list[object]:
        bodies = [
            target.ask(each) for each in self.subjects.requests(query, target.dialect, SAMPLE)
        ]
        self._sizes[query, target.name] = min(map(len, bodies))
        answers = [json.loads(each) for each in bodies]
        for answer in answers:
            if "errors" in answer or None in answer["data"].values():
                raise SystemExit(f"{query}: {target.name} answers {str(answer)[:500]}")
        return [] if query == ALONE else [plain(each["data"]) for each in answers]

    def statements(self) -> dict[str, dict[str, float]]:
        """Count the SQL statements of a request, by query and server, once all are prepared."""
        counts: dict[str, dict[str, float]] = {}
        for query in self.plan.queries:
            counts[query] = {}
            for target in self.speakers(query):
                with counting(self.place.url, self.place.log) as counted:
                    for each in self.subjects.requests(query, target.dialect, SAMPLE):
                        target.ask(each)
                    counts[query][target.name] = counted() / SAMPLE
        return counts

    def cells(self) -> Iterator[Cell]:
        """Measure all, round by round."""
        for query in self.plan.queries:
            for target in self.speakers(query):
                asked = self.subjects.requests(query, target.dialect)
                loaded(target, asked, max(self._connections(query)), self.plan.warmup)
                settle(target.pid)
        for number in range(self.plan.rounds):
            for query in self.plan.queries:
                yield from self._round(query, number)

    def _round(self, query: str, number: int) -> Iterator[Cell]:
        targets = self.speakers(query)
        turned = number % len(targets)
        order = [*targets[turned:], *targets[:turned]]
        for connections in self._connections(query):
            for target in order if number % 2 == 0 else order[::-1]:
                cell = self._cell(query, target, connections, number)
                say(_line(cell))
                yield cell

    def _connections(self, query: str) -> Sequence[int]:
        return (1,) if query == ALONE else self.plan.connections

    def _whole(self, query: str, target: Target, load: Load) -> None:
        """Stop if the answers were shorter than those that were compared: they hold errors."""
        if load.requests and load.mean_bytes < self._sizes[query, target.name]:
            raise SystemExit(f"{query}: {target.name} gave answers that are too short.")

    def _cell(self, query: str, target: Target, connections: int, number: int) -> Cell:
        asked = self.subjects.requests(query, target.dialect)
        server, database, machine = cpu(target.pid), cpu(self.place.pid), busy()
        load = loaded(target, asked, connections, self.plan.seconds)
        server, database = cpu(target.pid) - server, cpu(self.place.pid) - database
        others = busy() - machine - server - database - load.client_cpu
        settle(target.pid)
        self._whole(query, target, load)
        each = 1000 / max(load.requests, 1)
        return Cell(
            query,
            target.name,
            connections,
            number,
            load.requests,
            load.rate,
            load.p50,
            load.p99,
            server_ms=server * each,
            database_ms=database * each,
            client_ms=load.client_cpu * each,
            others=others / self.plan.seconds,
        )


def _line(cell: Cell) -> str:
    return (
        f"round {cell.round + 1}  {cell.query:<3}  {cell.target:<15}  c={cell.connections:<2}  "
        f"{cell.rate:8.1f} req/s  {cell.server_ms:7.2f} + {cell.database_ms:.2f} ms CPU"
    )
