"""The tables of a run, from its cells: medians over the rounds."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.queries import QUERIES
from benchmarks.rounds import Cell

GATEWAY = ("gateway, staff", "gateway, member")
RIVALS = ("postgraphile", "mercurius")
_WHOLE = 100
"""From here on a figure is written without a fraction."""
Statements = Mapping[str, Mapping[str, float]]


class Medians:
    """The middle of each figure over the rounds."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = cells
        self.queries = [each for each in QUERIES if any(each == cell.query for cell in cells)]
        self.targets = list(dict.fromkeys(each.target for each in cells))
        self.connections = sorted({each.connections for each in cells})

    def of(self, figure: str, query: str, target: str, connections: int) -> float | None:
        """Give the median of a figure, if it was measured."""
        found = self._by_round(figure, query, target, connections)
        return median(found.values()) if found else None

    def _by_round(self, figure: str, query: str, target: str, connections: int) -> dict[int, float]:
        wanted = (query, target, connections)
        return {
            each.round: float(getattr(each, figure))
            for each in self.cells
            if (each.query, each.target, each.connections) == wanted
        }

    def ratio(self, query: str, target: str, rival: str, connections: int) -> float | None:
        """Tell how many times as many requests a server answers as another.

        What is compared was measured in the same round, one soon after the other:
        the machine's speed changes from round to round.
        """
        ours = self._by_round("rate", query, target, connections)
        theirs = self._by_round("rate", query, rival, connections)
        found = [ours[each] / theirs[each] for each in ours.keys() & theirs.keys() if theirs[each]]
        return median(found) if found else None


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(each.ljust(width) for each, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def report(cells: Sequence[Cell], statements: Statements) -> str:
    """Write all tables of a run."""
    medians = Medians(cells)
    parts = [_rates(medians, each) for each in medians.connections]
    return "\n\n".join([*parts, *_costs(medians, statements)])


def _rates(medians: Medians, connections: int) -> str:
    pairs = [(ours, rival) for rival in RIVALS for ours in GATEWAY if rival in medians.targets]
    heads = ["query", *medians.targets, *(f"{ours[9:]}/{rival}" for ours, rival in pairs)]
    rows = [
        [
            query,
            *(number(medians.of("rate", query, each, connections)) for each in medians.targets),
            *(number(medians.ratio(query, *pair, connections)) for pair in pairs),
        ]
        for query in medians.queries
    ]
    return f"Requests per second, {connections} at a time\n\n{table(heads, rows)}"


def _costs(medians: Medians, statements: Statements) -> Iterator[str]:
    heads = ["query", *medians.targets]
    for connections in medians.connections:
        title = f"CPU ms per request of the server + PostgreSQL, {connections} at a time"
        rows = [
            [query, *(_cost(medians, query, each, connections) for each in medians.targets)]
            for query in medians.queries
        ]
        yield f"{title}\n\n{table(heads, rows)}"
    rows = [
        [query, *(number(statements[query].get(each)) for each in medians.targets)]
        for query in medians.queries
    ]
    yield f"SQL statements per request\n\n{table(heads, rows)}"


def _cost(medians: Medians, query: str, target: str, connections: int) -> str:
    server = medians.of("server_ms", query, target, connections)
    database = medians.of("database_ms", query, target, connections)
    return "" if server is None else f"{number(server)} + {number(database)}"


def number(value: float | None) -> str:
    """Write a figure in three digits or so; nothing if there is none."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= _WHOLE else f"{value:#.3g}"
