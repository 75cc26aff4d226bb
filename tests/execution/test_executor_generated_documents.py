"""Test that random documents get equal responses from both executions.

EQUIVALENCE_PARTS=50 runs ten times as many documents, EQUIVALENCE_SEED=100 others than usual.
"""

import asyncio
import os
from dataclasses import dataclass, field
from time import monotonic

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import binary, sampled_from

from gateway.execution.graphql_request import GraphQLRequest
from tests.execution.corpus.both_executions import (
    RANDOM_VIEWPOINTS,
    DualExecutor,
    ResultPair,
    describe_results,
)
from tests.execution.generated_documents import RANDOM_BYTES, RandomDocument, has_rows
from tests.execution.generated_values import ByteChoices
from tests.support.marketplaces import Marketplace
from tests.support.visibility.viewer_scenes import Viewpoint

MAX_EXAMPLES = 60
SHRINKING_SECONDS = 30
"""Time limit of the search for a smaller document with different responses."""
FIRST_SEED = int(os.environ.get("EQUIVALENCE_SEED", "0"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("EQUIVALENCE_PARTS", "5")))


class DifferentResultsError(Exception):
    """The responses of the two executions differ."""


@dataclass
class ResultTally:
    """Counts of the executed documents."""

    document_count: int = 0
    error_free_count: int = 0
    """Documents whose response has no error."""
    with_rows_count: int = 0
    """Documents whose response has at least one row, with or without errors."""
    uncompiled: list[str] = field(default_factory=list)
    """Documents without errors that were not compiled."""
    shortest_difference: str | None = None
    """The shortest document with different responses, and these."""
    shrink_deadline: float = 0

    def record_results(
        self, viewpoint: Viewpoint, graphql_request: GraphQLRequest, result_pair: ResultPair
    ) -> None:
        """Count a document. Raises DifferentResultsError if its responses differ."""
        if not result_pair.is_equal:
            self._record_difference(describe_results(graphql_request, viewpoint, result_pair))
        body = result_pair.reference_body
        self.document_count += 1
        self.with_rows_count += has_rows(body.get("data"))
        if "errors" not in body:
            self.error_free_count += 1
            if result_pair.counted_as != "compiled":
                self.uncompiled.append(describe_results(graphql_request, viewpoint, result_pair))

    def _record_difference(self, text: str) -> None:
        self.shrink_deadline = self.shrink_deadline or monotonic() + SHRINKING_SECONDS
        if self.shortest_difference is None or len(text) < len(self.shortest_difference):
            self.shortest_difference = text
        raise DifferentResultsError

    @property
    def is_over(self) -> bool:
        """Whether the time limit of the search for a smaller document is over."""
        return self.shortest_difference is not None and monotonic() > self.shrink_deadline


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dual_executors(demo: Marketplace, waldur: Marketplace) -> dict[str, DualExecutor]:
    """Return both marketplaces, each with both executions."""
    return {"demo": DualExecutor.open_over(demo), "waldur": DualExecutor.open_over(waldur)}


# Threads of the database driver draw random numbers, too; hypothesis warns about any of them.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("seed_", SEEDS)
async def test_random_documents_give_equal_results(
    dual_executors: dict[str, DualExecutor], seed_: int
) -> None:
    tally = await run_random_documents(dual_executors, seed_)
    print(  # noqa: T201 - `make equivalence` shows it
        f"{tally.document_count} documents, {tally.error_free_count} without errors,"
        f" {tally.with_rows_count} with rows"
    )
    if tally.shortest_difference:
        pytest.fail(tally.shortest_difference, pytrace=False)
    assert tally.with_rows_count > 0.6 * tally.document_count
    assert len(tally.uncompiled) <= 0.05 * tally.error_free_count, "\n\n".join(tally.uncompiled)


async def run_random_documents(dual_executors: dict[str, DualExecutor], seed_: int) -> ResultTally:
    """Run random documents: hypothesis in a thread of its own, executions in this event loop."""
    tally, loop = ResultTally(), asyncio.get_running_loop()
    known_rows_by_viewpoint = {
        viewpoint: await dual_executors[viewpoint.marketplace].known_rows(viewpoint)
        for viewpoint in RANDOM_VIEWPOINTS
    }

    @seed(seed_)
    @settings(
        max_examples=MAX_EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
    )
    @given(
        viewpoint=sampled_from(RANDOM_VIEWPOINTS),
        random_bytes=binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES),
    )
    def compare_document(viewpoint: Viewpoint, random_bytes: bytes) -> None:
        if not tally.is_over:
            graphql_request = RandomDocument(
                ByteChoices(random_bytes), known_rows_by_viewpoint[viewpoint]
            ).build_request()
            execution = dual_executors[viewpoint.marketplace].execute_both(
                graphql_request, viewpoint
            )
            result_pair = asyncio.run_coroutine_threadsafe(execution, loop).result()
            tally.record_results(viewpoint, graphql_request, result_pair)

    try:
        await asyncio.to_thread(compare_document)
    except Exception:
        if tally.shortest_difference is None:
            raise
    return tally
