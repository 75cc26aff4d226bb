"""What the documents show is what happens."""

import re
import runpy
from collections.abc import Iterator

import psycopg

from gateway.api import schema
from gateway.execution.executor import Answering
from gateway.execution.graphql_request import Asking
from gateway.execution.plan.nodes import Step
from gateway.schema.framework.context import Context
from tests.support.marketplaces import Marketplace
from tests.support.project_paths import PROJECT_ROOT

EXECUTION = (PROJECT_ROOT / "docs" / "execution.md").read_text(encoding="utf-8")
FIRST = "select uuid from structure_project where id = 1"


def blocks(language: str) -> list[str]:
    """Give what the document shows in a language."""
    return re.findall(rf"```{language}\n(.*?)```", EXECUTION, re.DOTALL)


def packed(text: str) -> str:
    """Give a text without its spaces and the commas that only they need."""
    return re.sub(r"\s", "", text).replace(",)", ")")


def undated(text: str) -> str:
    """Give a text without its moments: a demo counts them from the day that it is made."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "moment", text)


def shown(steps: list[Step]) -> Iterator[str]:
    """Give the code and the statements that the document is to show."""
    page = steps[1]
    build, _, *keys = page.source.split("\n\ndef ")
    yield build
    yield from (f"def {each}" for each in keys)
    for step in steps[1:]:
        for statement in step.statements.values():
            assert statement is not None
            yield statement.sql


def test_the_page_for_those_who_come_from_rest_is_of_this_schema() -> None:
    made = runpy.run_path(str(PROJECT_ROOT / "tools" / "rest_to_graphql.py"))["page"]()
    page = (PROJECT_ROOT / "docs" / "rest-to-graphql.md").read_text(encoding="utf-8")
    assert made == page, "Write it anew with `make docs`."


async def test_the_query_that_is_followed_goes_where_the_document_says(demo: Marketplace) -> None:
    (query,) = blocks("graphql")
    (answer,) = blocks("json")
    with psycopg.connect(demo.url) as connection:
        ((project,),) = connection.execute(FIRST).fetchall()
    answering = Answering(schema)
    asking = Asking(query, {"project": project.hex})
    context = Context(demo.database, demo.statements, await demo.viewer("member"))
    given = (await answering.answer(asking, context)).encoded().decode()
    assert undated(given) == undated(answer.strip())
    plan = answering._plan(answering._documents.read(query), asking, context)
    assert plan is not None
    assert [len(level) for level in plan.levels] == [2, 2]
    there = packed("".join(blocks("python") + blocks("sql")))
    for each in shown(plan.steps):
        assert packed(each) in there, each
