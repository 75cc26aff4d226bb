"""Measure adversarial documents: `make abuse`.

For each document of `adversarial_documents`: the CPU time until a gateway that does not know it
refuses or admits it, and until it does so again. Each is measured several times, with new caches;
the figures are the lowest.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

from benchmarks.adversarial_documents import ADVERSARIAL_DOCUMENTS
from benchmarks.adversarial_documents.adversarial_document import AdversarialDocument
from benchmarks.cli_support import RESULTS_FOLDER, handle_signals, write_results
from gateway.api import schema
from gateway.db.access.viewer import Viewer
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest


@dataclass(frozen=True)
class DocumentFigures:
    """The figures of one document."""

    name: str
    bytes: int
    first_ms: float
    """CPU time of the first request, in milliseconds."""
    repeated_ms: float
    """CPU time of a further request."""
    result: str
    """The code of the error, or the operation's cost."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the figures, the slowest document first, and write them; return the status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.abuse", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULTS_FOLDER / "abuse.json")
    options = parser.parse_args(argv)
    handle_signals()
    _measure_once(AdversarialDocument("{ viewer { user { uuid } } }"))
    figures = [
        min(
            (_measure_document(name, document) for _ in range(options.rounds)),
            key=lambda each: each.first_ms,
        )
        for name, document in ADVERSARIAL_DOCUMENTS.items()
    ]
    print(f"{'first':>9} {'repeated':>12} {'bytes':>8}  document")
    for each in sorted(figures, key=lambda each: -each.first_ms):
        print(
            f"{each.first_ms:6.1f} ms {each.repeated_ms:9.3f} ms {each.bytes:8}  {each.name}:"
            f" {each.result}"
        )
    write_results(options.output, {"documents": [asdict(each) for each in figures]})
    return 0


def _measure_document(name: str, document: AdversarialDocument) -> DocumentFigures:
    first_ms, repeated_ms, result = _measure_once(document)
    size = len(document.text.encode(errors="replace"))
    return DocumentFigures(name, size, first_ms, repeated_ms, result)


def _measure_once(document: AdversarialDocument) -> tuple[float, float, str]:
    """Return the CPU time of two requests to a new executor, in ms, and how they end."""
    executor, durations, result = Executor(schema), [], ""
    graphql_request = GraphQLRequest(
        document.text, dict(document.variables), document.operation_name
    )
    for _ in range(2):
        started_at = process_time()
        operation = executor.admit_operation(graphql_request, Viewer())
        durations.append((process_time() - started_at) * 1000)
        result = (
            str(operation.response["errors"][0]["extensions"]["code"])
            if isinstance(operation, GraphQLResult)
            else f"admitted, cost {operation.cost}"
        )
    return durations[0], durations[1], result


if __name__ == "__main__":
    sys.exit(main())
