"""A marketplace whose requests are answered by both executions, for several viewers."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

from gateway.api import schema
from gateway.db.access.viewer import Viewer
from gateway.execution.executor import Answer, Answering
from gateway.execution.graphql_request import Asking
from gateway.schema.framework.context import MOST, Budget, Context
from tests.execution.corpus.document_files import BOUNDS, Case
from tests.execution.corpus.known_rows import (
    BELOW,
    ENDS,
    ORDERED,
    SAMPLES,
    VISIBLE,
    Known,
    cursors,
    orders,
    places,
    sampled,
    shown,
)
from tests.support.marketplaces import MEDIA, Marketplace
from tests.support.visibility.oracle_truth import TABLES
from tests.support.visibility.viewer_scenes import Look

LOOKS = (
    *(Look("demo", each) for each in ("staff", "member", "owner", "provider", "resource_user")),
    Look("demo", None),
    *(Look("waldur", each) for each in ("owner_c", "offering_manager_b")),
)
"""Who asks which marketplace."""
FEW = LOOKS[::6]
"""Some of them, for documents that are many and much alike."""
MORE = (*LOOKS, Look("demo", "nobody"), Look("waldur", "staff"), *LOOKS[:5])
"""Who asks by chance: those who see much come up twice."""
REQUEST = "the-request"


class Compared(NamedTuple):
    """The two answers to one request."""

    compiled: Answer
    reference: Answer
    counted: str
    """What the compiled execution counted its answer as."""

    @property
    def equal(self) -> bool:
        """Whether the answers are the same, byte for byte."""
        return (self.compiled.encoded(), self.compiled.refused) == (
            self.reference.encoded(),
            self.reference.refused,
        )

    @property
    def body(self) -> Any:
        """The reference's answer, read."""
        return json.loads(self.reference.encoded())


@dataclass
class Both:
    """One marketplace, asked by both executions."""

    marketplace: Marketplace
    everything: dict[str, list[str]]
    _known: dict[Look, Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with nothing counted."""
        self.fresh()
        self.most = MOST
        """Rows that an answer may show."""
        self._viewers: dict[Look, Viewer] = {}

    @classmethod
    def over(cls, marketplace: Marketplace) -> "Both":
        """Ask a marketplace; some rows of each type are known, evenly chosen."""
        everything = {}
        with psycopg.connect(marketplace.url) as connection:
            for name, table in TABLES.items():
                there = connection.execute("select to_regclass(%s) is null", [table]).fetchone()
                found: list[str] = []
                if there == (False,):
                    rows = connection.execute(f"select uuid from {table} order by id".encode())
                    found = [uuid.hex for (uuid,) in rows]
                everything[name] = found[:: len(found) // 20 + 1]
        return cls(marketplace, everything)

    def fresh(self) -> None:
        """Forget all documents."""
        self.compiled = Answering(schema, execution="compiled")
        self.reference = Answering(schema, execution="reference")

    async def ask(self, asking: Asking, look: Look) -> Compared:
        """Have both executions answer a request."""
        before = Counter(self.compiled.counts)
        compiled = await self._answer(self.compiled, asking, look)
        (counted,) = (self.compiled.counts - before).elements()
        return Compared(compiled, await self._answer(self.reference, asking, look), counted)

    async def _answer(self, answering: Answering, asking: Asking, look: Look) -> Answer:
        at = self.marketplace
        at.database.asked = []
        if look not in self._viewers:
            self._viewers[look] = await at.viewer(look.username, look.address)
        who, budget = self._viewers[look], Budget(self.most)
        context = Context(at.database, at.statements, who, MEDIA, budget)
        return await answering.answer(asking, context)

    async def known(self, look: Look) -> Known:
        """Give what somebody may ask for."""
        if look not in self._known:
            self._known[look] = await self._learn(look)
        return self._known[look]

    async def _learn(self, look: Look) -> Known:
        visible = await self._data(VISIBLE, look)
        filters = {
            name: sampled(*(await self._data(f"{{ {each} }}", look)).values())
            for name, each in SAMPLES.items()
        }
        found = await self._data(f"{{ {places()} }}", look._replace(username="staff"))
        known = {
            f"{name}.{order}": [
                each for end in ENDS for each in cursors(found[f"{name}_{order}_{end}"])
            ]
            for name in ORDERED | BELOW
            for order in orders(name)
        }
        return Known(self.everything, shown(visible), filters, known)

    async def _data(self, query: str, look: Look) -> Any:
        answer = json.loads((await self._answer(self.reference, Asking(query), look)).encoded())
        assert "errors" not in answer, answer["errors"][:1]
        return answer["data"]

    async def run(self, case: Case, look: Look) -> Compared:
        """Have both answer a document; see that the answers are the same, and count as they should.

        Gives the answers to the last request.
        """
        known = (await self.known(look)).variables()
        given = {name: known[name] for name in case.open if name in known} | case.variables
        answers = await self._agreed(case, given, look)
        if case.goes_on:
            bounds = dict(reversed([*places_in(answers.body)]))
            asked = {name: each for name, each in bounds.items() if name in case.open}
            answers = await self._agreed(case, {**given, **asked}, look)
        return answers

    async def _agreed(self, case: Case, given: dict[str, Any], look: Look) -> Compared:
        asking = Asking(case.query, given, case.operation, REQUEST)
        answers = await self.ask(asking, look)
        assert answers.equal, told(asking, look, answers)
        assert answers.counted == case.counted, told(asking, look, answers)
        return answers


def places_in(answer: Any) -> Iterator[tuple[str, str]]:
    """Give where the first page in an answer begins and ends, as bounds of the next ones."""
    below = list(answer.values()) if isinstance(answer, dict) else answer
    for each in below if isinstance(below, list) else ():
        yield from places_in(each)
    if isinstance(answer, dict) and answer.get("endCursor"):
        yield from zip(BOUNDS, (answer["endCursor"], answer.get("startCursor")), strict=True)


def told(asking: Asking, look: Look, answers: Compared) -> str:
    """Tell of two answers to a request, for people to read."""
    return "\n".join(
        [
            f"Asked as {look}, counted as {answers.counted}:",
            asking.query,
            json.dumps(asking.variables, indent=2),
            f"operation: {asking.operation_name}",
            "compiled:  " + answers.compiled.encoded().decode(),
            "reference: " + answers.reference.encoded().decode(),
        ]
    )
