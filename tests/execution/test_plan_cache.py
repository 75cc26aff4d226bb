"""Plans are made once, and whatever they can't do is done by the reference, counted and logged."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from strawberry import Schema

from gateway.api import schema
from gateway.db.driver.database import Awaited
from gateway.execution.document_cache import LONGEST_KEPT
from gateway.execution.executor import MOST_SURPRISES, Answering
from gateway.execution.graphql_request import Asking
from gateway.execution.plan.nodes import Kind
from gateway.execution.plan.plan import Plan
from gateway.execution.plan_cache import KEPT, Plans
from gateway.execution.planner import selections
from gateway.schema.framework.context import Budget, Context
from tests.support.marketplaces import Marketplace, Recorded
from tests.support.schema_documents import contract

PAGE = """query($n: Int!, $long: Boolean = true) {
  resources(first: $n) {
    totalCount nodes { name @include(if: $long) project { created } endpoints { url } }
  }
}"""


@pytest.fixture
def answering() -> Answering:
    """Give what answers by plans, with none made yet."""
    return Answering(schema)


async def asked(
    demo: Marketplace, answering: Answering, query: str, as_: str = "staff", **variables: Any
) -> Any:
    """Give an answer as its client has it."""
    context = Context(demo.database, demo.statements, await demo.viewer(as_))
    demo.database.asked = []
    answer = await answering.answer(Asking(query, variables, id="the-id"), context)
    return msgspec.json.decode(answer.encoded())


def plan_of(demo: Marketplace, answering: Answering, query: str, **variables: Any) -> Plan:
    """Give the plan of a query."""
    document = answering._documents.read(query)
    assert answering._plans is not None
    installation = demo.statements.installation
    plan = answering._plans.plan(query, document, installation, variables, None)
    assert plan is not None
    return plan


async def test_an_operation_is_compiled_once_for_all_values(
    demo: Marketplace, answering: Answering
) -> None:
    plan = plan_of(demo, answering, PAGE, n=1)
    assert plan_of(demo, answering, PAGE, n=2) is plan
    assert plan_of(demo, answering, PAGE, n=1, long=False) is not plan


async def test_a_level_is_read_in_one_batch(demo: Marketplace, answering: Answering) -> None:
    plan = plan_of(demo, answering, PAGE, n=1)
    levels = [[step.kind for step in level] for level in plan.levels]
    assert levels == [[Kind.PAGE, Kind.COUNT], [Kind.MANY]]
    batches = []

    class Counted(Recorded):
        def send(self, queue: Sequence[Awaited]) -> None:
            batches.append(len(queue))
            super().send(queue)

    counted = await Counted.at(demo.url)
    counted.asked = []
    viewer = await demo.viewer("staff")
    context = Context(counted, demo.statements, viewer)
    await answering.answer(Asking(PAGE, {"n": 3}), context)
    await counted.close()
    assert batches == [2, 1]


ROW = ("resource",)


async def test_a_page_of_all_paths_takes_few_statements(
    demo: Marketplace, answering: Answering
) -> None:
    document = f"query($n: Int!) {{ resources(first: $n) {{ nodes {{ {contract(ROW)} }} }} }}"
    for viewer in ("staff", "member"):
        for rows in (5, 300):
            await asked(demo, answering, document, viewer, n=rows)
            assert len(demo.database.asked) <= 15
    assert answering.counts == {"compiled": 4}


DETAIL = """query($uuid: UUID!) { resource(uuid: $uuid) {
  name endpoints { url } parent { endpoints { url } children { totalCount } }
  offering { name components { name limitAmount } plans { name components { price } } }
} }"""


@pytest.mark.parametrize("viewer", ["staff", "member"])
async def test_the_short_lists_of_one_row_come_with_it(
    demo: Marketplace, answering: Answering, viewer: str
) -> None:
    found = await demo.data("{ resources(first: 40) { nodes { uuid } } }", viewer)
    reference = Answering(schema, execution="reference")
    for each in found["resources"]["nodes"]:
        answer = await asked(demo, answering, DETAIL, viewer, uuid=each["uuid"])
        assert len(demo.database.asked) <= 3 + ("count(*)" in str(demo.database.asked))
        assert answer == await asked(demo, reference, DETAIL, viewer, uuid=each["uuid"])
    assert answering.counts == {"compiled": len(found["resources"]["nodes"])}
    steps = plan_of(demo, answering, DETAIL, uuid=each["uuid"]).steps
    assert sum(step.within for step in steps) >= 3


async def test_of_a_row_that_is_not_seen_no_list_comes(
    demo: Marketplace, answering: Answering
) -> None:
    uuid = (await demo.data("{ resources(last: 1) { nodes { uuid } } }"))["resources"]["nodes"][0]
    answer = await asked(demo, answering, DETAIL, "nobody", **uuid)
    assert answer == {"data": {"resource": None}}
    assert answering.counts == {"compiled": 1}


async def test_an_empty_text_is_no_missing_row(demo: Marketplace, answering: Answering) -> None:
    query = "{ resources(first: 50) { nodes { offering { pausedReason components { type } } } } }"
    answer = await asked(demo, answering, query)
    offerings = [each["offering"] for each in answer["data"]["resources"]["nodes"]]
    assert any(each["pausedReason"] == "" and each["components"] for each in offerings)
    assert answering.counts == {"compiled": 1}


async def test_only_the_columns_that_are_asked_for_are_read(
    demo: Marketplace, answering: Answering
) -> None:
    await asked(demo, answering, "{ resources(first: 1) { nodes { name } } }", "member")
    (sql,) = demo.database.asked
    assert "marketplace_resource.name" in sql
    assert "attributes" not in sql
    assert "JOIN" not in sql


async def test_what_hangs_from_a_hidden_row_is_not_even_read(
    demo: Marketplace, answering: Answering
) -> None:
    """The parent of a resource that only its user sees shows no endpoints, and none are loaded."""
    below = "{ resources(first: 300) { nodes { parent { name endpoints { url } } } } }"
    answer = await asked(demo, answering, below, "resource_user")
    parents = [each["parent"] for each in answer["data"]["resources"]["nodes"] if each["parent"]]
    hidden = [each for each in parents if each["endpoints"] is None]
    plan = plan_of(demo, answering, below)
    (many,) = plan.levels[1]
    page = many.above
    assert page is not None
    (seen,), key = page.shown[-1].when, page.shown[-1].there[-1]
    rows = [(None, *([True] * len(page.columns))) for _ in range(3)]
    assert many.keys([(*row[:seen], False, *row[seen + 1 :]) for row in rows]) == set()
    assert many.keys([(*row[:key], 7, *row[key + 1 :]) for row in rows]) == {7}
    assert answering.counts == {"compiled": 1}
    assert len(hidden) <= len(parents)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ __schema { queryType { name } } }", "__schema"),
        ('{ __type(name: "Query") { name } }', "__type"),
        ("{ __typename } # " + "x" * LONGEST_KEPT, "as long as this"),
        ("query($a: Boolean!) { a: __typename @skip(if: $a) }", ""),
    ],
)
async def test_what_has_no_plan_is_counted_and_logged(
    demo: Marketplace,
    answering: Answering,
    caplog: pytest.LogCaptureFixture,
    query: str,
    reason: str,
) -> None:
    caplog.set_level(logging.INFO, "gateway.execution")
    for _ in range(2):
        await asked(demo, answering, query, a="no boolean")
    assert answering.counts == {"reference": 2}
    said = [each.getMessage() for each in caplog.records]
    assert all("There is no plan for" in each and reason in each for each in said)
    assert bool(said) == bool(reason)


async def test_a_document_that_says_too_much_has_no_plan(
    demo: Marketplace,
    answering: Answering,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(selections, "MOST_PARTS", 3)
    answer = await asked(demo, answering, "{ resources(first: 1) { nodes { name slug state } } }")
    assert len(answer["data"]["resources"]["nodes"]) == 1
    assert answering.counts == {"reference": 1}
    assert "more than 3 parts" in caplog.text


async def test_a_document_that_fragments_blow_up_is_answered(
    demo: Marketplace, answering: Answering
) -> None:
    """Thirty fragments, each spread twice in the one before, would make 2^30 parts."""
    fragments = [
        f"fragment F{i} on Offering {{ a: parent {{ ...F{i + 1} }} b: parent {{ ...F{i + 1} }} }}"
        for i in range(30)
    ]
    last = "fragment F30 on Offering { name }"
    query = "{ offerings(first: 1) { nodes { ...F0 } } } " + " ".join([*fragments, last])
    answer = await asked(demo, answering, query)
    assert len(answer["data"]["offerings"]["nodes"]) == 1
    assert answering.counts == {"reference": 1}


async def test_many_references_are_read_by_few_joins(
    demo: Marketplace, answering: Answering
) -> None:
    """Each level of fragments refers to many rows; whatever is beyond a bound is a step."""
    fragments = [
        f"""fragment O{i} on Offering {{ name category {{ title }} provider {{ name }}
        project {{ name customer {{ name }} }} parent {{ {f"...O{i - 1}" if i else "name"} }} }}
        fragment R{i} on Resource {{ name offering {{ ...O{i} }} plan {{ offering {{ ...O{i} }} }}
        project {{ name created }} parent {{ {f"...R{i - 1}" if i else "name"} }} }}"""
        for i in range(4)
    ]
    query = "{ resources(first: 50) { nodes { ...R3 } } } " + " ".join(fragments)
    reference = Answering(schema, execution="reference")
    for viewer in ("staff", "member", "resource_user"):
        found = await asked(demo, answering, query, viewer)
        assert max(sql.count("JOIN") for sql in demo.database.asked) <= selections.MOST_JOINS
        assert found == await asked(demo, reference, query, viewer)
    assert answering.counts == {"compiled": 3}


async def test_a_document_with_very_many_lists_is_the_references(
    demo: Marketplace, answering: Answering
) -> None:
    lists = " ".join(f"a{i}: resources(first: 1) {{ totalCount }}" for i in range(101))
    await asked(demo, answering, f"{{ {lists} }}")
    assert len(set(demo.database.asked)) == 1
    assert answering.counts == {"reference": 1}


async def test_deep_documents_are_answered(demo: Marketplace, answering: Answering) -> None:
    below = "parent { " * 150 + "name" + " }" * 150
    deep = f"{{ offerings(first: 1) {{ nodes {{ {below} }} }} }}"
    answer = await asked(demo, answering, deep)
    assert answer["data"]["offerings"]["nodes"]


async def test_a_plan_that_is_often_surprised_is_given_up(
    demo: Marketplace, answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    query = "{ resources(first: 2) { nodes { name } } }"
    plan = plan_of(demo, answering, query)
    plan.levels[0][0].build = lambda *_: {}
    for _ in range(MOST_SURPRISES + 2):
        assert len((await asked(demo, answering, query))["data"]["resources"]["nodes"]) == 2
    assert answering.counts == {"surprised": MOST_SURPRISES, "reference": 2}
    assert caplog.text.count("the-id: a plan was surprised: KeyError") == MOST_SURPRISES


async def test_a_plan_rests_only_after_surprises_in_a_row(
    demo: Marketplace, answering: Answering
) -> None:
    query = "{ resources(first: 2) { nodes { name } } }"
    plan = plan_of(demo, answering, query)
    step = plan.levels[0][0]
    build = step.build
    for _ in range(MOST_SURPRISES):
        step.build = lambda *_: {}
        await asked(demo, answering, query)
        step.build = build
        await asked(demo, answering, query)
    assert answering.counts == {"surprised": MOST_SURPRISES, "compiled": MOST_SURPRISES}


async def test_mistakes_of_clients_do_not_wear_a_plan_out(
    demo: Marketplace, answering: Answering
) -> None:
    for _ in range(MOST_SURPRISES + 1):
        answer = await asked(demo, answering, PAGE, n=-1)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert answering.counts == {"reference": MOST_SURPRISES + 1}
    await asked(demo, answering, PAGE, n=1)
    assert answering.counts["compiled"] == 1


async def test_mistakes_of_clients_keep_no_plan_from_being_made(
    demo: Marketplace, answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    assert "errors" in await asked(demo, answering, PAGE, n="many")
    assert "errors" not in await asked(demo, answering, PAGE, n=1)
    assert answering.counts == {"reference": 1, "compiled": 1}
    assert not caplog.records


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { user { username } } }",
        "{ resources(first: 9) { nodes { project { name } plan { name } endpoints { url } } } }",
        "{ resources(first: 9) { edges { cursor node { offering { components { name } } } } } }",
        "{ resources(first: 9) { edges { cursor } pageInfo { endCursor } totalCount } }",
        "{ a: resources(first: 4) { nodes { name } } categories { offerings { nodes { name } } } }",
        """{ resources(first: 9) { nodes { parent { parent { name } created children { nodes
        { parent { offering { plans { components { component { name } } } } } } } } } } }""",
        """{ viewer { user { username } } projects { nodes { customer { projects { nodes { name
        resources(first: 3) { nodes { isUsageBased } } } } } } } }""",
    ],
)
@pytest.mark.parametrize("viewer", ["staff", "member", "resource_user"])
async def test_both_executions_count_the_same_rows(
    demo: Marketplace, query: str, viewer: str
) -> None:
    spent = Budget(10_000)
    plans, reference = Answering(schema), Answering(schema, execution="reference")
    seer = await demo.viewer(viewer)
    first = Context(demo.database, demo.statements, seer, budget=spent)
    await reference.answer(Asking(query), first)
    rows = spent.most - spent._left
    for most, refused in ((rows, False), (rows - 1, rows > 0)):
        context = Context(demo.database, demo.statements, seer, budget=Budget(most))
        assert (await plans.answer(Asking(query), context)).refused == refused
    assert plans.counts == {"compiled": 2}


def test_plans_used_last_are_kept(demo: Marketplace, answering: Answering) -> None:
    plans = Plans(answering._schema)
    installation = demo.statements.installation
    for i in [*range(KEPT), 0, KEPT]:
        text = f"{{ a{i}: __typename }}"
        plans.plan(text, answering._documents.read(text), installation, None, None)
    kept = [each[0] for each in plans._kept]  # type: ignore[index]
    assert len(kept) == KEPT
    assert "{ a0: __typename }" in kept
    assert "{ a1: __typename }" not in kept


async def test_the_reference_alone_makes_no_plans(demo: Marketplace) -> None:
    answering = Answering(schema, execution="reference")
    await asked(demo, answering, PAGE, n=1)
    assert answering.counts == {"reference": 1}
    assert isinstance(schema, Schema)
