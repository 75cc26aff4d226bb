"""The report of a run: tables of medians over the rounds."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.benchmark_run import MeasuredCell
from benchmarks.queries import QUERIES

GATEWAY_TARGETS = ("gateway, staff", "gateway, member")
PEER_TARGETS = ("postgraphile", "mercurius")
_WHOLE_NUMBER_MIN = 100
"""The smallest figure that is printed without a fraction."""
StatementCounts = Mapping[str, Mapping[str, float]]
"""SQL statements per request, by query and server."""


class MedianFigures:
    """The medians of the figures over the rounds."""

    def __init__(self, cells: Sequence[MeasuredCell]) -> None:
        self.cells = cells
        self.queries = [query for query in QUERIES if any(query == cell.query for cell in cells)]
        self.targets = list(dict.fromkeys(cell.target for cell in cells))
        self.connection_counts = sorted({cell.connections for cell in cells})

    def median_of(self, figure: str, query: str, target: str, connections: int) -> float | None:
        """Return the median of a figure; None if it was not measured."""
        values = self._figures_by_round(figure, query, target, connections)
        return median(values.values()) if values else None

    def _figures_by_round(
        self, figure: str, query: str, target: str, connections: int
    ) -> dict[int, float]:
        measurement = (query, target, connections)
        return {
            cell.round: float(getattr(cell, figure))
            for cell in self.cells
            if (cell.query, cell.target, cell.connections) == measurement
        }

    def rate_ratio(self, query: str, target: str, peer: str, connections: int) -> float | None:
        """Return the ratio of a server's request rate to a peer's; None without measurements.

        It is the median of the rounds' ratios, since the machine's speed changes from
        round to round.
        """
        own_rates = self._figures_by_round("rate", query, target, connections)
        peer_rates = self._figures_by_round("rate", query, peer, connections)
        ratios = [
            own_rates[round_] / peer_rates[round_]
            for round_ in own_rates.keys() & peer_rates.keys()
            if peer_rates[round_]
        ]
        return median(ratios) if ratios else None


def format_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(value.ljust(width) for value, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def format_report(cells: Sequence[MeasuredCell], statements: StatementCounts) -> str:
    """Return all tables of a run."""
    medians = MedianFigures(cells)
    tables = [
        _format_rates(medians, connection_count) for connection_count in medians.connection_counts
    ]
    return "\n\n".join([*tables, *_format_costs(medians, statements)])


def _format_rates(medians: MedianFigures, connections: int) -> str:
    target_pairs = [
        (target, peer)
        for peer in PEER_TARGETS
        for target in GATEWAY_TARGETS
        if peer in medians.targets
    ]
    headings = [
        "query",
        *medians.targets,
        *(f"{target[9:]}/{peer}" for target, peer in target_pairs),
    ]
    rows = [
        [
            query,
            *(
                format_number(medians.median_of("rate", query, target, connections))
                for target in medians.targets
            ),
            *(
                format_number(medians.rate_ratio(query, *pair, connections))
                for pair in target_pairs
            ),
        ]
        for query in medians.queries
    ]
    return f"Requests per second, {connections} connections\n\n{format_table(headings, rows)}"


def _format_costs(medians: MedianFigures, statements: StatementCounts) -> Iterator[str]:
    headings = ["query", *medians.targets]
    for connections in medians.connection_counts:
        title = f"CPU ms per request of the server + PostgreSQL, {connections} connections"
        rows = [
            [
                query,
                *(_format_cost(medians, query, target, connections) for target in medians.targets),
            ]
            for query in medians.queries
        ]
        yield f"{title}\n\n{format_table(headings, rows)}"
    rows = [
        [query, *(format_number(statements[query].get(target)) for target in medians.targets)]
        for query in medians.queries
    ]
    yield f"SQL statements per request\n\n{format_table(headings, rows)}"


def _format_cost(medians: MedianFigures, query: str, target: str, connections: int) -> str:
    server = medians.median_of("server_ms", query, target, connections)
    database = medians.median_of("database_ms", query, target, connections)
    return "" if server is None else f"{format_number(server)} + {format_number(database)}"


def format_number(value: float | None) -> str:
    """Return a figure with about three digits; an empty string for None."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= _WHOLE_NUMBER_MIN else f"{value:#.3g}"
