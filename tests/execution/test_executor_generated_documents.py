"""Documents made by chance are answered the same by both executions.

TRUTH_PARTS=10 makes ten times as many, and TRUTH_SEED=100 others than usual.
"""

import asyncio
import os
from dataclasses import dataclass, field
from time import monotonic

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import binary, sampled_from

from gateway.execution.graphql_request import Asking
from tests.execution.corpus.both_executions import MORE, Both, Compared, told
from tests.execution.generated_documents import THROWS, Document, rows_in
from tests.execution.generated_values import Dice
from tests.support.marketplaces import Marketplace
from tests.support.visibility.viewer_scenes import Look

EXAMPLES = 300
SHRINKING = 30
"""Seconds in which a smaller document is sought that is answered differently."""
FIRST = int(os.environ.get("TRUTH_SEED", "0"))
PARTS = range(FIRST, FIRST + int(os.environ.get("TRUTH_PARTS", "1")))


class DifferentError(Exception):
    """The answers differ."""


@dataclass
class Tally:
    """What became of the documents."""

    asked: int = 0
    proper: int = 0
    """Answered without an error."""
    shown: int = 0
    """Answered with a row at least, whatever errors besides."""
    slow: list[str] = field(default_factory=list)
    """Proper ones that were not compiled."""
    different: str | None = None
    """The shortest document that was answered differently, with both answers."""
    until: float = 0

    def take(self, look: Look, asking: Asking, answers: Compared) -> None:
        """Count a document; DifferentError if its answers differ."""
        if not answers.equal:
            self._differs(told(asking, look, answers))
        body = answers.body
        self.asked += 1
        self.shown += rows_in(body.get("data"))
        if "errors" not in body:
            self.proper += 1
            if answers.counted != "compiled":
                self.slow.append(told(asking, look, answers))

    def _differs(self, text: str) -> None:
        self.until = self.until or monotonic() + SHRINKING
        if self.different is None or len(text) < len(self.different):
            self.different = text
        raise DifferentError

    @property
    def over(self) -> bool:
        """Whether it was tried for long enough to find a smaller document."""
        return self.different is not None and monotonic() > self.until


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def marketplaces(demo: Marketplace, waldur: Marketplace) -> dict[str, Both]:
    """Give both marketplaces, each asked by both executions."""
    return {"demo": Both.over(demo), "waldur": Both.over(waldur)}


# The threads of the database's driver draw random numbers, too, which hypothesis takes for ours.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("part", PARTS)
async def test_whatever_is_asked_both_answer_the_same(
    marketplaces: dict[str, Both], part: int
) -> None:
    tally = await tried(marketplaces, part)
    print(f"{tally.asked} documents, {tally.proper} without errors, {tally.shown} with rows")  # noqa: T201 - `-rP` shows it
    if tally.different:
        pytest.fail(tally.different, pytrace=False)
    assert tally.shown > 0.7 * tally.asked
    assert len(tally.slow) <= 0.05 * tally.proper, "\n\n".join(tally.slow)


async def tried(marketplaces: dict[str, Both], part: int) -> Tally:
    """Have documents answered: hypothesis runs in a thread of its own, the answers come here."""
    tally, loop = Tally(), asyncio.get_running_loop()
    known = {look: await marketplaces[look.marketplace].known(look) for look in MORE}

    @seed(part)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
    )
    @given(look=sampled_from(MORE), thrown=binary(min_size=THROWS, max_size=THROWS))
    def agree(look: Look, thrown: bytes) -> None:
        if not tally.over:
            asking = Document(Dice(thrown), known[look]).asking()
            coming = marketplaces[look.marketplace].ask(asking, look)
            answers = asyncio.run_coroutine_threadsafe(coming, loop).result()
            tally.take(look, asking, answers)

    try:
        await asyncio.to_thread(agree)
    except Exception:
        if tally.different is None:
            raise
    return tally
